"""Sends a logged request again, with the user's own settings of the SDK.

The only module of the command line besides ``demo`` that needs the SDK, which it imports when it is used:
the import takes half a second.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from log10_trace.cli.conversation import first_answer_text
from log10_trace.domain.call_labels import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    MESSAGES,
    RESPONSES,
    describe_failure,
    is_text_request,
)
from log10_trace.domain.charges import charges, read_usage
from log10_trace.domain.prices import Prices
from log10_trace.errors import Log10Error, SetupError

if TYPE_CHECKING:
    import openai

Send = Callable[[str, dict[str, Any]], Any]
"""Sends a body to an endpoint of the model's provider; gives the JSON that came back."""

_KEYS: Final = ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY")
_NO_KEY: Final = "There is no key for the API: set OPENAI_API_KEY. A model at OPENAI_BASE_URL may take any."
_OF_STREAMS: Final = frozenset({"stream", "stream_options"})


class ProviderError(Log10Error):
    """The provider answered with an error, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """What a model answered to a request, and what that took."""

    completion_id: str
    model: str
    text: str
    input_tokens: int | None
    output_tokens: int | None
    seconds: float | None
    cost: float | None
    """US dollars; none when the model's price is not known."""
    error: str | None = None
    logged: bool = False
    """This is the logged answer, not a new one."""


def parse_call(record: bytes) -> dict[str, Any]:
    """The call of a record that the server sent.

    Raises:
        Log10Error: it holds a number that cannot be sent again as it was.
    """
    try:
        call: dict[str, Any] = json.loads(record)
    except ValueError:  # what the server sends is JSON
        message = "The call holds an integer of so many digits that it cannot be sent again."
        raise Log10Error(message) from None
    return call


def read_logged_answer(call: dict[str, Any], prices: Prices) -> ModelAnswer:
    """The answer that was logged."""
    response = call.get("native_response") or call.get("response")
    failure = describe_failure(call.get("failure_kind"), call.get("failure_reason")) or None
    model = read_model(call)
    # Charged as the statistics charge it: the view as chat comes first.
    responses = call.get("response"), call.get("native_response")
    answer = _answer(
        call, model, responses, seconds=call.get("duration"), prices=prices, base_url=call.get("base_url")
    )
    return replace(answer, text=first_answer_text(response), error=failure, logged=True)


def read_model(call: dict[str, Any]) -> str:
    """The model that answered, else the one that was asked for; ``?`` where the call names none."""
    asked, _ = _request_of(call)
    return _text(call.get("native_response") or call.get("response"), "model") or _text(asked, "model") or "?"


def replay_call(
    call: dict[str, Any],
    model: str,
    send: Send,
    prices: Prices,
    *,
    changes: Mapping[str, Any] | None = None,
    base_url: str | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> ModelAnswer:
    """The answer of ``model`` to the call's request, sent now: unstreamed, its parameters with ``changes``.

    ``base_url`` is that of the API that ``send`` asks, for the cost.

    Raises:
        Log10Error: the call has no request that could be sent, or not all of it was kept.
    """
    endpoint, body = build_replay(call, model, changes)
    began = clock()
    response, fault = None, None
    try:
        response = send(endpoint, body)
    except ProviderError as error:
        fault = str(error)
    seconds = clock() - began
    answer = _answer(call, model, (response,), seconds=seconds, prices=prices, base_url=base_url)
    return replace(answer, error=fault)


def build_replay(
    call: dict[str, Any], model: str, changes: Mapping[str, Any] | None = None
) -> tuple[str, dict[str, Any]]:
    """The endpoint and the body that ``replay_call`` sends.

    Raises:
        Log10Error: the call has no request that could be sent, or not all of it was kept.
    """
    request, endpoint = _request_of(call)
    if request is None:
        message = f"Call {call.get('id')} has no request that could be sent again."
        raise Log10Error(message)
    if omitted := call.get("content_omitted"):
        what = (
            "was recorded without contents" if omitted == "all" else "was recorded without its large contents"
        )
        raise Log10Error(f"Call {call.get('id')} {what}, so its request cannot be sent again.")
    body = {name: value for name, value in request.items() if name not in _OF_STREAMS}
    return endpoint, body | {"model": model, **(changes or {})}


def _request_of(call: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The body that can be sent again, and where to."""
    native, request = call.get("native_request"), call.get("request")
    # The OpenAI SDK, which sends it, speaks no other protocol: a message of Anthropic's is sent as chat.
    if isinstance(native, dict) and call.get("endpoint") != MESSAGES:
        return native, RESPONSES
    if not isinstance(request, dict):
        return None, CHAT_COMPLETIONS
    return request, COMPLETIONS if is_text_request(request) else CHAT_COMPLETIONS


def _answer(
    call: dict[str, Any],
    model: str,
    responses: Sequence[Any],
    *,
    seconds: float | None,
    prices: Prices,
    base_url: Any,
) -> ModelAnswer:
    usage = read_usage(*responses)
    charged = charges({"model": model}, *responses, usage=usage, base_url=base_url)
    return ModelAnswer(
        completion_id=str(call.get("id")),
        model=model,
        text=first_answer_text(responses[0]),
        input_tokens=usage.input,
        output_tokens=usage.output,
        seconds=seconds,
        cost=prices.cost_of(charged) if usage.is_stated else None,
    )


def _text(body: Any, name: str) -> str | None:
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) else None


def find_sdk_base_url() -> str:
    """The base URL of the API that ``make_sdk_sender`` asks; for this no key is needed.

    Raises:
        SetupError: the SDK's own settings cannot be used.
    """
    return str(_make_sdk_client(api_key=os.environ.get("OPENAI_API_KEY") or "none").base_url)


def make_sdk_sender() -> tuple[Send, str]:
    """Send with the OpenAI SDK, as the environment sets it up (``OPENAI_API_KEY``, ``OPENAI_BASE_URL``, ...).

    The second value is the base URL of the API that is asked.

    Raises:
        SetupError: the SDK finds no key, or its settings cannot be used.
    """
    import openai  # noqa: PLC0415 -- see the module's first lines

    client = _make_sdk_client()

    def send(endpoint: str, body: dict[str, Any]) -> Any:
        try:
            return client.post(endpoint, body=body, cast_to=object)
        except openai.OpenAIError as error:
            message = f"{type(error).__name__}: {error}"
            raise ProviderError(message) from error

    return send, str(client.base_url)


def _make_sdk_client(**settings: Any) -> openai.OpenAI:
    import openai  # noqa: PLC0415 -- see the module's first lines

    try:
        return openai.OpenAI(**settings)
    except openai.OpenAIError as error:
        # Its own words for a missing key name arguments of Python.
        has_key = any(os.environ.get(name) for name in _KEYS)
        raise SetupError(str(error) if has_key else _NO_KEY) from None
    except Exception as error:  # noqa: BLE001 -- its HTTP library's own, for an address or a certificate file
        message = f"The OpenAI SDK cannot be set up ({error}). Look at the OPENAI_ variables."
        raise SetupError(message) from None


def parameter(text: str) -> tuple[str, Any]:
    """A parameter that was written ``name=value``; the value is JSON, or text.

    Raises:
        ValueError: there is no ``=`` in it.
    """
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        message = f"{text!r} is no parameter. Write its name, = and its value: temperature=0.2"
        raise ValueError(message)
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value
