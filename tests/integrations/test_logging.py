"""The logging filter: session and completion on each record, whoever writes it."""

from __future__ import annotations

import io
import json
import logging
import logging.handlers
import queue
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from log10_trace import session
from log10_trace.context import process_session
from log10_trace.integrations.logging import SessionFilter
from log10_trace.testing import capture

FORMAT = "%(session_id)s %(completion_id)s %(message)s"


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger of this test's own."""
    logger = logging.getLogger("tests.integrations.shop")
    logger.propagate = False
    yield logger
    logger.handlers.clear()


def attach(logger: logging.Logger, formatter: logging.Formatter) -> io.StringIO:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(SessionFilter())
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    return written


def test_a_line_names_the_session_and_its_last_call(log: logging.Logger, client: openai.OpenAI) -> None:
    """Before the first call the completion is None; then it is the one that ended last."""
    written = attach(log, logging.Formatter(FORMAT))
    with capture() as calls, session(id="chat-7"):
        log.warning("before")
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        log.warning("after")

    assert written.getvalue() == f"chat-7 None before\nchat-7 {calls[0].id} after\n"


def test_outside_it_is_the_session_of_the_process(log: logging.Logger) -> None:
    """As on the records of calls that are made outside of any session."""
    written = attach(log, logging.Formatter("%(session_id)s"))
    log.warning("x")

    assert written.getvalue() == f"{process_session().id}\n"


def test_what_the_program_says_itself_stays(log: logging.Logger) -> None:
    """An attribute of ``extra`` is not replaced."""
    written = attach(log, logging.Formatter("%(session_id)s"))
    log.warning("x", extra={"session_id": "mine"})

    assert written.getvalue() == "mine\n"


def test_json_formatters_find_plain_attributes(log: logging.Logger) -> None:
    """A formatter that writes the record's attributes writes these too."""

    class JsonFormatter(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            known = set(logging.makeLogRecord({}).__dict__)
            return json.dumps({name: value for name, value in record.__dict__.items() if name not in known})

    written = attach(log, JsonFormatter())
    with session(id="chat-7"):
        log.warning("x")

    found = json.loads(written.getvalue())
    assert (found["session_id"], found["completion_id"]) == ("chat-7", None)


def test_a_queue_carries_them(log: logging.Logger) -> None:
    """The filter of a queue's handler sees the thread that logs; what reads the queue has its session."""
    waiting: queue.Queue[Any] = queue.Queue()
    handler = logging.handlers.QueueHandler(waiting)
    handler.addFilter(SessionFilter())
    log.addHandler(handler)
    with session(id="chat-7"):
        log.warning("x")
    record = waiting.get_nowait()

    assert SessionFilter().filter(record)
    assert record.session_id == "chat-7"
