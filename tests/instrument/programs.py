"""Small programs, one for each way of calling the SDK. Each takes a client and gives what its user sees.

They are run patched and unpatched; a program that an SDK version cannot run says so by ``needs``.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import openai
import pytest
from openai._models import BaseModel as Body
from pydantic import BaseModel

MESSAGES: Any = [{"role": "user", "content": "hi"}]
CHAT: dict[str, Any] = {"model": "m", "messages": MESSAGES}
TEXT: dict[str, Any] = {"model": "m", "prompt": "hi"}
RESPONSE: dict[str, Any] = {"model": "m", "input": "hi"}
closable = pytest.mark.skipif(
    not hasattr(openai.Stream, "close"), reason=f"streams of openai {openai.__version__} cannot be closed"
)


def seeded(seed: int) -> dict[str, Any]:
    """A call told apart from others by its seed, which openai 1.0 does not take as an argument."""
    return {**CHAT, "extra_body": {"seed": seed}}


TOOLS: Any = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


class Reply(BaseModel):
    """What ``parse`` is asked for; the fake model's answer does fit."""

    text: str


@dataclass(frozen=True)
class Program:
    """A way to call the SDK, and how many records it leaves."""

    run: Callable[[Any], Any]
    is_async: bool = False
    records: int = 1
    streamed: bool = False
    needs: str = "chat"


SYNC: dict[str, Program] = {}
ASYNC: dict[str, Program] = {}


def program(name: str, **more: Any) -> Callable[[Any], Any]:
    """Register the program under its name, with the sync programs or the async ones."""

    def register(run: Any) -> Any:
        is_async = inspect.iscoroutinefunction(run)
        (ASYNC if is_async else SYNC)[name] = Program(run, is_async=is_async, **more)
        return run

    return register


def has(client: Any, path: str) -> bool:
    """Whether this version of the SDK has the attribute path."""
    try:
        functools.reduce(getattr, path.split("."), client)
    except AttributeError:
        return False
    return True


PLAIN: dict[str, dict[str, Any]] = {
    "chat": {},
    "chat, several choices": {"n": 2},
    "chat, tools": {"tools": TOOLS},
    "chat, functions": {"functions": [{"name": "f", "parameters": {"type": "object"}}]},
    "chat, logprobs": {"logprobs": True, "top_logprobs": 2},
    "chat, audio": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    "chat, response_format": {"response_format": {"type": "json_object"}},
    "chat, extra_body": {"extra_body": {"x_unknown": [1]}},
}


def _plain(options: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda client: client.chat.completions.create(**CHAT, **options)


def _plain_async(options: dict[str, Any]) -> Callable[[Any], Any]:
    async def run(client: Any) -> Any:
        return await client.chat.completions.create(**CHAT, **options)

    return run


for _name, _options in PLAIN.items():
    program(_name)(_plain(_options))
    program(_name)(_plain_async(_options))


@program("chat, generator as messages")
def generator(client: Any) -> Any:
    return client.chat.completions.create(model="m", messages=(message for message in MESSAGES))


@program("chat, model as message", records=2)
def model_as_message(client: Any) -> Any:
    answer = client.chat.completions.create(**CHAT).choices[0].message
    return client.chat.completions.create(model="m", messages=(*MESSAGES, answer))


@program("chat stream", streamed=True)
def stream(client: Any) -> Any:
    return list(client.chat.completions.create(**CHAT, stream=True, n=2))


@program("chat stream, usage", streamed=True)
def stream_usage(client: Any) -> Any:
    return list(client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True}))


@program("chat stream, with", streamed=True)
def stream_with(client: Any) -> Any:
    with client.chat.completions.create(**CHAT, stream=True) as opened:
        return type(opened).__name__, list(opened), opened.response.is_closed


@program("chat stream, next", streamed=True)
def stream_next(client: Any) -> Any:
    opened = client.chat.completions.create(**CHAT, stream=True)
    first = next(opened)
    return first, list(opened), opened.response.headers["content-type"]


@program("chat.stream()", streamed=True, needs="chat.completions.stream")
def stream_helper(client: Any) -> Any:
    with client.chat.completions.stream(**CHAT) as helper:
        return [event.type for event in helper], helper.get_final_completion().model_dump()


@program("chat.parse", needs="chat.completions.parse")
def parse(client: Any) -> Any:
    return client.chat.completions.parse(**CHAT, response_format=Reply)


@program("beta.chat.parse", needs="beta.chat.completions.parse")
def beta_parse(client: Any) -> Any:
    return client.beta.chat.completions.parse(**CHAT, response_format=Reply)


@program("text")
def text(client: Any) -> Any:
    return client.completions.create(**TEXT)


@program("text stream", streamed=True)
def text_stream(client: Any) -> Any:
    return list(client.completions.create(**TEXT, stream=True))


@program("responses", needs="responses")
def responses(client: Any) -> Any:
    return client.responses.create(**RESPONSE)


@program("responses stream", streamed=True, needs="responses")
def responses_stream(client: Any) -> Any:
    return list(client.responses.create(**RESPONSE, stream=True))


@program("responses.stream()", streamed=True, needs="responses.stream")
def responses_helper(client: Any) -> Any:
    with client.responses.stream(**RESPONSE) as helper:
        return [event.type for event in helper], helper.get_final_response().model_dump()


@program("responses.parse", needs="responses.parse")
def responses_parse(client: Any) -> Any:
    return client.responses.parse(**RESPONSE, text_format=Reply)


@program("raw response")
def raw(client: Any) -> Any:
    response = client.chat.completions.with_raw_response.create(**CHAT)
    return response.status_code, response.text, response.parse(), response.headers["content-type"]


@program("raw response, stream", streamed=True)
def raw_stream(client: Any) -> Any:
    response = client.chat.completions.with_raw_response.create(**CHAT, stream=True)
    return response.headers["content-type"], list(response.parse())


@program("raw response, responses", needs="responses")
def raw_responses(client: Any) -> Any:
    return client.responses.with_raw_response.create(**RESPONSE).parse()


@program("streaming response, whole", streamed=True, needs="chat.completions.with_streaming_response")
def streaming_whole(client: Any) -> Any:
    with client.chat.completions.with_streaming_response.create(**CHAT) as response:
        return response.json(), response.is_closed


@program("streaming response, in lines", streamed=True, needs="chat.completions.with_streaming_response")
def streaming_lines(client: Any) -> Any:
    with client.chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        return list(response.iter_lines())


@program("streaming response, in part", streamed=True, needs="chat.completions.with_streaming_response")
def streaming_part(client: Any) -> Any:
    with client.chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        return next(iter(response.iter_lines()))


@program("streaming response, not at all", streamed=True, needs="chat.completions.with_streaming_response")
def streaming_unread(client: Any) -> Any:
    with client.chat.completions.with_streaming_response.create(**CHAT) as response:
        return response.status_code


@program("streaming response, parsed", streamed=True, needs="chat.completions.with_streaming_response")
def streaming_parsed(client: Any) -> Any:
    with client.chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        return list(response.parse())


@program("client.post")
def post(client: Any) -> Any:
    return client.post("/chat/completions", cast_to=Body, body=CHAT)


@program("client.post, stream", streamed=True)
def post_stream(client: Any) -> Any:
    body = {**CHAT, "stream": True}
    opened = client.post(
        "/chat/completions",
        cast_to=Body,
        body=body,
        stream=True,
        stream_cls=openai.Stream[object],
    )
    return list(opened)


@program("with_options")
def with_options(client: Any) -> Any:
    return client.with_options(timeout=20).chat.completions.create(**CHAT)


@program("copy")
def copied(client: Any) -> Any:
    return client.copy().chat.completions.create(**CHAT)


@program("other endpoints", records=0)
def other(client: Any) -> Any:
    return client.models.list(), client.post("/embeddings", cast_to=Body, body={"input": "x"})


@program("stored completions", records=0, needs="chat.completions.retrieve")
def stored(client: Any) -> Any:
    return client.chat.completions.list(), client.chat.completions.retrieve("c1")


@program("chat stream", streamed=True)
async def stream_async(client: Any) -> Any:
    return [chunk async for chunk in await client.chat.completions.create(**CHAT, stream=True, n=2)]


@program("chat stream, with", streamed=True)
async def stream_with_async(client: Any) -> Any:
    async with await client.chat.completions.create(**CHAT, stream=True) as opened:
        return type(opened).__name__, [chunk async for chunk in opened], opened.response.is_closed


@program("chat.stream()", streamed=True, needs="chat.completions.stream")
async def stream_helper_async(client: Any) -> Any:
    async with client.chat.completions.stream(**CHAT) as helper:
        kinds = [event.type async for event in helper]
        return kinds, (await helper.get_final_completion()).model_dump()


@program("chat.parse", needs="chat.completions.parse")
async def parse_async(client: Any) -> Any:
    return await client.chat.completions.parse(**CHAT, response_format=Reply)


@program("text")
async def text_async(client: Any) -> Any:
    return await client.completions.create(**TEXT)


@program("text stream", streamed=True)
async def text_stream_async(client: Any) -> Any:
    return [chunk async for chunk in await client.completions.create(**TEXT, stream=True)]


@program("responses", needs="responses")
async def responses_async(client: Any) -> Any:
    return await client.responses.create(**RESPONSE)


@program("responses stream", streamed=True, needs="responses")
async def responses_stream_async(client: Any) -> Any:
    return [event async for event in await client.responses.create(**RESPONSE, stream=True)]


@program("responses.stream()", streamed=True, needs="responses.stream")
async def responses_helper_async(client: Any) -> Any:
    async with client.responses.stream(**RESPONSE) as helper:
        return [event.type async for event in helper], (await helper.get_final_response()).model_dump()


@program("responses.parse", needs="responses.parse")
async def responses_parse_async(client: Any) -> Any:
    return await client.responses.parse(**RESPONSE, text_format=Reply)


@program("raw response")
async def raw_async(client: Any) -> Any:
    response = await client.chat.completions.with_raw_response.create(**CHAT)
    return response.status_code, response.text, response.parse()


@program("raw response, stream", streamed=True)
async def raw_stream_async(client: Any) -> Any:
    response = await client.chat.completions.with_raw_response.create(**CHAT, stream=True)
    return [chunk async for chunk in response.parse()]


@program("streaming response, whole", streamed=True, needs="chat.completions.with_streaming_response")
async def streaming_whole_async(client: Any) -> Any:
    async with client.chat.completions.with_streaming_response.create(**CHAT) as response:
        return await response.json()


@program("streaming response, in lines", streamed=True, needs="chat.completions.with_streaming_response")
async def streaming_lines_async(client: Any) -> Any:
    async with client.chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        return [line async for line in response.iter_lines()]


@program("streaming response, not at all", streamed=True, needs="chat.completions.with_streaming_response")
async def streaming_unread_async(client: Any) -> Any:
    async with client.chat.completions.with_streaming_response.create(**CHAT) as response:
        return response.status_code


@program("client.post")
async def post_async(client: Any) -> Any:
    return await client.post("/chat/completions", cast_to=Body, body=CHAT)


@program("gather", records=3)
async def gathered(client: Any) -> Any:
    return await asyncio.gather(*(client.chat.completions.create(**seeded(seed)) for seed in range(3)))


@program("other endpoints", records=0)
async def other_async(client: Any) -> Any:
    return await client.post("/embeddings", cast_to=Body, body={"input": "x"})


def every() -> Iterator[tuple[str, Program]]:
    """All programs under unique names."""
    yield from SYNC.items()
    yield from ((f"async {name}", one) for name, one in ASYNC.items())
