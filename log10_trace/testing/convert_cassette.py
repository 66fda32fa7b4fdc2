"""Converts a cassette of vcrpy into a recording.

python -m log10_trace.testing.convert_cassette CASSETTE RECORDING [--base-path /v1]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from log10_trace.errors import RecordingError
from log10_trace.instrument.intercepting_transport import target_of
from log10_trace.record import sse
from log10_trace.record.content_encoding import decode_body
from log10_trace.record.exchange import Response
from log10_trace.testing.bodies import encode_request_body, split_events
from log10_trace.testing.recording_file import RecordedCall, write_recording

_BASE_PATHS: Final = ("/openai/v1", "/openai", "/v1")
_KEPT_HEADERS: Final = ("content-type", "x-request-id")


def convert(cassette: Path, base_path: str | None = None) -> list[RecordedCall]:
    """The calls of a cassette.

    Args:
        cassette: A YAML or JSON file of vcrpy.
        base_path: The path of the base URL that the calls were made with; by default that of OpenAI or Azure.

    Raises:
        RecordingError: the file is no cassette, or PyYAML is not installed.
        OSError: it cannot be read.
    """
    try:
        import yaml  # noqa: PLC0415 -- vcrpy brings it, and nothing else here needs it
    except ImportError:
        raise RecordingError(cassette, None, "PyYAML is needed to read it. Run: pip install pyyaml") from None
    try:
        interactions = yaml.safe_load(cassette.read_bytes())["interactions"]
        return [_convert(each, base_path) for each in interactions]
    except (yaml.YAMLError, LookupError, TypeError, AttributeError, ValueError) as error:
        reason = f"it is no cassette of vcrpy ({type(error).__name__}: {error})"
        raise RecordingError(cassette, None, reason) from error


def _convert(interaction: dict[str, Any], base_path: str | None) -> RecordedCall:
    request, response = interaction["request"], interaction["response"]
    url = urlsplit(request["uri"])
    if base_path is None:
        base_path = next((known for known in _BASE_PATHS if url.path.startswith(f"{known}/")), "")
    sent, came = dict(_read_headers(request)), dict(_read_headers(response))
    line = {"request": f"{request['method']} {target_of(url.path, url.query, base_path)}"}
    body = encode_request_body(_to_bytes(request.get("body")), sent.get("content-type", ""))
    content = decode_body([_to_bytes(response["body"].get("string"))], came.get("content-encoding"))
    pieces = [content]
    if sse.is_stream(content):
        pieces = [event.encode() for event in split_events(content.decode("utf-8", "replace"))]
    headers = [(name, value) for name, value in came.items() if name in _KEPT_HEADERS]
    status = int(response["status"]["code"])
    return RecordedCall({**line, **body}, Response(status, headers, pieces, is_whole=True))


def _read_headers(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, values in (message.get("headers") or {}).items():
        yield name.lower(), values[0] if isinstance(values, list) else values


def _to_bytes(body: Any) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else bytes(body)


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert as the command line says; 1 with a message when that cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m log10_trace.testing.convert_cassette",
        description="Convert a cassette of vcrpy into a recording for the mark log10_replay.",
    )
    parser.add_argument("cassette", type=Path, help="the file of vcrpy, YAML or JSON")
    parser.add_argument("recording", type=Path, help="the file to write; it must not exist")
    parser.add_argument(
        "--base-path", help="path of the base URL of the API (default: /v1, /openai/v1 or /openai)"
    )
    given = parser.parse_args(arguments)
    if given.recording.exists():
        sys.stderr.write(f"{given.recording} exists already. Delete it, or name another file.\n")
        return 1
    try:
        calls = convert(given.cassette, given.base_path)
        write_recording(given.recording, calls)
    except (RecordingError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{given.recording}: {len(calls)} calls\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
