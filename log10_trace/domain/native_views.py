"""The views as chat of the endpoints whose bodies have another form. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from log10_trace.domain import chat_view, messages_view
from log10_trace.domain.call_labels import MESSAGES, RESPONSES


class NativeView(NamedTuple):
    """How the bodies of an endpoint are seen as chat."""

    request: Callable[[Any], Any]
    response: Callable[[Any], Any]


VIEWS: Final = {
    RESPONSES: NativeView(chat_view.request, chat_view.response),
    MESSAGES: NativeView(messages_view.request, messages_view.response),
}
"""By endpoint. The records of such a call have the bodies that were sent in ``native_request`` and
``native_response``."""


def view_of(endpoint: Any) -> NativeView:
    """The view of a record with native bodies; that of the Responses API where it names no other endpoint."""
    return VIEWS.get(endpoint, VIEWS[RESPONSES]) if isinstance(endpoint, str) else VIEWS[RESPONSES]
