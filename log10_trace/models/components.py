"""The components of the completions API, under the names that its documentation uses."""

from __future__ import annotations

from log10_trace.models.chat_request import (
    ChatCompletionMessageToolCall,
    ChatCompletionRequestAssistantMessage,
    ChatCompletionRequestDeveloperMessage,
    ChatCompletionRequestFunctionMessage,
    ChatCompletionRequestMessage,
    ChatCompletionRequestOtherMessage,
    ChatCompletionRequestSystemMessage,
    ChatCompletionRequestToolMessage,
    ChatCompletionRequestUserMessage,
    ChatCompletionRole,
    CreateChatCompletionRequest,
    CreateChatCompletionRequestType,
    FunctionCall,
    ResponseFormat,
)
from log10_trace.models.chat_response import (
    ChatCompletionResponseMessage,
    ChatCompletionTokenLogprob,
    Choices,
    CompletionUsage,
    CreateChatCompletionResponse,
    FinishReason,
    Logprobs,
    Object,
    TopLogprobs,
)
from log10_trace.models.completion import Completion, Kind, Stacktrace, Status
from log10_trace.models.text_completion import (
    CreateCompletionRequest,
    CreateCompletionResponse,
    CreateCompletionResponseChoices,
    CreateCompletionResponseObject,
)

__all__ = [
    "ChatCompletionMessageToolCall",
    "ChatCompletionRequestAssistantMessage",
    "ChatCompletionRequestDeveloperMessage",
    "ChatCompletionRequestFunctionMessage",
    "ChatCompletionRequestMessage",
    "ChatCompletionRequestOtherMessage",
    "ChatCompletionRequestSystemMessage",
    "ChatCompletionRequestToolMessage",
    "ChatCompletionRequestUserMessage",
    "ChatCompletionResponseMessage",
    "ChatCompletionRole",
    "ChatCompletionTokenLogprob",
    "Choices",
    "Completion",
    "CompletionUsage",
    "CreateChatCompletionRequest",
    "CreateChatCompletionRequestType",
    "CreateChatCompletionResponse",
    "CreateCompletionRequest",
    "CreateCompletionResponse",
    "CreateCompletionResponseChoices",
    "CreateCompletionResponseObject",
    "FinishReason",
    "FunctionCall",
    "Kind",
    "Logprobs",
    "Object",
    "ResponseFormat",
    "Stacktrace",
    "Status",
    "TopLogprobs",
]
