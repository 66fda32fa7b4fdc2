"""Haystack's generators and pipelines."""

from __future__ import annotations

from haystack import Pipeline
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage

MESSAGES = [ChatMessage.from_user("hi")]


def _pipeline(*names: str) -> Pipeline:
    made = Pipeline()
    for name in names:
        made.add_component(name, OpenAIChatGenerator())
    return made


def plain() -> None:
    OpenAIChatGenerator().run(MESSAGES)  # here


def stream() -> None:
    OpenAIChatGenerator(streaming_callback=lambda _: None).run(MESSAGES)  # here


def pipeline() -> None:
    _pipeline("one").run({"one": {"messages": MESSAGES}})  # here


async def async_plain() -> None:
    await OpenAIChatGenerator().run_async(MESSAGES)  # here


async def async_pipeline() -> None:
    messages = {"messages": MESSAGES}
    await _pipeline("one", "two").run_async({"one": messages, "two": messages})  # here
