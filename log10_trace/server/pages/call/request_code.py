"""The request of a call as something to run: a curl command, a Python program. Pure.

What a record holds is a stranger's: in the shell and in Python it can only ever be data. The key is named as
``OPENAI_API_KEY`` or ``ANTHROPIC_API_KEY`` and never written.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any, Final

from log10_trace.domain.call_labels import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    ENDPOINTS,
    MESSAGES,
    RESPONSES,
    is_text_request,
)
from log10_trace.domain.control_characters import replace_control_characters
from log10_trace.domain.json_values import read_mapping, read_text
from log10_trace.server.pages.excerpt import excerpt

DEFAULT_BASE_URL: Final = "https://api.openai.com/v1"
_ANTHROPIC_URL: Final = "https://api.anthropic.com/v1"
_ANTHROPIC_VERSION: Final = "2023-06-01"
"""The one version of the API, which every request names."""
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9._~:/@%+,=&?!$-]{1,500}")
"""A base URL that is used; any other may not be what it looks like."""
_COMMON: Final = ("model", "temperature", "top_p", "stream", "user")
_CHAT: Final = (
    "messages", "n", "stop", "stream_options", "max_tokens", "max_completion_tokens", "tools", "tool_choice",
    "parallel_tool_calls", "response_format", "reasoning_effort", "seed", "logprobs", "top_logprobs",
    "logit_bias", "presence_penalty", "frequency_penalty", "metadata", "store", "service_tier", "functions",
    "function_call", "modalities", "audio", "prediction",
)  # fmt: skip
_TEXT: Final = (
    "prompt", "n", "stop", "stream_options", "max_tokens", "suffix", "echo", "best_of", "seed", "logprobs",
    "logit_bias", "presence_penalty", "frequency_penalty",
)  # fmt: skip
_RESPONSE: Final = (
    "input", "instructions", "max_output_tokens", "tools", "tool_choice", "parallel_tool_calls", "reasoning",
    "text", "metadata", "store", "service_tier", "previous_response_id", "include", "truncation",
)  # fmt: skip
_MESSAGE: Final = (
    "messages", "max_tokens", "system", "metadata", "stop_sequences", "top_k", "tools", "tool_choice",
    "thinking", "service_tier",
)  # fmt: skip
_METHODS: Final = {
    CHAT_COMPLETIONS: ("client.chat.completions.create", frozenset((*_COMMON, *_CHAT))),
    COMPLETIONS: ("client.completions.create", frozenset((*_COMMON, *_TEXT))),
    RESPONSES: ("client.responses.create", frozenset((*_COMMON, *_RESPONSE))),
    MESSAGES: ("client.messages.create", frozenset((*_COMMON, *_MESSAGE)) - {"user"}),
}
"""The SDK's method for each endpoint, and parameters that it names; others it takes in its ``extra_body``."""
_HERE: Final = "END_OF_REQUEST"
"""Ends the text of the request in the shell: never a line of JSON, whose strings hold no line breaks."""
_STEP: Final = "    "
_MAX_SPELLED: Final = 1_000_000
"""Characters of a request that is spelled out value by value, which takes many times their memory."""


class _Number(str):
    """A number as it is spelled."""

    __slots__ = ()


def request_field(fields: Mapping[str, str]) -> str:
    """The name of the record's field with the body that was sent; empty when it has none."""
    return next((name for name in ("native_request", "request") if fields.get(name, "null")[:1] == "{"), "")


def write_curl(fields: Mapping[str, str]) -> str:
    """A command for a POSIX shell that sends the request of the record with these fields."""
    endpoint, base_url = _target(fields)
    body = replace_control_characters(fields[request_field(fields)], lambda code: f"\\u{code:04x}")
    key = '"Authorization: Bearer $OPENAI_API_KEY"'
    if endpoint == MESSAGES:
        key = f"\"x-api-key: $ANTHROPIC_API_KEY\" \\\n  --header 'anthropic-version: {_ANTHROPIC_VERSION}'"
    return (
        f"curl --url {shlex.quote(base_url + endpoint)} \\\n"
        f"  --header {key} \\\n"
        "  --header 'Content-Type: application/json' \\\n"
        f"  --data-binary @- <<'{_HERE}'\n{body}\n{_HERE}\n"
    )


def write_python(fields: Mapping[str, str]) -> str:
    """A program that sends the request of the record with these fields by the SDK."""
    endpoint, base_url = _target(fields)
    path = endpoint
    imported, client, default = "from openai import OpenAI", "OpenAI", DEFAULT_BASE_URL
    if endpoint == MESSAGES:
        imported, client, default = "from anthropic import Anthropic", "Anthropic", _ANTHROPIC_URL
        # The paths of this SDK begin with the version.
        base_url, default, path = base_url.removesuffix("/v1"), default.removesuffix("/v1"), f"/v1{endpoint}"
    where = "" if base_url == default else f"base_url={base_url!r}"
    made = f"client = {client}({where})  # the key is in {client.upper()}_API_KEY"
    text = fields[request_field(fields)]
    if len(text) > _MAX_SPELLED:
        return (
            f"import json\n\n{imported}\n\n{made}\nbody = json.loads({text!r})\n"
            f"response = client.post({path!r}, body=body, cast_to=object)\nprint(response)\n"
        )
    body = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_constant)
    lines = [imported, "", made]
    method, named = _METHODS[endpoint]
    extra = {name: value for name, value in body.items() if name not in named}
    arguments = {name: value for name, value in body.items() if name in named}
    arguments |= {"extra_body": extra} if extra else {}
    said = "".join(f"{_STEP}{name}={_spell(value, 1)},\n" for name, value in arguments.items())
    lines.append(f"response = {method}(\n{said})")
    lines.append(
        "for event in response:\n    print(event)" if body.get("stream") is True else "print(response)"
    )
    return "\n".join(lines) + "\n"


def _target(fields: Mapping[str, str]) -> tuple[str, str]:
    """The endpoint, and the base URL it is below."""
    endpoint, base_url = (read_text(_parse(fields, name)) for name in ("endpoint", "base_url"))
    if endpoint not in ENDPOINTS:
        is_text = is_text_request(read_mapping(_parse(fields, "request")))
        is_native = request_field(fields) == "native_request"
        endpoint = RESPONSES if is_native else COMPLETIONS if is_text else CHAT_COMPLETIONS
    address = base_url.rstrip("/")
    if _ADDRESS.fullmatch(address):
        return endpoint, address
    return endpoint, _ANTHROPIC_URL if endpoint == MESSAGES else DEFAULT_BASE_URL


def _parse(fields: Mapping[str, str], name: str) -> Any:
    return excerpt(fields[name]) if name in fields else None


def _constant(name: str) -> _Number:
    return _Number(f'float("{name}")')


def _spell(value: Any, depth: int) -> str:
    """The value as Python spells it, an array's or object's members on lines of their own."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        members = [f"{name!r}: {_spell(each, depth + 1)}" for name, each in value.items()]
        return _bracket("{}", members, depth)
    if isinstance(value, list):
        return _bracket("[]", [_spell(each, depth + 1) for each in value], depth)
    return repr(value)


def _bracket(brackets: str, members: list[str], depth: int) -> str:
    if not members:
        return brackets
    inner = "".join(f"{_STEP * (depth + 1)}{member},\n" for member in members)
    return f"{brackets[0]}\n{inner}{_STEP * depth}{brackets[1]}"
