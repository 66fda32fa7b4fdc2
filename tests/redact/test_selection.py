"""What ``patch(redact=...)`` and its environment take, and what they refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest

from log10_trace import redact, testing
from log10_trace.config import resolve
from log10_trace.errors import ConfigError
from log10_trace.models.components import Completion
from tests.completions_api import CompletionsAPI
from tests.export.factories import delivery, keep
from tests.redact.test_detectors import content, of
from tests.test_floors import MODULES, imports_of, room_of

TEXT = "ada@example.org, 4111 1111 1111 1111, sk-abcdefghijklmnop0123"


def drop_response(completion: Completion) -> Completion:
    """A redactor of the user's own."""
    completion.response = None
    return completion


@pytest.mark.parametrize(
    "setting",
    [
        {"LOG10_REDACT": "emails, cards,keys"},
        ["emails", redact.cards, "keys"],
        (redact.emails, redact.cards, redact.keys),
        "emails,cards,keys",
        [drop_response, redact.emails, redact.chain(redact.cards, redact.keys)],
        redact.patterns(),
    ],
)
def test_detectors_are_named_or_given(setting: Any) -> None:
    """By names in the environment, by a list, by functions among them."""
    config = resolve(environ=setting) if isinstance(setting, dict) else resolve({"redact": setting}, {})

    assert config.redact is not None
    assert content(config.redact(of(TEXT))) == "[redacted], [redacted], [redacted]"


def test_the_same_list_is_the_same_setting() -> None:
    """``patch`` called again with the same detectors changes nothing."""
    same = [redact.emails, redact.path("$.x"), drop_response, redact.pseudonyms(redact.ips)]

    assert resolve({"redact": same}, {}) == resolve({"redact": list(same)}, {})
    assert resolve({"redact": same}, {}) != resolve({"redact": same[:1]}, {})


def test_a_recording_takes_what_patch_takes() -> None:
    """``testing.replay`` reads names and lists alike, and refuses what is neither."""
    recording = testing.replay("unused.jsonl", redact="emails,cards")

    assert recording._redact is not None
    assert content(recording._redact(of("ada@example.org"))) == "[redacted]"
    with pytest.raises(ConfigError, match="'email' is not a detector"):
        testing.replay("unused.jsonl", redact="email")


async def _wait(completion: Completion) -> Completion:
    return completion


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("email", "'email' is not a detector; there are: keys, emails"),
        (["emails", 7], "7 is not a function"),
        ([], "names no detector"),
        ("", None),
        (" , ", "names no detector"),
        (redact.patterns, "call it, as redact.patterns"),
        ([redact.emails, redact.pseudonyms], "call it, as redact.pseudonyms"),
        (lambda: None, "cannot be called with one argument"),
        (lambda one, two: None, "cannot be called with one argument"),
        (_wait, "coroutine function"),
        (redact, "is not a function"),
    ],
)
def test_a_bad_redactor_is_an_error_of_its_setting(setting: Any, says: str | None) -> None:
    """The message names the setting, the value and what there is; an empty text is not given."""
    if says is None:
        assert resolve(environ={"LOG10_REDACT": setting}).redact is None
        return
    with pytest.raises(ConfigError, match="redact") as raised:
        resolve({"redact": setting}, {})
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG10_CAPTURE_CONTENT", "maybe"),
        ("LOG10_MAX_CONTENT_BYTES", "-1"),
        ("LOG10_MAX_CONTENT_BYTES", "1.5"),
    ],
)
def test_a_bad_setting_of_contents_is_an_error(name: str, value: str) -> None:
    """The message names the variable."""
    with pytest.raises(ConfigError, match=name):
        resolve(environ={name: value})


def test_without_these_settings_nothing_is_redacted() -> None:
    """A record is on disk when the call returns; no module of redaction is imported."""
    with delivery() as made:
        keep(made, 1)
        assert made.stats().spooled == 1

    outside = [path for path in MODULES if room_of(path) not in {"redact", "testing"}]
    assert not [
        path for path in outside for name in imports_of(path) if name.startswith("log10_trace.redact.")
    ]


def test_a_secret_at_the_limit_is_found_before_it_is_cut() -> None:
    """The redactor sees the whole text; then what is too long is cut, or all of it masked."""
    text = "x" * 90 + " ada@example.org"
    limited = redact.combine(redact.emails, capture_content=True, max_content_bytes=95)
    masked = redact.combine(drop_response, capture_content=False, max_content_bytes=95)

    assert content(limited(of(text))) == "x" * 90 + " [red[omitted: 6 bytes]"
    assert content(masked(of(text))) == "[masked: 106 characters]"


def test_a_redactor_that_fails_masks_all_whatever_the_others_do() -> None:
    """One that raises in a list keeps the whole contents from the record."""

    def fail(_: Completion) -> Completion:
        raise ValueError

    with (
        CompletionsAPI() as api,
        delivery(api.url, redact=[redact.emails, fail], max_content_bytes=10) as made,
    ):
        keep(made, 1, "private words")
        assert made.flush(60.0)
        assert made.stats().withheld == 1

    (stored,) = api.stored
    assert "private words" not in json.dumps(stored)
    assert stored["content_omitted"] == "all"
