"""``max_content_bytes``: what is too large is named by type, size and digest, or cut."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.models.components import Completion
from log10_trace.redact.content_limit import ContentLimit

PNG = bytes(range(256)) * 4
BASE64 = base64.b64encode(PNG).decode()
DIGEST = hashlib.sha256(PNG).hexdigest()


def limit(request: Any, max_bytes: int = 100, **more: Any) -> dict[str, Any]:
    """The record of this request, as the limit leaves it."""
    record = Completion.model_validate({"request": request, **more})
    return json.loads(ContentLimit(max_bytes)(record).to_json())  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("part", "place", "media_type"),
    [
        ({"image_url": {"url": f"data:image/png;base64,{BASE64}"}}, ("image_url", "url"), "image/png"),
        (
            {"type": "input_image", "image_url": f"data:image/webp;base64,{BASE64}"},
            ("image_url",),
            "image/webp",
        ),
        ({"input_audio": {"data": BASE64, "format": "wav"}}, ("input_audio", "data"), "audio/wav"),
        ({"audio": {"id": "a", "data": BASE64}}, ("audio", "data"), "audio"),
        ({"file": {"filename": "a.pdf", "file_data": BASE64}}, ("file", "file_data"), "application/pdf"),
        ({"file": {"file_data": f"data:text/csv;base64,{BASE64}"}}, ("file", "file_data"), "text/csv"),
        ({"b64_json": BASE64}, ("b64_json",), "image"),
        (
            {"type": "image_generation_call", "result": BASE64, "output_format": "jpeg"},
            ("result",),
            "image/jpeg",
        ),
        (
            {"source": {"type": "base64", "media_type": "image/gif", "data": BASE64}},
            ("source", "data"),
            "image/gif",
        ),
    ],
)
def test_a_file_is_replaced_by_type_size_and_digest(
    part: Any, place: tuple[str, ...], media_type: str
) -> None:
    """Wherever the API carries a file, what was there can be named and found again."""
    made = limit({"messages": [{"role": "user", "content": [part]}]})
    value = made["request"]["messages"][0]["content"][0]
    for name in place:
        value = value[name]

    assert value == f"[omitted: {media_type}, 1024 bytes, sha256:{DIGEST}]"
    assert made["content_omitted"] == "large"


def test_a_file_in_the_midst_of_a_text_is_replaced_there() -> None:
    """Images of Markdown are data URLs within a text."""
    text = f"see ![x](data:image/png;base64,{BASE64}) here"
    made = limit({"messages": [{"role": "user", "content": text}]}, 200)

    assert made["request"]["messages"][0]["content"] == (
        f"see ![x]([omitted: image/png, 1024 bytes, sha256:{DIGEST}]) here"
    )


def test_what_fits_is_left_as_it_is() -> None:
    """Nothing is marked where nothing is too large; the bytes of the file count, not those of its base64."""
    request = {
        "messages": [{"content": [{"image_url": {"url": f"data:image/png;base64,{BASE64}"}}, "x" * 1024]}]
    }

    assert limit(request, 1024) == {"request": request}


def test_a_long_text_is_cut_and_says_so() -> None:
    """Its beginning is left, and behind it the number of bytes that are not."""
    made = limit({"messages": [{"role": "user", "content": "é" * 100}]}, 101, failure_reason="x" * 200)

    assert made["request"]["messages"][0]["content"] == "é" * 50 + "[omitted: 100 bytes]"
    assert made["failure_reason"] == "x" * 101 + "[omitted: 99 bytes]"


def test_labels_are_never_cut() -> None:
    """Model, role, ids and finish reasons stay, however small the limit."""
    request = {"model": "gpt-4o-2024-08-06", "messages": [{"role": "assistant", "tool_call_id": "call_123"}]}

    assert limit(request, 0) == {"request": request}


def test_what_is_no_base64_is_cut_as_text() -> None:
    """A field for a file that holds something else."""
    made = limit({"file": {"file_data": "no base64! " * 20}}, 10)

    assert made["request"]["file"]["file_data"] == "no base64![omitted: 210 bytes]"


@given(st.text(max_size=40), st.integers(0, 60))
def test_the_parts_add_up(text: str, max_bytes: int) -> None:
    """What is left and what is said to be gone are the bytes that there were; no character is cut in half."""
    left = limit({"content": text}, max_bytes)["request"]["content"]
    if left == text:
        assert len(text.encode()) <= max_bytes
        return
    kept, _, gone = left.rpartition("[omitted: ")

    assert text.startswith(kept)
    assert len(kept.encode()) + int(gone.split()[0]) == len(text.encode())
    assert max_bytes - 3 <= len(kept.encode()) <= max_bytes
