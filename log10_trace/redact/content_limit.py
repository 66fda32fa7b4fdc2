"""``max_content_bytes``: large files and texts are replaced by what they were. Pure."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.models.components import Completion
from log10_trace.redact.binary_contents import DATA_URL, Binary, read_base64, read_data_url
from log10_trace.redact.body_fields import LABEL, LABELS
from log10_trace.redact.record_contents import BODIES, OMITTED_LARGE

_BINARY_FIELDS: Final = {
    "b64_json": "image",
    "partial_image_b64": "image",
    "image_base64": "image",
    "file_data": "file",
}
"""Fields that hold base64 wherever they stand -> what it is when nothing says more."""
_AUDIO: Final = frozenset(("audio", "input_audio"))
"""Objects under these names hold base64 in ``data``."""
_IMAGE_CALL: Final = "image_generation_call"
"""Items of this type hold base64 in ``result``."""


@dataclass(frozen=True)
class ContentLimit:
    """A redactor that leaves nothing of more than ``max_bytes`` bytes in the contents of a record.

    A file in base64 becomes ``[omitted: image/png, 48213 bytes, sha256:...]``. Of a text its beginning is
    left, and behind it ``[omitted: 5000 bytes]``. Then ``content_omitted`` is ``large``.
    """

    max_bytes: int

    def __call__(self, completion: Completion) -> Completion:
        """The record without what is larger."""
        record = completion.model_dump(warnings=False)
        changed = {
            name: self._limit(record[name], "", {})
            for name in (*BODIES, "failure_reason")
            if record.get(name) is not None
        }
        if all(changed[name] == record[name] for name in changed):
            return completion
        return Completion.model_validate({**record, **changed, "content_omitted": OMITTED_LARGE})

    def _limit(self, value: Any, field: str, holder: Mapping[str, Any], above: str = "") -> Any:
        """The value of the field ``field`` of ``holder``, which is the value of the field ``above``."""
        if isinstance(value, dict):
            return {name: self._limit(item, name, value, field) for name, item in value.items()}
        if isinstance(value, list):
            return [self._limit(item, field, holder, above) for item in value]
        if not isinstance(value, str) or len(value) * _MAX_CHARACTER_BYTES <= self.max_bytes:
            return value
        if field in LABELS and LABEL.fullmatch(value):
            return value
        media_type = _find_media_type(field, holder, above)
        binary = read_data_url(value) or (read_base64(value, media_type) if media_type else None)
        if binary is not None:
            return self._limit_binary(value, binary)
        return self._limit_text(DATA_URL.sub(self._limit_match, value) if "base64," in value else value)

    def _limit_match(self, match: Any) -> str:
        """A data URL in the midst of a text, as images of Markdown are."""
        binary = read_data_url(match[0])
        return match[0] if binary is None else self._limit_binary(match[0], binary)

    def _limit_binary(self, text: str, binary: Binary) -> str:
        if binary.size <= self.max_bytes:
            return text
        return f"[omitted: {binary.media_type}, {binary.size} bytes, sha256:{binary.sha256}]"

    def _limit_text(self, text: str) -> str:
        raw = text.encode("utf-8", "surrogatepass")
        if len(raw) <= self.max_bytes:
            return text
        left = raw[: self.max_bytes]
        # Not within a character: its other bytes begin with 10.
        while left and raw[len(left)] & 0xC0 == 0x80:  # noqa: PLR2004 -- as the line above says
            left = left[:-1]
        return f"{left.decode('utf-8', 'surrogatepass')}[omitted: {len(raw) - len(left)} bytes]"


_MAX_CHARACTER_BYTES: Final = 4


def _find_media_type(field: str, holder: Mapping[str, Any], above: str) -> str | None:
    """The media type of a field in base64; None when the field is none."""
    if field == "data" and above in _AUDIO:
        return _join_type("audio", holder.get("format"))
    if field == "data" and holder.get("type") == "base64":
        return _as_text(holder.get("media_type")) or "file"
    if field == "result" and holder.get("type") == _IMAGE_CALL:
        return _join_type("image", holder.get("output_format"))
    kind = _BINARY_FIELDS.get(field)
    if kind == "file":
        return mimetypes.guess_type(_as_text(holder.get("filename")))[0] or kind
    return kind and _join_type(kind, holder.get("output_format"))


def _join_type(kind: str, form: Any) -> str:
    """``audio/wav``, or ``audio`` when the format is not known."""
    return f"{kind}/{form}" if isinstance(form, str) and LABEL.fullmatch(form) else kind


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""
