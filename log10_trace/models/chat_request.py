"""The request of a chat completion: ``CreateChatCompletionRequest`` and its messages, one class per role."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from log10_trace.models.base import Json, Number, OpenEnum, OpenEnumField, Payload


class ChatCompletionRole(OpenEnum):
    """Who speaks."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    FUNCTION = "function"


class CreateChatCompletionRequestType(OpenEnum):
    """The form in which the model is to answer."""

    TEXT = "text"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"


class ResponseFormat(Payload):
    """The form of the answer that the request asks for."""

    type: OpenEnumField[CreateChatCompletionRequestType] = None
    json_schema: dict[str, Any] | None = None


class FunctionCall(Payload):
    """A function the model wants called: its name, and its arguments as JSON text."""

    name: str | None = None
    arguments: str | None = None


class ChatCompletionMessageToolCall(Payload):
    """A tool call of an assistant message."""

    id: str | None = None
    type: str | None = None
    function: FunctionCall | None = None


class _Message(Payload):
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None

    def model_post_init(self, _context: Any) -> None:
        self.__pydantic_fields_set__.add("role")


class ChatCompletionRequestSystemMessage(_Message):
    """A message with the role ``system``."""

    role: Literal[ChatCompletionRole.SYSTEM] = ChatCompletionRole.SYSTEM


class ChatCompletionRequestDeveloperMessage(_Message):
    """A message with the role ``developer``."""

    role: Literal[ChatCompletionRole.DEVELOPER] = ChatCompletionRole.DEVELOPER


class ChatCompletionRequestUserMessage(_Message):
    """A message with the role ``user``."""

    role: Literal[ChatCompletionRole.USER] = ChatCompletionRole.USER


class ChatCompletionRequestAssistantMessage(_Message):
    """A message with the role ``assistant``, with the tool calls it made."""

    role: Literal[ChatCompletionRole.ASSISTANT] = ChatCompletionRole.ASSISTANT
    refusal: str | None = None
    tool_calls: list[ChatCompletionMessageToolCall] | None = None
    function_call: FunctionCall | None = None


class ChatCompletionRequestToolMessage(_Message):
    """A message with the role ``tool``: the result of the tool call ``tool_call_id``."""

    role: Literal[ChatCompletionRole.TOOL] = ChatCompletionRole.TOOL
    tool_call_id: str | None = None


class ChatCompletionRequestFunctionMessage(_Message):
    """A message with the role ``function``: the result of a function call, the form before tools."""

    role: Literal[ChatCompletionRole.FUNCTION] = ChatCompletionRole.FUNCTION


class ChatCompletionRequestOtherMessage(Payload):
    """A message with a role that this package does not know yet, or none."""

    role: str | None = None
    content: str | list[dict[str, Any]] | None = None


def _role_of(message: Any) -> str:
    role = message.get("role") if isinstance(message, dict) else getattr(message, "role", None)
    return role if isinstance(role, str) and role in _ROLES else "other"


_ROLES = {role.value for role in ChatCompletionRole}

ChatCompletionRequestMessage = Annotated[
    Annotated[ChatCompletionRequestSystemMessage, Tag("system")]
    | Annotated[ChatCompletionRequestDeveloperMessage, Tag("developer")]
    | Annotated[ChatCompletionRequestUserMessage, Tag("user")]
    | Annotated[ChatCompletionRequestAssistantMessage, Tag("assistant")]
    | Annotated[ChatCompletionRequestToolMessage, Tag("tool")]
    | Annotated[ChatCompletionRequestFunctionMessage, Tag("function")]
    | Annotated[ChatCompletionRequestOtherMessage, Tag("other")],
    Discriminator(_role_of),
]


class CreateChatCompletionRequest(Payload):
    """The JSON body of a chat completion call, as it was sent."""

    messages: list[ChatCompletionRequestMessage] = Field(default_factory=list)
    model: str | None = None
    frequency_penalty: Number | None = None
    logit_bias: dict[str, Number] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    metadata: dict[str, Json] | None = None
    n: int | None = None
    parallel_tool_calls: bool | None = None
    presence_penalty: Number | None = None
    reasoning_effort: str | None = None
    response_format: ResponseFormat | None = None
    seed: int | None = None
    service_tier: str | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: dict[str, Json] | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    user: str | None = None
    function_call: str | dict[str, Any] | None = None
    functions: list[dict[str, Any]] | None = None
