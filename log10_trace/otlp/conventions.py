"""The one table that maps a call to the attributes of its span.

The names are those of OpenTelemetry's semantic conventions for generative AI as of November 2026 (the
repository ``open-telemetry/semantic-conventions-genai``, status Development, of which no version is released;
``opentelemetry-util-genai`` 1.3b0 writes the same names), with the general conventions of version 1.41.1.
``gen_ai.usage.cache_write.input_tokens`` was ``gen_ai.usage.cache_creation.input_tokens`` until August 2026.
What the conventions have no name for stands under ``log10.``, our own prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.domain.conversation import list_choices
from log10_trace.domain.json_values import read_mapping, read_text
from log10_trace.domain.metadata import read_metadata
from log10_trace.otlp import messages
from log10_trace.otlp.identity import is_given_session_id
from log10_trace.otlp.span_call import SpanCall
from log10_trace.otlp.wire import MAX_INT, ValueType

METADATA_PREFIX: Final = "log10.metadata."


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its name, the type of its value, and where a call has it."""

    name: str
    type: ValueType
    read: Callable[[SpanCall], Any]
    """The value; what is not of the type, such as None, is left out."""
    is_content: bool = False
    """Whether it holds what people and models wrote, which is sent only on request."""


def _request(name: str) -> Callable[[SpanCall], Any]:
    return lambda call: call.request.get(name)


def _response(name: str) -> Callable[[SpanCall], Any]:
    return lambda call: call.response.get(name)


def _record(name: str) -> Callable[[SpanCall], Any]:
    return lambda call: call.record.get(name)


def _max_tokens(call: SpanCall) -> Any:
    limit = call.request.get("max_completion_tokens")
    return call.request.get("max_tokens") if limit is None else limit


def _choice_count(call: SpanCall) -> Any:
    count = call.request.get("n")
    return None if count == 1 else count


def _stop_sequences(call: SpanCall) -> Any:
    stop = call.request.get("stop")
    return [stop] if isinstance(stop, str) else stop


def _output_type(call: SpanCall) -> str | None:
    form = read_text(read_mapping(call.request.get("response_format")).get("type"))
    if form in ("json_object", "json_schema"):
        return "json"
    return form or None


def _finish_reasons(call: SpanCall) -> list[str]:
    reasons = (read_text(choice.get("finish_reason")) for choice in list_choices(call.response))
    return [reason for reason in reasons if reason]


def _conversation_id(call: SpanCall) -> str | None:
    session = read_text(call.record.get("session_id"))
    return session if is_given_session_id(session) else None


def _error_type(call: SpanCall) -> str | None:
    # "_OTHER" is the conventions' own word for a class that is not known.
    return read_text(call.record.get("failure_kind")) or "_OTHER" if call.has_failed else None


def _requested_tier(call: SpanCall) -> Any:
    tier = call.request.get("service_tier")
    return tier if call.is_openai and tier != "auto" else None


def _api_type(call: SpanCall) -> str | None:
    if not call.is_openai or call.operation != "chat":
        return None
    return "responses" if call.is_response_call else "chat_completions"


def _of_openai(name: str) -> Callable[[SpanCall], Any]:
    return lambda call: call.response.get(name) if call.is_openai else None


def _positive(read: Callable[[SpanCall], int]) -> Callable[[SpanCall], int | None]:
    """A count of tokens that providers leave out, or give as 0, where there are none of the kind."""
    return lambda call: read(call) or None


ATTRIBUTES: Final = (
    Attribute("gen_ai.operation.name", "string", lambda call: call.operation),
    Attribute("gen_ai.provider.name", "string", lambda call: call.target.provider),
    Attribute("gen_ai.request.model", "string", lambda call: call.model or None),
    Attribute("gen_ai.request.max_tokens", "int", _max_tokens),
    Attribute("gen_ai.request.temperature", "double", _request("temperature")),
    Attribute("gen_ai.request.top_p", "double", _request("top_p")),
    Attribute("gen_ai.request.top_k", "double", _request("top_k")),
    Attribute("gen_ai.request.frequency_penalty", "double", _request("frequency_penalty")),
    Attribute("gen_ai.request.presence_penalty", "double", _request("presence_penalty")),
    Attribute("gen_ai.request.seed", "int", _request("seed")),
    Attribute("gen_ai.request.choice.count", "int", _choice_count),
    Attribute("gen_ai.request.stop_sequences", "string[]", _stop_sequences),
    Attribute("gen_ai.request.stream", "boolean", _request("stream")),
    Attribute("gen_ai.request.reasoning.level", "string", _request("reasoning_effort")),
    Attribute(
        "gen_ai.request.previous_response.id",
        "string",
        lambda call: call.native_request.get("previous_response_id"),
    ),
    Attribute("gen_ai.output.type", "string", _output_type),
    Attribute("gen_ai.response.id", "string", _response("id")),
    Attribute("gen_ai.response.model", "string", _response("model")),
    Attribute("gen_ai.response.finish_reasons", "string[]", _finish_reasons),
    Attribute("gen_ai.response.time_to_first_chunk", "double", _record("time_to_first_token")),
    Attribute("gen_ai.usage.input_tokens", "int", lambda call: call.usage.input),
    Attribute("gen_ai.usage.output_tokens", "int", lambda call: call.usage.output),
    Attribute("gen_ai.usage.cache_read.input_tokens", "int", _positive(lambda call: call.usage.cached)),
    Attribute("gen_ai.usage.cache_write.input_tokens", "int", _positive(lambda call: call.usage.cache_write)),
    Attribute("gen_ai.usage.reasoning.output_tokens", "int", _positive(lambda call: call.usage.reasoning)),
    Attribute("gen_ai.usage.audio.input_tokens", "int", _positive(lambda call: call.usage.audio_input)),
    Attribute("gen_ai.usage.audio.output_tokens", "int", _positive(lambda call: call.usage.audio_output)),
    Attribute("gen_ai.conversation.id", "string", _conversation_id),
    Attribute("openai.api.type", "string", _api_type),
    Attribute("openai.request.service_tier", "string", _requested_tier),
    Attribute("openai.response.service_tier", "string", _of_openai("service_tier")),
    Attribute("openai.response.system_fingerprint", "string", _of_openai("system_fingerprint")),
    Attribute("server.address", "string", lambda call: call.target.address or None),
    Attribute("server.port", "int", lambda call: call.target.port),
    Attribute("error.type", "string", _error_type),
    Attribute("code.file.path", "string", lambda call: call.frame.get("file")),
    Attribute("code.line.number", "int", lambda call: call.frame.get("lineno")),
    Attribute("code.function.name", "string", lambda call: call.frame.get("name")),
    Attribute("gen_ai.input.messages", "json", messages.input_messages, is_content=True),
    Attribute("gen_ai.output.messages", "json", messages.output_messages, is_content=True),
    Attribute("gen_ai.system_instructions", "json", messages.system_instructions, is_content=True),
    Attribute("gen_ai.tool.definitions", "json", messages.tool_definitions, is_content=True),
    Attribute("log10.id", "string", _record("id")),
    Attribute("log10.session_id", "string", _record("session_id")),
    Attribute("log10.tags", "string[]", _record("tags")),
    Attribute("log10.interrupted", "boolean", _record("interrupted")),
    Attribute("log10.retries", "int", _record("retries")),
    Attribute("log10.request_id", "string", _record("request_id")),
)
"""Every attribute of a span but the pairs of the metadata, which stand under ``METADATA_PREFIX``."""


def list_metadata(call: SpanCall) -> Iterator[tuple[str, ValueType, Any]]:
    """The name, type and value of an attribute for each pair of the metadata."""
    for key, value in read_metadata(call.record.get("metadata")).items():
        kind = _type_of(value)
        yield METADATA_PREFIX + key, kind, str(value) if kind == "string" else value


def _type_of(value: str | float) -> ValueType:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int" if -MAX_INT <= value < MAX_INT else "string"
    return "double" if isinstance(value, float) else "string"


def span_name(call: SpanCall) -> str:
    """``chat gpt-4o``; the operation alone where the request names no model."""
    return f"{call.operation} {call.model}".strip()
