"""``patch(otlp_url=...)`` pushes metrics as well: each call counts once, whatever the endpoint does."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE, HistogramDataPoint
from opentelemetry.semconv._incubating.attributes import error_attributes, gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

from log10_trace import guard
from log10_trace.config import resolve
from log10_trace.export.delivery import delivery, otlp_metrics
from log10_trace.export.delivery.otlp_delivery import make_otlp_delivery
from log10_trace.export.delivery.otlp_exchange import OtlpExchange
from log10_trace.export.delivery.otlp_metrics import INTERVAL_S, OtlpMetrics
from log10_trace.export.delivery.otlp_transport import OtlpTransport
from log10_trace.export.delivery.server import Server
from log10_trace.export.spool.outbound_record import OutboundRecord
from log10_trace.otlp.call_measures import (
    METRICS,
    OPERATION_DURATION,
    OTHER,
    TIME_TO_FIRST_CHUNK,
    TOKEN_USAGE,
    Measure,
)
from log10_trace.otlp.histograms import CallHistograms
from tests.completions_api import CompletionsAPI
from tests.export.factories import keep
from tests.model_endpoint import Endpoint, model_endpoint
from tests.otlp.conftest import record
from tests.otlp.test_patch import run
from tests.otlp_receiver import Receiver, otlp_receiver, refuse

NAMES = {
    TOKEN_USAGE: gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE,
    OPERATION_DURATION: gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION,
    TIME_TO_FIRST_CHUNK: gen_ai_metrics.GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK,
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with otlp_receiver() as receiver:
        yield receiver


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


@pytest.fixture(scope="module")
def model() -> Iterator[Endpoint]:
    with model_endpoint() as endpoint:
        yield endpoint


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time in seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(receiver: Receiver, clock: Clock) -> Iterator[OtlpMetrics]:
    exchange = OtlpExchange({"api-key": "a"})
    yield OtlpMetrics(
        CallHistograms(start_ns=7),
        exchange,
        Server(url=f"{receiver.url}/v1/metrics"),
        {"service.name": "shop"},
        clock=clock,
        now_ns=lambda: 9,
    )
    exchange.close()
    otlp_metrics._refused.clear()
    otlp_metrics._named.clear()


def count(metrics: OtlpMetrics, **fields: Any) -> None:
    metrics.count(list(metrics.read(record(**fields))))


def points(receiver: Receiver, push: int = -1) -> dict[tuple[str, ...], HistogramDataPoint]:
    """The points of a push by the metric's name and the values that stand behind operation and provider."""
    _, message = receiver.pushes[push]
    return {
        (metric.name, *(each.value.string_value for each in point.attributes[2:])): point
        for resource in message.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.histogram.data_points
    }


def test_every_name_is_one_of_the_conventions() -> None:
    """Of metrics and of their labels."""
    labels = {
        value
        for module in (gen_ai_attributes, error_attributes)
        for value in vars(module).values()
        if isinstance(value, str)
    }

    assert {metric.name for metric in METRICS} == set(NAMES.values())
    assert all(metric.name == NAMES[metric] for metric in METRICS)
    assert {label for metric in METRICS for label in metric.labels} <= labels


def test_a_push_has_all_that_was_counted(metrics: OtlpMetrics, receiver: Receiver) -> None:
    """As cumulative histograms with the recommended boundaries, of the service that the spans are of."""
    count(metrics)
    count(metrics, duration=0.01, time_to_first_token=None)
    count(metrics, status="failed", failure_kind="RateLimitError", response=None, time_to_first_token=None)
    metrics.push(30.0)

    ((headers, message),) = receiver.pushes
    (resource_metrics,) = message.resource_metrics
    (scope_metrics,) = resource_metrics.scope_metrics
    assert (headers["content-type"], headers["api-key"]) == ("application/x-protobuf", "a")
    assert {each.key: each.value.string_value for each in resource_metrics.resource.attributes} == {
        "service.name": "shop"
    }
    assert scope_metrics.scope.name == "log10_trace"
    units = {each.name: each.unit for each in scope_metrics.metrics}
    assert units == {metric.name: metric.unit for metric in METRICS}
    assert all(
        each.histogram.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
        for each in scope_metrics.metrics
    )
    answered = ("gpt-4o", "gpt-4o-2024-08-06")
    found = points(receiver)
    assert {key: (point.count, point.sum, point.min, point.max) for key, point in found.items()} == {
        (TOKEN_USAGE.name, *answered, "input"): (2, 100, 50, 50),
        (TOKEN_USAGE.name, *answered, "output"): (2, 40, 20, 20),
        (OPERATION_DURATION.name, *answered): (2, 1.51, 0.01, 1.5),
        (OPERATION_DURATION.name, "gpt-4o", "RateLimitError"): (1, 1.5, 1.5, 1.5),
        (TIME_TO_FIRST_CHUNK.name, *answered): (1, 0.25, 0.25, 0.25),
    }
    duration = found[(OPERATION_DURATION.name, *answered)]
    assert (duration.start_time_unix_nano, duration.time_unix_nano) == (7, 9)
    bounds = list(duration.explicit_bounds)
    assert bounds == [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
    # A boundary belongs to the bucket below it.
    assert list(duration.bucket_counts) == [1, *[0] * 7, 1, *[0] * 6]
    assert list(found[(TOKEN_USAGE.name, *answered, "input")].explicit_bounds) == [4**n for n in range(14)]


def test_a_push_that_fails_is_made_up_for(metrics: OtlpMetrics, receiver: Receiver, clock: Clock) -> None:
    """In a minute, or when the endpoint asks for it; the values are those since the beginning."""
    assert metrics.due_at == float("inf")
    count(metrics)
    assert (metrics.due_at, metrics.has_news) == (clock.now + INTERVAL_S, True)

    receiver.metrics_answer = (503, b"", {"Retry-After": "30"})
    clock.now = metrics.due_at
    metrics.push(30.0)
    assert (metrics.due_at, metrics.has_news) == (clock.now + INTERVAL_S + 30, False)

    receiver.metrics_answer = (200, b"", {})
    count(metrics)
    metrics.push(30.0)
    key = (TIME_TO_FIRST_CHUNK.name, "gpt-4o", "gpt-4o-2024-08-06")
    assert [points(receiver, push)[key].count for push in (0, 1)] == [1, 2]
    assert metrics.due_at == clock.now + INTERVAL_S


@pytest.mark.parametrize("code", [404, 405, 415, 501])
def test_an_endpoint_that_takes_no_metrics_is_not_asked_again(
    metrics: OtlpMetrics, receiver: Receiver, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    """Phoenix has no such path. It is named once, with the setting that ends it."""
    receiver.metrics_answer = (code, b"", {})
    count(metrics)
    with caplog.at_level(logging.WARNING, "log10_trace"):
        metrics.push(30.0)
    count(metrics)

    assert (metrics.due_at, metrics.has_news) == (float("inf"), False)
    (said,) = [each.getMessage() for each in caplog.records]
    assert f"/v1/metrics takes no metrics (HTTP {code})" in said
    assert "LOG10_OTLP_METRICS=0" in said


@pytest.mark.parametrize("code", [401, 403])
def test_a_key_that_is_refused_is_named_once_and_tried_again(
    metrics: OtlpMetrics, receiver: Receiver, clock: Clock, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    """The endpoint may learn the key later; refused again after that, it is named again."""
    count(metrics)
    with caplog.at_level(logging.WARNING, "log10_trace"):
        for answer in (code, code, 200, code):
            receiver.metrics_answer = (answer, b"", {})
            assert metrics.due_at <= clock.now + INTERVAL_S
            clock.now = metrics.due_at
            metrics.push(30.0)

    assert len(receiver.pushes) == 4
    said = [each.getMessage() for each in caplog.records]
    assert len(said) == 2
    assert all(f"refuses metrics (HTTP {code})" in each and "LOG10_OTLP_HEADERS" in each for each in said)


def test_a_push_that_is_too_large_is_made_in_parts(metrics: OtlpMetrics, receiver: Receiver) -> None:
    """As small as the endpoint asks for; later pushes are as small at once."""
    for number in range(5):
        count(metrics, request={"model": f"m{number}"})
    receiver.max_metrics_bytes = 1500
    metrics.push(30.0)
    assert len(receiver.pushes) > len(receiver.taken_pushes) > 1

    receiver.pushes.clear()
    receiver.taken_pushes.clear()
    metrics.push(30.0)
    assert len(receiver.pushes) == len(receiver.taken_pushes)
    keys = [key for push in receiver.taken_pushes for key in points(receiver, push)]
    assert len(keys) == len(set(keys)) == metrics._histograms.points == 20


def test_a_single_point_that_is_too_large_ends_nothing(metrics: OtlpMetrics, receiver: Receiver) -> None:
    """The endpoint takes nothing of any size: the push is counted as refused, and the next is made."""
    receiver.metrics_answer = (413, b"", {})
    count(metrics)
    metrics.push(30.0)

    assert (metrics.refused_pushes, metrics.due_at < float("inf")) == (1, True)


def test_a_push_that_is_found_wrong_is_counted_and_the_next_is_made(
    metrics: OtlpMetrics,
    receiver: Receiver,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the endpoint says of it stands in the log."""
    monkeypatch.setattr(guard, "_said", guard.ErrorCounter())
    receiver.metrics_answer = (400, b"min is\n missing", {})
    count(metrics)
    with caplog.at_level(logging.WARNING, "log10_trace"):
        metrics.push(30.0)

    assert (metrics.refused_pushes, metrics.due_at) == (1, clock.now + INTERVAL_S)
    assert "took no metrics (HTTP 400 min is missing, 1 such so far)" in caplog.text


def test_names_without_end_are_counted_together() -> None:
    """A program that makes up models must not fill the memory of anybody."""
    histograms = CallHistograms(0)
    for number in range(150):
        histograms.count(histograms.read(record(request={"model": f"m{number}"})))

    labels = {labels for (metric, labels) in histograms._series if metric is TIME_TO_FIRST_CHUNK}
    assert len(labels) == 101
    assert ("chat", "openai", OTHER, OTHER) in labels


def test_two_threads_may_count_while_one_pushes() -> None:
    """A delivery thread that ends counts beside the next one: nothing is lost, and no push fails."""
    histograms = CallHistograms(0)
    models = [f"m{number}" for number in range(300)]

    def count_all() -> None:
        for model in models:
            histograms.count([Measure(OPERATION_DURATION, ("chat", "openai", model, "", ""), 1.0)] * 10)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=count_all) for _ in range(2)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            histograms.encode({}, 1, 1000)
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    counts = [sum(series.buckets) for series in histograms._series.values()]
    assert counts == [20] * len(models)


def test_a_background_response_counts_with_its_answer(metrics: OtlpMetrics, receiver: Receiver) -> None:
    """Its span is sent as it was queued too, and the call counts once; a stream that broke off counts."""
    transport = OtlpTransport(headers={}, resource={}, with_content=False, metrics=metrics)
    made = [
        record(native_request={"background": True}, native_response={"status": "queued"}),
        record(native_request={"background": True}, native_response={"status": "completed"}),
        record(native_request={"stream": True}, native_response={"status": "in_progress"}),
    ]
    sent = [OutboundRecord(str(each["id"]), (json.dumps(each).encode(),)) for each in made]
    transport.send(Server(url=f"{receiver.url}/v1/traces"), sent, 30.0)
    transport.close()
    metrics.push(30.0)

    assert len(receiver.spans) == 3
    assert [point.count for key, point in points(receiver).items() if key[0] == OPERATION_DURATION.name] == [
        2
    ]


def test_the_last_push_comes_behind_the_last_span(
    private_home: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a delivery ends, and none was due yet."""
    monkeypatch.setattr(delivery, "NO_PROGRESS_TIMEOUT_S", 30.0)
    settings = {"otlp_url": receiver.url, "spool_dir": private_home / "spool", "flush_interval": 3600}
    made = make_otlp_delivery(resolve(settings), None)
    keep(made, 3)
    assert made.close(60)

    assert len(receiver.spans) == 3
    assert len(receiver.pushes) == 1
    assert [point.count for key, point in points(receiver).items() if key[0] == OPERATION_DURATION.name] == [
        3
    ]


def test_a_flush_pushes_what_was_counted(
    private_home: Path, model: Endpoint, receiver: Receiver, api: CompletionsAPI
) -> None:
    """Each call counts once, also one whose span is refused; a forked child counts its own alone."""
    receiver.behave(refuse(lambda span: span.status.code == span.status.STATUS_CODE_ERROR))
    source = """
ask()
assert log10_trace.flush(30)
child = os.fork()
if not child:
    ask()
    assert log10_trace.flush(30)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
try:
    openai.OpenAI(base_url="http://127.0.0.1:9", api_key="k", max_retries=0).chat.completions.create(
        model="down", messages=[])
except openai.APIConnectionError:
    pass
log10_trace.flush(30)
show()
"""
    run(private_home, model, source, url=api.url, otlp_url=receiver.url)

    def durations(push: int) -> list[int]:
        return sorted(
            point.count for key, point in points(receiver, push).items() if key[0] == OPERATION_DURATION.name
        )

    assert [durations(push) for push in range(3)] == [[1], [1], [1, 1]]
    instances = [
        {each.key: each.value.string_value for each in message.resource_metrics[0].resource.attributes}
        for _, message in receiver.pushes
    ]
    assert {each["service.name"] for each in instances} == {"log10-trace"}
    first, child, last = (each["service.instance.id"] for each in instances)
    assert first == last != child
