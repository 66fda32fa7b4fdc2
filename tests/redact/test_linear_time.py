"""No text makes redaction slow: the work of every expression grows with the length of the text."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator

import pytest

from log10_trace import redact
from log10_trace.redact.key_formats import KEY_FORMATS
from tests.redact.step_counter import Matcher

SHORT, LONG = 40, 80
"""Characters of the texts."""
MAX_RATIO = 2.9
"""Twice the text takes twice the steps, and a little more at the ends; with a square it takes four times."""

PUMPS = (
    "a", "1", "1 ", "a.", "a@", "@a.", "1-", "(1", "+1", "01 ", "eyJ-", "eyJa.", "sk-", "://a:", "a:", "=",
    "-----BEGIN PRIVATE KEY-----", "data:image/a;b=c", '"\\', "\\n", "key is ", "ssn ", "tel", "A1", "gh_a",
)  # fmt: skip


def expressions() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every expression of the package, with the name of its module."""
    for module in pkgutil.iter_modules(redact.__path__):
        name = f"{redact.__name__}.{module.name}"
        importlib.import_module(name)
        for word, value in vars(sys.modules[name]).items():
            if isinstance(value, re.Pattern):
                yield f"{module.name}.{word}", value
    for form in KEY_FORMATS:
        yield f"keys.{form.name}", form.expression


def count(expression: re.Pattern[str], pump: str, length: int) -> int:
    """The steps of a search in a text that is the pump again and again."""
    return Matcher(expression, (pump * length)[:length]).run().steps


@pytest.mark.parametrize(
    ("name", "expression"), list(expressions()), ids=lambda each: each if isinstance(each, str) else ""
)
def test_work_grows_with_the_length_of_the_text(name: str, expression: re.Pattern[str]) -> None:
    """A text of the worst form, twice as long, takes about twice the steps."""
    ratios = {pump: count(expression, pump, LONG) / count(expression, pump, SHORT) for pump in PUMPS}

    assert max(ratios.values()) <= MAX_RATIO, ratios


@pytest.mark.parametrize(("bad", "length"), [(r"\d+x", 40), (r"(?:a+)+b", 6), (r"(?:\w+\s?)*:", 5)])
def test_the_counter_sees_an_expression_that_is_slow(bad: str, length: int) -> None:
    """Expressions that are known to be slow do not pass."""
    expression = re.compile(bad)
    ratios = [count(expression, pump, 2 * length) / count(expression, pump, length) for pump in ("a", "1")]

    assert max(ratios) > MAX_RATIO


@pytest.mark.parametrize(
    "text", ["ada@example.org, 4111 1111 1111 1111", "Bearer abcdefgh12345678", "sk-" + "a1" * 20]
)
def test_the_counter_finds_what_python_finds(text: str) -> None:
    """The steps are those of the same search."""
    for name, expression in expressions():
        assert Matcher(expression, text).run().matches == [
            match[0] for match in expression.finditer(text) if match[0]
        ], name
