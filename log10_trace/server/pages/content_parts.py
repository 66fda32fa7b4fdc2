"""What a message is made of: text, pictures, sound, files, each as something a page may show. Pure.

Nothing a record names is ever fetched: a picture that lies elsewhere is a placeholder with its address as
text, one that came within the record is shown from it, when a reader asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from log10_trace.domain import formatting
from log10_trace.domain.json_values import read_mapping, read_text
from log10_trace.server.pages import json_access
from log10_trace.server.pages.excerpt import Gap

Kind = Literal["text", "json", "image", "audio", "placeholder", "refusal", "reasoning", "transcript"]

_PICTURE: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+")
"""The beginning of a picture that browsers can show; what the rest is, its route finds out."""
_SOUNDS: Final = frozenset(("", "wav", "mp3", "flac", "ogg", "opus"))
"""Formats of sound that browsers play; an answer does not name its own."""
_DATA_HEAD: Final = 100
_BEGINNING: Final = 500
PART_ENDS: Final = 50
"""How many parts, or tool calls, at each end of a message with many are shown."""
_BASE64_BYTES: Final = 3 / 4
_SHOWN_ADDRESS: Final = 300


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message.

    Attributes:
        kind: How to show it.
        text: What to show; of an ``image`` its ``data:`` address, of ``audio`` its base64.
        note: What it is, in a few words, for everything but plain text.
    """

    kind: Kind
    text: str
    note: str = ""


def content_parts(content: Any) -> tuple[Part, ...]:
    """The parts of a message's ``content``, whatever its form."""
    if content is None or content == "":
        return ()
    if isinstance(content, str):
        return (Part("text", content),)
    if isinstance(content, list):
        return tuple(_part(item) for item in json_access.sequence(content, PART_ENDS))
    return (Part("json", json_access.as_text(content)),)


def audio_parts(audio: Mapping[str, Any]) -> tuple[Part, ...]:
    """A spoken answer: its transcript, and its sound."""
    transcript = read_text(audio.get("transcript"))
    said = (Part("transcript", transcript, "transcript"),) if transcript else ()
    return (*said, _sound_part(audio))


def _sound_part(audio: Mapping[str, Any]) -> Part:
    data = read_text(audio.get("data"))
    is_played = bool(data) and read_text(audio.get("format")) in _SOUNDS
    note = _sound_note(audio)
    return Part("audio", data, note) if is_played else Part("placeholder", "", note)


def _part(item: Any) -> Part:
    if isinstance(item, Gap):
        return Part("placeholder", "", f"{item.omitted:,} parts in between, not shown")
    if isinstance(item, str):
        return Part("text", item)
    holder = read_mapping(item)
    read = _READERS.get(read_text(holder.get("type")))
    return read(holder) if read else _unknown(item)


def _text(item: Mapping[str, Any]) -> Part:
    value = item.get("text")
    return Part("text", value) if isinstance(value, str) else _unknown(item)


def _refusal(item: Mapping[str, Any]) -> Part:
    return Part("refusal", read_text(item.get("refusal")), "refusal")


def _reasoning(item: Mapping[str, Any]) -> Part:
    for name in ("thinking", "text", "reasoning", "summary"):
        if isinstance(value := item.get(name), str):
            return Part("reasoning", value, "reasoning")
    return _unknown(item)


def _image(item: Mapping[str, Any]) -> Part:
    named = item.get("image_url")
    address = read_text(named) or read_text(read_mapping(named).get("url"))
    detail = json_access.short_text(read_mapping(named).get("detail")) or json_access.short_text(
        item.get("detail")
    )
    note = f"image, detail {detail}" if detail else "image"
    if not address.startswith("data:"):
        return Part("placeholder", address[:_SHOWN_ADDRESS], f"{note}, not loaded")
    form = address[5:_DATA_HEAD].partition(";")[0]
    note = f"{note}, {form}, {_format_decoded_size(address)}"
    if _PICTURE.fullmatch(address[:_BEGINNING]):
        return Part("image", address, note)
    return Part("placeholder", "", f"{note}, not shown")


def _sound(item: Mapping[str, Any]) -> Part:
    return _sound_part(read_mapping(item.get("input_audio")))


def _file(item: Mapping[str, Any]) -> Part:
    file = read_mapping(item.get("file")) or item
    name = json_access.short_text(file.get("filename")) or json_access.short_text(file.get("file_id"))
    data = read_text(file.get("file_data"))
    address = read_text(file.get("file_url")) or read_text(file.get("document_url"))
    note = f"file, {_format_decoded_size(data)}, not shown" if data else "file, not loaded"
    return Part("placeholder", name or address[:_SHOWN_ADDRESS], note)


def _unknown(item: Any) -> Part:
    kind = json_access.short_text(read_mapping(item).get("type"))
    return Part("json", json_access.as_text(item), kind)


def _sound_note(audio: Mapping[str, Any]) -> str:
    form = json_access.short_text(audio.get("format"))
    data = read_text(audio.get("data"))
    return ", ".join(word for word in ("audio", form, _format_decoded_size(data) if data else "") if word)


def _format_decoded_size(data: str) -> str:
    encoded = data.partition(",")[2] if data.startswith("data:") else data
    return formatting.size(int(len(encoded) * _BASE64_BYTES))


_READERS: Final[dict[str, Callable[[Mapping[str, Any]], Part]]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "refusal": _refusal,
    "thinking": _reasoning,
    "reasoning": _reasoning,
    "image_url": _image,
    "input_image": _image,
    "input_audio": _sound,
    "file": _file,
    "input_file": _file,
    "document_url": _file,
}
