"""Replayed requests as calls of their own, stored so that they can be compared with the logged one."""

from __future__ import annotations

import time
from typing import Any, Final

from log10_trace.cli.model_calls import ProviderError, Send
from log10_trace.domain.call_labels import FAILED, FINISHED, kind_of_endpoint
from log10_trace.domain.ids import new_id
from log10_trace.domain.native_views import VIEWS
from log10_trace.domain.times import rfc3339

_TAG: Final = "replay"


class ReplayRecorder:
    """Sends as ``send`` does, and notes every call.

    Attributes:
        records: The calls as completions, in the order in which they were sent.
    """

    def __init__(self, send: Send, replayed_id: str, base_url: str | None) -> None:
        self.records: list[dict[str, Any]] = []
        self._send = send
        self._replayed_id = replayed_id
        self._base_url = base_url

    def send(self, endpoint: str, body: dict[str, Any]) -> Any:
        """The JSON that comes back.

        Raises:
            ProviderError: the provider answered with an error, or not at all.
        """
        began_ms, began = time.time_ns() // 1_000_000, time.perf_counter()
        record: dict[str, Any] = {
            "id": new_id(),
            "kind": kind_of_endpoint(endpoint),
            "status": FINISHED,
            "created_at": rfc3339(began_ms),
            "tags": [_TAG],
            "metadata": {"replay_of": self._replayed_id},
            "endpoint": endpoint,
            "base_url": self._base_url,
            **_name_bodies(endpoint, "request", body),
        }
        try:
            response = self._send(endpoint, body)
            record |= _name_bodies(endpoint, "response", response)
        except ProviderError as error:
            kind, _, reason = str(error).partition(": ")
            record |= {"status": FAILED, "failure_kind": kind, "failure_reason": reason}
            raise
        finally:
            record["duration"] = time.perf_counter() - began
            self.records.append(record)
        return response


def _name_bodies(endpoint: str, name: str, body: Any) -> dict[str, Any]:
    """The fields of a record that hold a body: one that is no chat has its form as chat beside it."""
    native = VIEWS.get(endpoint)
    if native is None:
        return {name: body}
    view = native.request if name == "request" else native.response
    return {name: view(body), f"native_{name}": body}
