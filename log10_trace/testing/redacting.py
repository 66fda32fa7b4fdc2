"""Redaction of calls before they are written to a recording, with the redactors that ``patch()`` takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from log10_trace.errors import Log10Error
from log10_trace.models.components import Completion
from log10_trace.record import sse
from log10_trace.record.exchange import Response
from log10_trace.redact import Redactor
from log10_trace.testing.bodies import decode_body, encode_body, split_events

_CONTINUED: Final = frozenset(
    (
        "content",
        "text",
        "delta",
        "refusal",
        "arguments",
        "input",
        "reasoning",
        "reasoning_content",
        "transcript",
    )
)
"""Fields of events whose texts are parts of a longer one."""
_PLACES: Final = ("type", "index", "item_id", "output_index", "content_index", "summary_index")
_DATA: Final = re.compile(r"^data: ?(\{.*\})\s*$", re.MULTILINE)


class SpreadTextError(Log10Error):
    """A redactor finds text in a streamed answer that is spread over several pieces."""


def redact_request(redactor: Redactor, request: dict[str, Any]) -> dict[str, Any]:
    """The line of a request, redacted: what requests are compared by."""
    method_and_path = {"request": request["request"]}
    body = {name: value for name, value in request.items() if name != "request"}
    return {**method_and_path, **(_run(redactor, request=body)["request"] if body else {})}


def redact_call(
    redactor: Redactor, request: dict[str, Any], response: Response
) -> tuple[dict[str, Any], Response]:
    """A request's line and its response, redacted together.

    Raises:
        SpreadTextError: the response is a stream, and what the redactor removes is spread over its events.
    """
    body = b"".join(response.pieces)
    events = _split_events(body) if sse.is_stream(body) else None
    given = {name: value for name, value in request.items() if name != "request"}
    shown = encode_body(body) if events is None else {"events": events}
    redacted = _run(redactor, request=given, response=shown)
    line = {"request": request["request"], **redacted["request"]}
    if events is None:
        return line, replace(response, pieces=[decode_body(redacted["response"])] if body else [])
    clean = redacted["response"]["events"]
    _check_whole(redactor, request["request"], clean)
    return line, replace(response, pieces=[_write_event(event) for event in clean])


def _run(redactor: Redactor, **bodies: Any) -> dict[str, Any]:
    """Bodies as a redactor leaves them: it sees a record with nothing else in it."""
    completion = Completion.model_validate({f"native_{name}": body for name, body in bodies.items()})
    redacted = redactor(completion)
    if not isinstance(redacted, Completion):
        raise TypeError(f"the redactor gave back {type(redacted).__name__}, not a Completion")
    written = redacted.model_dump(warnings=False)
    return {name: written[f"native_{name}"] for name in bodies}


def _split_events(body: bytes) -> list[Any]:
    """Each event of a stream: its text before and behind the JSON of its data, and that JSON as a value."""
    events: list[Any] = []
    for text in split_events(body.decode("utf-8", "replace")):
        match = _DATA.search(text)
        try:
            data = json.loads(match[1]) if match else None
        except (ValueError, RecursionError):
            data = None
        if match is None or data is None:
            events.append({"text": text})
        else:
            before, behind = text[: match.start(1)], text[match.end(1) :]
            events.append({"text": before, "data": data, "rest": behind})
    return events


def _write_event(event: dict[str, Any]) -> bytes:
    data = json.dumps(event["data"], ensure_ascii=False, separators=(",", ":")) if "data" in event else ""
    return f"{event['text']}{data}{event.get('rest', '')}".encode("utf-8", "surrogatepass")


def _check_whole(redactor: Redactor, target: str, events: list[Any]) -> None:
    """Compare what the redactor leaves of the text as a whole with what it left of its pieces."""
    texts: dict[tuple[Any, ...], str] = {}
    for event in events:
        for place, text in _find_texts(event.get("data"), ()):
            texts[place] = texts.get(place, "") + text
    whole = list(texts.values())
    if whole and _run(redactor, response={"texts": whole})["response"] != {"texts": whole}:
        raise SpreadTextError(
            f"The redactor finds text in the answer to {target} that is spread over several pieces of the "
            "stream. Make this call without stream=True, or with other text in it."
        )


def _find_texts(value: Any, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """The texts of an event that those of other events continue, by their place."""
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _find_texts(item, (*place, position))
    elif isinstance(value, dict):
        # A choice is told by its index, a part of a response by those of its event.
        place = (*place, *(value.get(name) for name in _PLACES))
        for name, item in value.items():
            if isinstance(item, str):
                if name in _CONTINUED:
                    yield (*place, name), item
            else:
                yield from _find_texts(item, (*place, name))
