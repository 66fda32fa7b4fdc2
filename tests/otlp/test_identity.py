"""The ids of spans: always the same for a record, and beneath the program's own spans."""

from __future__ import annotations

from log10_trace.otlp.identity import identify, is_given_session_id
from tests.otlp.conftest import record

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_the_same_record_has_the_same_ids() -> None:
    """Also as another server holds it: sending it twice adds nothing."""
    assert identify(record()) == identify(record(organization_id="acme", tags=[]))
    assert identify(record()) != identify(record(id="01900000-0000-7000-8000-000000000002"))


def test_the_current_span_is_the_parent() -> None:
    """The span of the call joins the program's own trace."""
    identity = identify(record(trace_id=TRACE, span_id=SPAN))

    assert (identity.trace_id.hex(), identity.parent_span_id.hex()) == (TRACE, SPAN)
    assert identity.span_id != identity.parent_span_id


def test_calls_of_a_session_share_a_trace() -> None:
    """Where no span was current."""
    first, second = (identify(record(id=f"id-{number}")) for number in (1, 2))

    assert first.trace_id == second.trace_id
    assert first.span_id != second.span_id
    assert first.parent_span_id == b""


def test_a_call_without_a_session_is_a_trace() -> None:
    """Two of them share nothing."""
    first, second = (identify(record(id=f"id-{number}", session_id=None)) for number in (1, 2))

    assert first.trace_id != second.trace_id


def test_ids_that_are_none_are_not_taken() -> None:
    """Zeros, capitals and other lengths are no ids of OpenTelemetry."""
    for trace, span in (("0" * 32, SPAN), (TRACE.upper(), SPAN), (TRACE[:-1], SPAN), (7, None)):
        assert identify(record(trace_id=trace, span_id=span)) == identify(record())
    for span in ("0" * 16, SPAN[:-1], None, 3):
        identity = identify(record(trace_id=TRACE, span_id=span))
        assert (identity.trace_id.hex(), identity.parent_span_id) == (TRACE, b"")


def test_which_session_ids_the_program_gave() -> None:
    """Those that log10_trace makes are UUIDs of version 4, written as Python writes them."""
    assert is_given_session_id("order-7")
    assert is_given_session_id("01900000-0000-7000-8000-000000000001")
    assert is_given_session_id("7B0E2B6E-6A35-4D1D-9D0D-6A3C1A0E4C55")
    assert not is_given_session_id("7b0e2b6e-6a35-4d1d-9d0d-6a3c1a0e4c55")
    assert not is_given_session_id("")
