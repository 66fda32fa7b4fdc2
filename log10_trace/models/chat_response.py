"""The response of a chat completion: ``CreateChatCompletionResponse`` and what it is made of."""

from __future__ import annotations

import builtins
from typing import Any

from pydantic import Field

from log10_trace.models.base import Number, OpenEnum, OpenEnumField, Payload
from log10_trace.models.chat_request import ChatCompletionMessageToolCall, ChatCompletionRole, FunctionCall


class FinishReason(OpenEnum):
    """Why the model stopped."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    FUNCTION_CALL = "function_call"


class Object(OpenEnum):
    """The object type of a chat completion."""

    CHAT_COMPLETION = "chat.completion"


class TopLogprobs(Payload):
    """One of the most likely tokens at a position, its log probability and its UTF-8 bytes."""

    token: str | None = None
    logprob: Number | None = None
    bytes: list[int] | None = None


class ChatCompletionTokenLogprob(Payload):
    """A token of the answer, its log probability, its UTF-8 bytes and its most likely rivals."""

    token: str | None = None
    logprob: Number | None = None
    bytes: list[int] | None = None
    top_logprobs: list[TopLogprobs] | None = None


class Logprobs(Payload):
    """Log probabilities of the tokens of the content, and of the refusal."""

    content: list[ChatCompletionTokenLogprob] | None = None
    refusal: list[ChatCompletionTokenLogprob] | None = None


class ChatCompletionResponseMessage(Payload):
    """The message that the model answered with."""

    role: OpenEnumField[ChatCompletionRole] = None
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[ChatCompletionMessageToolCall] | None = None
    function_call: FunctionCall | None = None
    audio: dict[str, Any] | None = None
    annotations: list[dict[str, Any]] | None = None


class Choices(Payload):
    """One answer of a chat completion."""

    index: int | None = None
    message: ChatCompletionResponseMessage | None = None
    finish_reason: OpenEnumField[FinishReason] = None
    logprobs: Logprobs | None = None


class CompletionUsage(Payload):
    """The tokens that a call used."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: dict[str, Any] | None = None
    completion_tokens_details: dict[str, Any] | None = None


class CreateChatCompletionResponse(Payload):
    """The JSON body of a chat completion's answer; for a stream, what the same call unstreamed would give."""

    id: str | None = None
    choices: list[Choices] = Field(default_factory=list)
    created: int | None = None
    model: str | None = None
    object: OpenEnumField[Object] = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    usage: CompletionUsage | None = None
    error: builtins.object | None = None
