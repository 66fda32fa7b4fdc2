"""What a redactor takes out of calls before they are recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from log10_trace import redact
from log10_trace.models.components import Completion
from log10_trace.testing import replay
from log10_trace.testing.redacting import SpreadTextError
from tests.instrument.programs import CHAT
from tests.model_answers import chat, chat_chunks, response_events
from tests.model_endpoint import Endpoint, json_answer, sse, sse_answer

PRIVATE = "Mail ann@example.com"
MAILS = redact.patterns(redact.EMAIL, replacement="<email>")


def ask(client: openai.OpenAI, text: str, **more: Any) -> Any:
    messages: Any = [{"role": "user", "content": text}]
    return client.chat.completions.create(model="m", messages=messages, **more)


def test_requests_and_answers_are_redacted(client: openai.OpenAI, endpoint: Endpoint, tmp_path: Path) -> None:
    """And the call is found again, though the test asks with the words themselves."""
    path = tmp_path / "calls.jsonl"
    endpoint.script(json_answer(chat("Written to bob@example.com")))
    with replay(path, redact=MAILS):
        assert "bob@" in ask(client, PRIVATE).choices[0].message.content
    with replay(path, redact=MAILS):
        assert ask(client, PRIVATE).choices[0].message.content == "Written to <email>"

    assert "@example" not in path.read_text(encoding="utf-8")
    assert "Mail <email>" in path.read_text(encoding="utf-8")


def test_what_changes_at_each_run_can_be_taken_out(
    client: openai.OpenAI, endpoint: Endpoint, tmp_path: Path
) -> None:
    """A date, an id: requests are compared as redacted."""
    dates = redact.patterns(r"\d{4}-\d\d-\d\d", replacement="<date>")
    with replay(tmp_path / "calls.jsonl", redact=dates):
        ask(client, "Today is 2026-01-31.")
    with replay(tmp_path / "calls.jsonl", "none", redact=dates):
        ask(client, "Today is 2027-02-01.")

    assert len(endpoint.received) == 1


def test_events_of_a_stream_are_redacted(client: openai.OpenAI, endpoint: Endpoint, tmp_path: Path) -> None:
    """Event by event, whatever the pieces that the network made of them."""
    path = tmp_path / "calls.jsonl"
    body = b"".join(sse(*chat_chunks("Write to ", "bob@example.com", " now.")))
    endpoint.script(sse_answer(*(body[at : at + 50] for at in range(0, len(body), 50))))
    with replay(path, redact=MAILS):
        list(ask(client, PRIVATE, stream=True))
    with replay(path, redact=MAILS):
        chunks = list(ask(client, PRIVATE, stream=True))

    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == "Write to <email> now."
    assert "@example" not in path.read_text(encoding="utf-8")


def test_fields_of_events_are_redacted(client: openai.OpenAI, endpoint: Endpoint, tmp_path: Path) -> None:
    """A redactor of fields sees the JSON of events."""
    path = tmp_path / "calls.jsonl"
    endpoint.script(sse_answer(*sse(*response_events("Hello"), done=False)))
    with replay(path, redact=redact.fields("item_id")):
        list(client.responses.create(model="m", input="x", stream=True))

    events = [
        json.loads(line)["piece"][0]["data"] for line in path.read_text().splitlines() if "piece" in line
    ]
    assert {event["item_id"] for event in events if "item_id" in event} == {"[redacted]"}


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_text_that_is_spread_over_events_is_not_written(
    client: openai.OpenAI, endpoint: Endpoint, tmp_path: Path, api: str
) -> None:
    """What the redactor would take out of the whole answer and cannot find in its pieces."""
    path = tmp_path / "calls.jsonl"
    words = ("bob", "@exam", "ple.com")
    events = sse(*chat_chunks(*words)) if api == "chat" else sse(*response_events(*words), done=False)
    endpoint.script(sse_answer(*events))

    with pytest.raises(SpreadTextError, match="spread over several pieces"), replay(path, redact=MAILS):
        if api == "chat":
            list(ask(client, "x", stream=True))
        else:
            list(client.responses.create(model="m", input="x", stream=True))

    assert not path.exists()


def test_an_exception_of_the_redactor_is_raised(client: openai.OpenAI, tmp_path: Path) -> None:
    """Nothing is sent or written that the redactor did not see."""

    def broken(completion: Completion) -> Completion:
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"), replay(tmp_path / "calls.jsonl", redact=broken):
        client.chat.completions.create(**CHAT)


def test_a_redactor_that_gives_something_else_is_named(client: openai.OpenAI, tmp_path: Path) -> None:
    """A redactor that forgets to return."""
    forgetful: Any = lambda _completion: None  # noqa: E731 -- as users write it

    with (
        pytest.raises(TypeError, match="gave back NoneType, not a Completion"),
        replay(tmp_path / "calls.jsonl", redact=forgetful),
    ):
        client.chat.completions.create(**CHAT)
