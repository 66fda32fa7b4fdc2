"""Metrics of the recorded calls, by OpenTelemetry's conventions for generative AI, in Prometheus format.

What is counted stands in ``otlp/call_measures.py``. OpenTelemetry's specification of the compatibility with
Prometheus gives the names: dots become underscores, a unit stands at the end, ``{token}`` is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Histogram

from log10_trace.otlp.call_measures import METRICS, MeasureReader, Metric

_UNITS: Final = {"s": "_seconds"}


class CallMetrics:
    """The histograms of one organization's calls, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._reader = MeasureReader()
        self._histograms = {
            metric: Histogram(
                _replace_dots(metric.name) + _UNITS.get(metric.unit, ""),
                metric.description,
                tuple(map(_replace_dots, metric.labels)),
                buckets=metric.boundaries,
                registry=self.registry,
            )
            for metric in METRICS
        }
        self._children: dict[tuple[Metric, tuple[str, ...]], Histogram] = {}

    def count(self, values: Mapping[str, Any]) -> None:
        """Count a call that has ended, by the parsed fields of its record."""
        for metric, labels, value in self._reader.read(values):
            # Looked up here: to find the child of its labels takes a histogram longer than to count a value.
            child = self._children.get((metric, labels))
            if child is None:
                # An empty label is none to Prometheus.
                child = self._histograms[metric].labels(*labels)
                child = self._children.setdefault((metric, labels), child)
            child.observe(value)


def _replace_dots(name: str) -> str:
    return name.replace(".", "_")
