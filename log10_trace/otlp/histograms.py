"""Histograms of calls that only grow, and OTLP's protobuf of them. Needs the extra ``otel``."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from log10_trace import threads
from log10_trace.errors import MissingExtraError
from log10_trace.otlp.call_measures import METRICS, Measure, MeasureReader, Metric
from log10_trace.otlp.origin import SCOPE, make_attributes, make_resource

try:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as service
    from opentelemetry.proto.metrics.v1 import metrics_pb2 as protocol
except ImportError as error:
    raise MissingExtraError("Sending metrics over OTLP", "otel") from error


class _Series:
    """The values of one metric with the same labels."""

    __slots__ = ("buckets", "largest", "least", "total")

    def __init__(self, metric: Metric) -> None:
        self.buckets = [0] * (len(metric.boundaries) + 1)
        self.total = 0.0
        self.least = float("inf")
        self.largest = 0.0

    def add(self, metric: Metric, value: float) -> None:
        # A boundary belongs to the bucket below it.
        self.buckets[bisect_left(metric.boundaries, value)] += 1
        self.total += value
        self.least = min(self.least, value)
        self.largest = max(self.largest, value)


class CallHistograms:
    """The histograms of the conventions, over all calls since ``start_ns``. Safe to use from any thread.

    A delivery thread that ends may still count while the next one does.
    """

    def __init__(self, start_ns: int) -> None:
        """Count from this moment, in nanoseconds since 1970."""
        self.start_ns = start_ns
        self._reader = MeasureReader()
        self._series: dict[tuple[Metric, tuple[str, ...]], _Series] = {}
        self._lock = threads.new_lock()

    @property
    def points(self) -> int:
        """How many points a push of everything has: one for each metric with the same labels."""
        return len(self._series)

    def read(self, record: Mapping[str, Any]) -> tuple[Measure, ...]:
        """What is to be counted of a record whose call has ended."""
        return tuple(self._reader.read(record))

    def count(self, measures: Iterable[Measure]) -> None:
        """Count these, which ``read`` has given."""
        with self._lock:
            for metric, labels, value in measures:
                series = self._series.get((metric, labels))
                if series is None:
                    series = self._series[metric, labels] = _Series(metric)
                series.add(metric, value)

    def encode(self, resource: Mapping[str, str], now_ns: int, max_points: int) -> list[bytes]:
        """All that was counted, in export requests of at most ``max_points``; ``resource`` is the service."""
        with self._lock:
            points = [
                (metric, _make_point(metric, labels, series, self.start_ns, now_ns))
                for (metric, labels), series in self._series.items()
            ]
        parts = [points[start : start + max_points] for start in range(0, len(points), max_points)]
        return [_encode_part(part, resource) for part in parts]


def _encode_part(
    points: Sequence[tuple[Metric, protocol.HistogramDataPoint]], resource: Mapping[str, str]
) -> bytes:
    by_metric: dict[Metric, list[protocol.HistogramDataPoint]] = {}
    for metric, point in points:
        by_metric.setdefault(metric, []).append(point)
    metrics = [_make_metric(metric, by_metric[metric]) for metric in METRICS if metric in by_metric]
    request = service.ExportMetricsServiceRequest(
        resource_metrics=[
            protocol.ResourceMetrics(
                resource=make_resource(resource),
                scope_metrics=[protocol.ScopeMetrics(scope=SCOPE, metrics=metrics)],
            )
        ]
    )
    return bytes(request.SerializeToString())


def _make_point(
    metric: Metric, labels: Sequence[str], series: _Series, start_ns: int, now_ns: int
) -> protocol.HistogramDataPoint:
    return protocol.HistogramDataPoint(
        attributes=make_attributes(pair for pair in zip(metric.labels, labels, strict=True) if pair[1]),
        start_time_unix_nano=start_ns,
        time_unix_nano=now_ns,
        count=sum(series.buckets),
        sum=series.total,
        min=series.least,
        max=series.largest,
        bucket_counts=series.buckets,
        explicit_bounds=metric.boundaries,
    )


def _make_metric(metric: Metric, points: Sequence[protocol.HistogramDataPoint]) -> protocol.Metric:
    return protocol.Metric(
        name=metric.name,
        unit=metric.unit,
        description=metric.description,
        histogram=protocol.Histogram(
            data_points=points, aggregation_temporality=protocol.AGGREGATION_TEMPORALITY_CUMULATIVE
        ),
    )


def decode_metrics_rejection(body: bytes) -> tuple[int, str]:
    """How many points a response of success says were not taken, and why."""
    try:
        partial = service.ExportMetricsServiceResponse.FromString(body).partial_success
    except DecodeError:
        return 0, ""
    return max(0, partial.rejected_data_points), partial.error_message
