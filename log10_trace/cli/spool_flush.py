"""``log10-trace spool flush``: delivers what ended processes left."""

from __future__ import annotations

import importlib
from pathlib import Path

import typer

from log10_trace.cli import exit_codes
from log10_trace.cli.dead_letter_sending import RECORDS, SPANS, find_server
from log10_trace.cli.output import print_line, progress, stderr_console
from log10_trace.config import Config
from log10_trace.export import Delivery
from log10_trace.export.spool.inspection import PendingSource, list_pending
from log10_trace.export.spool.spool import Spool, spans_folder


def deliver_left_behind(
    settings: Config, timeout: float, *, any_key: bool, unknown_destination: bool
) -> None:
    """Deliver records and spans, each for ``timeout`` seconds at most; spans where the settings name a URL.

    Raises:
        APIConnectionError: records are to be delivered, and no server is running.
        Exit: some could have been delivered, and wait.
    """
    spans = _list_left(spans_folder(settings.spool_dir))
    is_complete = True
    # First, since they do not need the server that the records do.
    if spans and settings.otlp_url is not None:
        otlp = importlib.import_module("log10_trace.export.delivery.otlp_delivery")
        of_spans = otlp.make_otlp_delivery(settings, None, unknown_destination=unknown_destination)
        is_complete = _deliver(SPANS, of_spans, timeout)
    for each in [each for each in spans if each.sequences] if settings.otlp_url is None else []:
        stderr_console.print(delivery_hint(each, SPANS), soft_wrap=True)
    if not spans or _list_left(settings.spool_dir):
        of_records = Delivery(settings, any_key=any_key, unknown_destination=unknown_destination)
        find_server(of_records)
        is_complete &= _deliver(RECORDS, of_records, timeout)
    if not is_complete:
        raise typer.Exit(exit_codes.FAILED)


def _list_left(folder: Path) -> list[PendingSource]:
    return [each for each in list_pending(Spool(folder)) if not each.alive]


def _deliver(what: str, delivery: Delivery, timeout: float) -> bool:
    """Deliver what can be, and say what is left; whether that is all for other destinations."""
    delivery.recover()
    with progress("Delivering"):
        delivery.flush(timeout)
    stats = delivery.stats()
    delivery.close(1.0)
    left = [each for each in list_pending(Spool(delivery.config.spool_dir)) if not each.alive]
    waits = sum(len(each.sequences) for each in left)
    print_line(f"Delivered {stats.adopted} {what}; {waits} wait.")
    for each in left:
        if each.sequences and not delivery.resolver.accepts(each.destination):
            stderr_console.print(delivery_hint(each, what), soft_wrap=True)
        if each.newer:
            newer = f"{each.newer} {what} of {each.source} are of a later version: upgrade log10-trace."
            stderr_console.print(newer, soft_wrap=True)
    return not any(each.deliverable and delivery.resolver.accepts(each.destination) for each in left)


def delivery_hint(each: PendingSource, what: str = RECORDS) -> str:
    """What to set so that the records, or spans, of another destination are delivered."""
    to = each.destination
    if to is None:
        known = f"{len(each.sequences)} {what} of {each.source} have no known destination."
        whose = "your server" if what == RECORDS else "the endpoint in LOG10_OTLP_URL"
        return f"{known} To send them to {whose}: log10-trace spool flush --unknown-destination"
    if what == SPANS:
        return f"{len(each.sequences)} spans of {each.source} are delivered with LOG10_OTLP_URL={to.url}."
    variables = [f"LOG10_URL={to.url}" if to.url else "no LOG10_URL"]
    variables += [f"LOG10_ORG_ID={to.organization_id}"] if to.organization_id else []
    variables += [f"the LOG10_TOKEN with the fingerprint {to.key} (or --any-key)"] if to.key else []
    return f"{len(each.sequences)} records of {each.source} are delivered with {', '.join(variables)}."
