"""The composition root: what ``patch()`` puts together, and what flush, stats and the end of the program do.

Knows the seam in the SDK (``instrument``) and delivery (``export``), which do not know each other.
"""

from __future__ import annotations

import atexit
import importlib
import os
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from log10_trace import instrument, local_server, threads
from log10_trace import redact as redaction
from log10_trace.config import Config, resolve
from log10_trace.export.deferred_delivery import DeferredDelivery
from log10_trace.guard import guard
from log10_trace.record.call import Call, Sink
from log10_trace.unpatched import time

if TYPE_CHECKING:
    from log10_trace.export import Delivery, Stats


class _FanOut:
    """A sink that hands each call to several."""

    def __init__(self, sinks: tuple[Sink, ...]) -> None:
        self._sinks = sinks

    def on_start(self, call: Call) -> None:
        for sink in self._sinks:
            sink.on_start(call)

    def on_end(self, call: Call) -> None:
        # Made first: a sink may let go of the bytes of the call that it is given.
        twins = [_make_twin(call) for _ in self._sinks[1:]]
        for sink, each in zip(self._sinks, (call, *twins), strict=True):
            sink.on_end(each)


class _SinkOfBoth:
    """Hands each call to the delivery of records and to that of spans."""

    def __init__(self, records: Sink, spans: Sink) -> None:
        self._records = records
        self._spans = spans

    def on_start(self, call: Call) -> None:
        self._records.on_start(call)
        self._spans.on_start(call)

    def on_end(self, call: Call) -> None:
        # Each notes its own sequence in the call, and takes its bytes.
        twin = _make_twin(call)
        try:
            self._records.on_end(call)
        finally:  # a signal handler may raise in the middle
            self._spans.on_end(twin)


def _make_twin(call: Call) -> Call:
    """The same call with a list of chunks of its own."""
    twin = Call.__new__(Call)
    twin.__dict__.update(vars(call), chunks=list(call.chunks))
    return twin


class _Runtime:
    """What is in force in this process: the settings, the delivery, and where calls go."""

    def __init__(self) -> None:
        self._lock = threads.new_reentrant_lock()
        self._delivery: DeferredDelivery | None = None
        self._spans: Delivery | None = None
        """The delivery of spans to ``otlp_url``; without the other where that is the only destination."""
        self._deliveries: weakref.WeakSet[Delivery] = weakref.WeakSet()
        """Those that have begun: the last, and those before it that may still have something to deliver."""
        self._diverted: Sink | None = None
        self._observers: tuple[Sink, ...] = ()
        self._at_exit = False
        self.config: Config | None = None
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        """In a forked child: a thread that is not there any more may have been in the middle of ``patch``."""
        if self._lock.acquire(blocking=False):
            self._lock.release()
            return
        self._lock = threads.new_reentrant_lock()
        self.config = None  # so that the child's own ``patch`` begins from the beginning

    @property
    def delivery(self) -> Delivery | None:
        """The delivery of the last ``patch``, which outlives ``unpatch``; begun now if it has not yet.

        None where nothing was patched, and for a signal handler that interrupts the beginning.
        """
        return self._spans if self._delivery is None else self._delivery.begin()

    @property
    def deliveries(self) -> list[Delivery]:
        """The delivery, and that of spans beside it."""
        beside = None if self._delivery is None else self._spans
        return [each for each in (self.delivery, beside) if each is not None]

    @property
    def is_unused(self) -> bool:
        """Whether nothing was ever patched, and so nothing can wait."""
        return self._delivery is None and self._spans is None

    def stats(self) -> Stats:
        """What has become of this process's records up to now."""
        spans = None if self._spans is None else self._spans.stats()
        if self._delivery is not None and spans is None:
            return self._delivery.stats()
        if self._delivery is not None:
            from dataclasses import replace  # noqa: PLC0415 -- seldom needed

            return replace(self._delivery.stats(), otlp=spans)
        if spans is not None:
            return spans
        from log10_trace.export.stats import Stats  # noqa: PLC0415 -- seldom needed

        return Stats()

    def patch(self, config: Config) -> None:
        with self._lock:
            if config == self.config:
                self._install()  # the SDK may have been imported anew meanwhile
                return
            retired = [self._delivery, self._spans]
            self._make_deliveries(config)
            self.config = config
            self._install()
            for each in retired:
                if each is not None:
                    each.stop_in_background()
            if self._delivery is not None:
                self._delivery.resolver.resolve()
            if not self._at_exit:
                self._at_exit = True
                atexit.register(self.exit)

    def _on_begun(self, delivery: Delivery) -> None:
        self._deliveries.add(delivery)
        with guard("preparing for calls that fail"):
            instrument.prepare_for_failures()

    def _make_deliveries(self, config: Config) -> None:
        """Make what calls go to by the settings; it goes on counting where the one before it has counted."""
        spans = None
        if config.otlp_url is not None:
            # Imported only where it is needed: it brings protobuf.
            otlp = importlib.import_module("log10_trace.export.delivery.otlp_delivery")
            before = self._spans
            is_same = before is not None and before.config.url == config.otlp_url
            spans = otlp.make_otlp_delivery(config, before.sink.monitor if before and is_same else None)
            self._on_begun(spans)
        monitor = None if self._delivery is None else self._delivery.monitor
        # Without a server, and none of this user's that ever ran, records would wait for nobody.
        has_server = spans is None or config.url is not None or local_server.has_ever_run()
        records = DeferredDelivery(config, monitor, self._on_begun) if has_server else None
        self._delivery, self._spans = records, spans

    def _install(self) -> None:
        """Have calls recorded as the settings in force say, or not at all."""
        config, sink = self.config, self._diverted
        if sink is None and config is not None:
            sink = self._sink()
        if self._observers:
            sink = _FanOut((*([sink] if sink is not None else ()), *self._observers))
        if sink is None:
            instrument.uninstall()
            return
        config = config or resolve({"sample_rate": 1.0})
        instrument.install(
            sink,
            tags=config.tags,
            metadata=config.metadata,
            organization_id=config.organization_id,
            sample_rate=config.sample_rate if self._diverted is None else 1.0,
            keep_failures=config.keep_failures,
            count_left_out=self._count_left_out,
            sdks=config.sdks,
            app=config.app,
            threads_carry_scope=config.threads,
        )

    def _sink(self) -> Sink | None:
        """What the settings have calls go to."""
        if self._spans is None:
            return self._delivery
        return _SinkOfBoth(self._delivery, self._spans.sink) if self._delivery else self._spans.sink

    def _count_left_out(self) -> None:
        if self._delivery is not None:
            self._delivery.count_left_out()
        elif self._spans is not None:
            self._spans.sink.count_left_out()

    @contextmanager
    def redirect_to(self, sink: Sink) -> Iterator[None]:
        before, self._diverted = self._diverted, sink
        try:
            self._install()
            yield
        finally:
            self._diverted = before
            self._install()

    @contextmanager
    def observed_by(self, sink: Sink) -> Iterator[None]:
        before = self._observers
        self._observers = (*before, sink)
        try:
            self._install()
            yield
        finally:
            self._observers = before
            self._install()

    def unpatch(self) -> None:
        with self._lock:
            self.config = None
            self._install()
            for each in (self._delivery, self._spans):
                if each is not None:
                    each.stop_in_background()

    def exit(self) -> None:
        with guard("ending"):
            instrument.settle_open_streams()
        last = self._delivery
        ending: list[Delivery | DeferredDelivery] = [
            each for each in self._deliveries if last is None or each is not last.begun
        ]
        if last is not None:
            ending.append(last)
        for delivery in ending:
            delivery.stop_in_background()  # all of them at once
        began = time.monotonic()
        for delivery in ending:
            with guard("delivering at the end of the program"):
                delivery.exit(max(0.0, began + delivery.config.exit_timeout - time.monotonic()))


_runtime = _Runtime()
redirect_to = _runtime.redirect_to
"""``with redirect_to(sink)``: calls go to another sink inside; for ``testing``."""
observed_by = _runtime.observed_by
"""``with observed_by(sink)``: calls go to this sink too, beside the one they go to; for ``testing``."""


def patch(
    *,
    url: str | None = None,
    token: str | None = None,
    organization_id: str | None = None,
    ca_file: str | Path | None = None,
    tags: Iterable[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    redact: redaction.Redactor | str | Sequence[redaction.Redactor | str] | None = None,
    capture_content: bool | None = None,
    max_content_bytes: int | None = None,
    sample_rate: float | None = None,
    keep_failures: bool | None = None,
    sdks: Iterable[str] | None = None,
    app: Iterable[str] | None = None,
    threads: bool | None = None,
    disabled: bool | None = None,
    spool_dir: str | Path | None = None,
    spool_max_bytes: int | None = None,
    memory_max_bytes: int | None = None,
    flush_interval: float | None = None,
    timeout: float | None = None,
    exit_timeout: float | None = None,
    otlp_url: str | None = None,
    otlp_headers: Mapping[str, str] | str | None = None,
    otlp_content: bool | None = None,
    otlp_traced: bool | None = None,
    otlp_metrics: bool | None = None,
) -> None:
    """Keep every call that this program makes with the OpenAI SDK from now on, or with one of ``sdks``.

    An argument that is not given comes from the environment variable behind it, else it has its default.
    Calling ``patch`` again with the same settings changes nothing; with others, they hold from then on.

    Args:
        url: URL of the completions API; default: this user's own `log10-trace serve` (``LOG10_URL``).
        token: API key of the completions API (``LOG10_TOKEN``).
        organization_id: Organization of the records; default: the token's (``LOG10_ORG_ID``).
        ca_file: A PEM file with the authorities that the API's certificate is verified with; without it,
            SSL_CERT_FILE, else SSL_CERT_DIR, else those of certifi (``LOG10_CA_FILE``).
        tags: Tags on every record of the program (``LOG10_TAGS``).
        metadata: A flat map stored with every record: team=search,stage=test (``LOG10_METADATA``).
        redact: Completion to Completion function, called on the delivery thread before a record is stored; or
            detectors of `log10_trace.redact`, also by name: keys,emails,phones,cards,ibans,ssns,ips
            (``LOG10_REDACT``).
        capture_content: When no, records have models, parameters, roles, usage and sizes, but no words
            (``LOG10_CAPTURE_CONTENT``).
        max_content_bytes: Larger images, audio and files are replaced by type, size and SHA-256, longer texts
            are cut; default: nothing is (``LOG10_MAX_CONTENT_BYTES``).
        sample_rate: Share of sessions to record, all of their calls; outside of any session, of calls; 0 to 1
            (``LOG10_SAMPLE_RATE``).
        keep_failures: When yes, calls that fail are recorded whatever sample_rate says
            (``LOG10_KEEP_FAILURES``).
        sdks: SDKs whose calls are recorded, each once the program imports it; default:
            openai,anthropic,cerebras,groq,litellm,together (``LOG10_SDKS``).
        app: Modules, packages or paths that are your own code although they are installed; behind a `!`,
            ones that are not (``LOG10_APP``).
        threads: When yes, threads and executors begin with the session and tags of what starts them
            (``LOG10_THREADS``).
        disabled: When yes, ``patch()`` does nothing (``LOG10_DISABLED``).
        spool_dir: Where records wait for delivery; default: the folder `spool` in LOG10_HOME
            (``LOG10_SPOOL_DIR``).
        spool_max_bytes: Maximum size of the spool; the oldest records are dropped first
            (``LOG10_SPOOL_MAX_BYTES``).
        memory_max_bytes: Maximum memory for waiting records, all stages (``LOG10_MEMORY_MAX_BYTES``).
        flush_interval: Seconds to wait for a batch to fill before sending (``LOG10_FLUSH_INTERVAL``).
        timeout: Maximum seconds for one request to the completions API, from first to last byte
            (``LOG10_TIMEOUT``).
        exit_timeout: Seconds that program exit may be delayed to deliver (``LOG10_EXIT_TIMEOUT``).
        otlp_url: URL of an OTLP endpoint (HTTP), with or without /v1/traces: every call is sent there as a
            span as well (``LOG10_OTLP_URL``).
        otlp_headers: Headers of every request to otlp_url, such as a key: api-key=secret,tenant=acme
            (``LOG10_OTLP_HEADERS``).
        otlp_content: When yes, spans hold requests, responses and tools as well (``LOG10_OTLP_CONTENT``).
        otlp_traced: When yes, calls that another instrumentation has a span of are sent to otlp_url as well
            (``LOG10_OTLP_TRACED``).
        otlp_metrics: When no, otlp_url is sent spans alone, and no metrics to /v1/metrics beside it
            (``LOG10_OTLP_METRICS``).

    Raises:
        ConfigError: a setting cannot be used; the message names it.
        MissingExtraError: ``otlp_url`` is given, and the extra ``otel`` is not installed.
    """
    config = resolve({name: value for name, value in locals().items() if value is not None})
    if config.disabled:
        unpatch()
        return
    _runtime.patch(config)


def unpatch() -> None:
    """Leave the SDK as it was. What was captured is still delivered."""
    _runtime.unpatch()


def flush(timeout: float = 5.0) -> bool:
    """Deliver everything captured so far, and what ended processes left for the same destination.

    True when that was done within ``timeout`` seconds. Where no record of the program's own waits, the first
    attempt that fails ends it. Where gevent has made threads greenlets, the others go on meanwhile.
    """
    until = time.monotonic() + timeout
    deliveries = _runtime.deliveries
    if not deliveries:
        return _runtime.is_unused
    for delivery in deliveries[1:]:
        delivery.flush(0.0)  # begins while the first is waited for
    flushed = [delivery.flush(max(0.0, until - time.monotonic())) for delivery in deliveries]
    return all(flushed)


def shutdown(timeout: float = 2.0) -> bool:
    """Leave the SDK as it was, deliver what goes through, and end the thread; true when nothing is left.

    It also delivers what ended processes left for the same destination. What is left waits in the spool for
    the next process, `log10-trace serve` or `log10-trace spool flush`.
    """
    _runtime.unpatch()
    until = time.monotonic() + timeout
    deliveries = _runtime.deliveries
    if not deliveries:
        return _runtime.is_unused
    for delivery in deliveries:
        with guard("recovering the records of dead processes"):
            delivery.adopt_left_behind()
    closed = [delivery.close(max(0.0, until - time.monotonic())) for delivery in deliveries]
    return all(closed)


def stats() -> Stats:
    """What has become of this process's calls up to now."""
    return _runtime.stats()
