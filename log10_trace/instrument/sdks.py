"""The SDKs that we cut into: made by one generator, they have the same methods in classes of other names.

What an SDK needs to be recorded stands in its row. Its modules are found when the program imports them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from log10_trace.domain import sdk_names


class AsyncMethods(NamedTuple):
    """Async methods of a resource, whose coroutines remember where they were made."""

    module: str
    """Below the SDK's."""
    owner: str
    names: tuple[str, ...]


class Sdk(NamedTuple):
    """One SDK: its module and its classes."""

    name: str
    """As the setting ``sdks`` has it."""
    module: str
    """From which programs import the clients."""
    clients: tuple[str, ...]
    """The blocking client classes. The first one is there in every version."""
    required: tuple[str, ...] = ("request", "_process_response")
    """The methods of a client that every call passes."""
    async_methods: tuple[AsyncMethods, ...] = ()
    """A version without one of them does without."""

    @property
    def async_clients(self) -> tuple[str, ...]:
        """The async client classes."""
        return tuple(f"Async{name}" for name in self.clients)

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules with methods that we cut into; some are imported with the first use of a client."""
        below = (f"{self.module}.{methods.module}" for methods in self.async_methods)
        return tuple(dict.fromkeys((self.module, *below)))


# ``beta.chat.completions`` is a resource of its own from openai 1.40 to 1.91, and later another name of
# ``chat.completions``. Responses come with 1.66.
OPENAI: Final = Sdk(
    name=sdk_names.OPENAI,
    module="openai",
    clients=("OpenAI",),
    async_methods=(
        AsyncMethods(
            module="resources.chat.completions", owner="AsyncCompletions", names=("create", "parse")
        ),
        AsyncMethods(module="resources.beta.chat.completions", owner="AsyncCompletions", names=("parse",)),
        AsyncMethods(module="resources.completions", owner="AsyncCompletions", names=("create",)),
        AsyncMethods(module="resources.responses", owner="AsyncResponses", names=("create", "parse")),
    ),
)

_RESOURCES: Final = (
    AsyncMethods(module="resources.chat.completions", owner="AsyncCompletionsResource", names=("create",)),
    AsyncMethods(module="resources.completions", owner="AsyncCompletionsResource", names=("create",)),
)

LITELLM: Final = Sdk(
    name=sdk_names.LITELLM,
    module="litellm.llms.custom_httpx.http_handler",
    clients=("HTTPHandler",),
    required=("post",),
)
"""Calls some providers through the OpenAI SDK, and the others through HTTP clients of its own: these."""

OTHER_SDKS: Final = (
    Sdk(
        name=sdk_names.ANTHROPIC,
        module="anthropic",
        # Those of other clouds inherit from the first one, or have a line of their own.
        clients=("Anthropic", "AnthropicBedrock", "AnthropicBedrockMantle", "AnthropicVertex"),
        async_methods=(
            AsyncMethods(module="resources.messages", owner="AsyncMessages", names=("create", "parse")),
            AsyncMethods(module="resources.beta.messages", owner="AsyncMessages", names=("create", "parse")),
        ),
    ),
    Sdk(
        name=sdk_names.CEREBRAS,
        module="cerebras.cloud.sdk",
        clients=("Cerebras",),
        async_methods=_RESOURCES,
    ),
    Sdk(
        name=sdk_names.GROQ,
        module="groq",
        clients=("Groq",),
        async_methods=(
            AsyncMethods(module="resources.chat.completions", owner="AsyncCompletions", names=("create",)),
        ),
    ),
    LITELLM,
    Sdk(name=sdk_names.TOGETHER, module="together", clients=("Together",), async_methods=_RESOURCES),
)
"""Those that are patched when the program imports them."""
SDKS: Final = (OPENAI, *OTHER_SDKS)
