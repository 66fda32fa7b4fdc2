"""What ``forward`` does: apart from the command, because it needs the extra ``otel``."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from log10_trace.cli.forward_scan import ForwardScan
from log10_trace.cli.forwarding import GIVE_UP_S, ForwardCounts, ForwardSender
from log10_trace.cli.output import count_noun, progress, show_json, stderr_console
from log10_trace.cli.sent_calls import open_sent_calls
from log10_trace.client import Log10
from log10_trace.client.filters import Filters
from log10_trace.config import log10_home, resolve
from log10_trace.export.delivery.otlp_transport import OtlpTransport
from log10_trace.export.delivery.server import Server
from log10_trace.otlp.endpoint import read_resource

wait: Callable[[float], None] = time.sleep
"""Passes the time between two looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardOptions:
    """What the command was given."""

    url: str
    headers: Mapping[str, str]
    content: bool
    traced: bool
    again: bool
    follow: bool
    interval: float
    json: bool


def run_forward(client: Log10, filters: Filters, options: ForwardOptions) -> ForwardCounts:
    """Send what was not sent; with ``follow`` until Ctrl-C. What became of the calls is shown.

    Raises:
        SetupError: another process forwards to the same endpoint, or the endpoint refuses everything.
        APIConnectionError: the server, or the endpoint, cannot be reached.
    """
    counts = ForwardCounts()
    settings = resolve()
    transport = OtlpTransport(
        headers=options.headers,
        resource=read_resource(),
        with_content=options.content,
        with_traced=options.traced,
        with_queued=False,
    )
    with (
        open_sent_calls(log10_home() / "forward", client.server_url, options.url) as sent,
        progress("Forwarding") as moved_on,
    ):
        if options.again:
            sent.forget()
        sender = ForwardSender(
            transport,
            Server(url=options.url, ca_file=settings.ca_file),
            sent,
            counts,
            timeout_s=settings.timeout,
            give_up_s=None if options.follow else GIVE_UP_S,
        )
        scan = ForwardScan(client, filters, sender, sent, counts, moved_on=moved_on)
        try:
            scan.scan_all()
            if options.follow:
                _follow(scan, options.interval)
        finally:
            transport.close()
    _show(counts, as_json=options.json)
    return counts


def _follow(scan: ForwardScan, interval: float) -> None:
    with suppress(KeyboardInterrupt):
        while True:
            wait(interval)
            scan.scan_news()


def _show(counts: ForwardCounts, *, as_json: bool) -> None:
    """Say what became of the calls; why some were refused, a line for each reason."""
    refused = counts.refused.total()
    if as_json:
        show_json(
            {
                "sent": counts.sent,
                "refused": refused,
                "skipped": counts.skipped,
                "sent_before": counts.known,
                "running": counts.running,
                "traced": counts.traced,
            }
        )
    else:
        reasons = {
            "were sent before": counts.known,
            "have not ended": counts.running,
            "have a span of another instrumentation": counts.traced,
        }
        why = [f"{count:,} {reason}" for reason, count in reasons.items() if count]
        skipped = f" ({', '.join(why)})" if why else ""
        sent = count_noun(counts.sent, "call")
        stderr_console.print(f"{sent} sent, {refused:,} refused, {counts.skipped:,} skipped{skipped}.")
    _show_reasons(counts.refused)


def _show_reasons(refused: Counter[str]) -> None:
    for reason, count in refused.most_common():
        stderr_console.print(f"  {count:,} refused: {reason or 'the endpoint gives no reason'}")
