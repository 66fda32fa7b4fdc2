"""Text completions, the API before chat: ``CreateCompletionRequest`` and ``CreateCompletionResponse``."""

from __future__ import annotations

import builtins
from typing import Any

from pydantic import Field

from log10_trace.models.base import Number, OpenEnum, OpenEnumField, Payload
from log10_trace.models.chat_response import CompletionUsage, FinishReason


class CreateCompletionResponseObject(OpenEnum):
    """The object type of a text completion."""

    TEXT_COMPLETION = "text_completion"


class CreateCompletionRequest(Payload):
    """The JSON body of a text completion call, as it was sent."""

    model: str | None = None
    prompt: str | list[Any] | None = None
    best_of: int | None = None
    echo: bool | None = None
    frequency_penalty: Number | None = None
    logit_bias: dict[str, Number] | None = None
    logprobs: int | None = None
    max_tokens: int | None = None
    n: int | None = None
    presence_penalty: Number | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    suffix: str | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    user: str | None = None


class CreateCompletionResponseChoices(Payload):
    """One answer of a text completion."""

    index: int | None = None
    text: str | None = None
    finish_reason: OpenEnumField[FinishReason] = None
    logprobs: dict[str, Any] | None = None


class CreateCompletionResponse(Payload):
    """The JSON body of a text completion's answer."""

    id: str | None = None
    choices: list[CreateCompletionResponseChoices] = Field(default_factory=list)
    created: int | None = None
    model: str | None = None
    object: OpenEnumField[CreateCompletionResponseObject] = None
    system_fingerprint: str | None = None
    usage: CompletionUsage | None = None
    error: builtins.object | None = None
