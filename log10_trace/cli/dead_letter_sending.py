"""``log10-trace spool dead-letters --send``: what a server or an endpoint refused, sent again."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Final

import typer

from log10_trace.cli import exit_codes
from log10_trace.cli.output import print_line, stderr_console
from log10_trace.config import Config
from log10_trace.errors import APIConnectionError
from log10_trace.export import Delivery
from log10_trace.export.delivery.responses import RecordResult
from log10_trace.export.delivery.retry import Disposition
from log10_trace.export.delivery.sender import RecordTransport
from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.transport import Transport
from log10_trace.export.spool.dead_letters import DeadLetter, DeadLetters
from log10_trace.export.spool.serialization import serialize_dead_letter

RECORDS: Final = "records"
SPANS: Final = "spans"


def find_server(delivery: Delivery) -> Server:
    """The server that a delivery sends to.

    Raises:
        APIConnectionError: none is named, and none of this user's is running.
    """
    delivery.resolver.suppress_notice()
    server = delivery.resolver.resolve()
    if server is None:
        message = "no server is running. Run: log10-trace serve"
        raise APIConnectionError(message)
    return server


def send_dead_letters(settings: Config, found: dict[str, tuple[DeadLetters, list[DeadLetter]]]) -> None:
    """Send dead letters of both kinds; those of spans only where the settings name an endpoint.

    Raises:
        APIConnectionError: records are to be sent, and no server is running.
        Exit: some were refused again, or stay.
    """
    folder, letters = found[RECORDS]
    spans_at, spans = found.get(SPANS, (folder, []))
    refused = 0
    if letters or not spans:
        with closing(Transport()) as transport:
            server = find_server(Delivery(settings))
            refused += _send(RECORDS, folder, letters, partial(_try_to_send, transport, server, settings))
    if spans and settings.otlp_url is None:
        stderr_console.print(f"{len(spans)} dead letters of spans stay: set LOG10_OTLP_URL to send them.")
        refused += len(spans)
    elif spans and settings.otlp_url is not None:
        otlp = importlib.import_module("log10_trace.export.delivery.otlp_delivery")
        with closing(otlp.make_plain_transport(settings)) as transport:
            server = Server(url=settings.otlp_url, ca_file=settings.ca_file)
            refused += _send(SPANS, spans_at, spans, partial(_try_to_send, transport, server, settings))
    if refused:
        raise typer.Exit(exit_codes.REFUSED)


def _try_to_send(
    transport: RecordTransport, server: Server, settings: Config, letter: DeadLetter
) -> RecordResult:
    return transport.send(server, [serialize_dead_letter(letter)], settings.timeout).answers[0]


def _send(
    what: str,
    folder: DeadLetters,
    letters: list[DeadLetter],
    try_to_send: Callable[[DeadLetter], RecordResult],
) -> int:
    """Send dead letters again, one by one: each may be rejected for its own reason. How many were."""
    refused = 0
    for each in letters:
        answer = try_to_send(each)
        if answer.disposition is Disposition.DONE:
            folder.discard(each)
            continue
        refused += 1
        stderr_console.print(f"{each.id} was not taken ({answer.status} {answer.code} {answer.message})")
    print_line(f"Sent {len(letters) - refused} {what}; {refused} stay dead letters.")
    return refused
