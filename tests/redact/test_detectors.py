"""Detectors: what they find, what they leave, and that what they leave is still what it was."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchmarks.labelled_texts import make_texts
from benchmarks.redaction import measure
from log10_trace import redact
from log10_trace.models.components import Completion
from log10_trace.redact.detector import DetectorRedactor
from log10_trace.redact.marks import REDACTED
from tests.export.factories import begun

ALL = DetectorRedactor(tuple(redact.DETECTORS.values()), REDACTED)

TEXTS = make_texts()
values = st.sampled_from(
    [text.text[label.start : label.end] for text in TEXTS for label in text.labels if "\n" not in text.text]
)
pieces = (
    st.text(max_size=6)
    | values
    | st.sampled_from(["\\n", "\n", '"', "\\", "{", "[", "}", " ", "1", "-", "@"])
)
texts = st.lists(pieces, max_size=8).map("".join)


def of(text: str) -> Completion:
    """A record with a request of this text."""
    return Completion.model_validate({"request": {"messages": [{"role": "user", "content": text}]}})


def content(completion: Completion) -> Any:
    """The text of the request."""
    return json.loads(completion.to_json())["request"]["messages"][0]["content"]


def test_the_detectors_are_as_good_as_their_table_says() -> None:
    """Precision and recall on the labelled texts do not fall below these bounds."""
    bounds = {
        "keys": (0.99, 0.93), "emails": (0.99, 0.94), "phones": (0.85, 0.97), "cards": (0.99, 0.95),
        "ibans": (0.99, 0.99), "ssns": (0.99, 0.75), "ips": (0.85, 0.99),
    }  # fmt: skip
    scores = measure(TEXTS)

    assert len(TEXTS) >= 300
    assert len({text.language for text in TEXTS}) >= 10
    assert scores.keys() == bounds.keys() == redact.DETECTORS.keys()
    for name, (precision, recall) in bounds.items():
        assert scores[name].precision >= precision, (name, scores[name].wrong)
        assert scores[name].recall >= recall, (name, scores[name].missed)


@pytest.mark.parametrize(
    ("detector", "left"),
    [
        (redact.cards, "4111 1111 1111 1112 and 1234567812345670"),  # the check digit, the issuer
        (redact.ibans, "DE89 3704 0044 0532 0130 01"),  # the check digits
        (redact.ssns, "000-12-3456 666-12-3456 912-12-3456 123-00-4567 123-45-0000"),  # never assigned
        (redact.emails, "@ada, git@github.com:a/b.git, react@18.2.0, icon@2x.png"),
        (redact.phones, "2024-05-06 12:30:45, 01.02.2024, 1,234,567,890"),
        (redact.keys, "sk-learn-tutorials-for-beginners"),
        (redact.ips, "127.0.0.1 ::1 version 1.2.3.4 12:30:45 std::vector"),
    ],
    ids=lambda each: getattr(each, "kind", ""),
)
def test_what_only_looks_so_is_left(detector: redact.Detector, left: str) -> None:
    """Numbers that fail their check, and words of another meaning, stay."""
    assert content(detector(of(left))) == left


def test_overlapping_values_leave_no_half() -> None:
    """An IBAN whose digits look like a card goes whole, and so does a password that ends in an address."""
    iban = next(
        text.text[label.start : label.end] for text in TEXTS for label in text.labels if label.kind == "iban"
    )

    assert ALL.clean(f"to {iban}.") == "to [redacted]."
    assert ALL.clean("postgres://app:Xy12345678@db.example.com/x") == (
        "postgres://app:[redacted]@db.example.com/x"
    )


def test_a_value_is_found_in_the_arguments_of_a_tool_call() -> None:
    """JSON in a text is read as JSON: escapes, numbers and names of fields, and stays JSON."""
    arguments = (
        '{"to": "line\\nada@example.org", "n": 4111111111111111, "a@b.example": {"x": "\\u00e9", "f": 1.0}}'
    )
    cleaned = content(ALL(of(arguments)))

    assert (
        cleaned == '{"to": "line\\n[redacted]", "n": "[redacted]", "[redacted]": {"x": "\\u00e9", "f": 1.0}}'
    )


def test_a_field_with_the_name_of_a_secret_is_masked() -> None:
    """Keys without a form of their own are known by the field that holds them."""
    answer = json.dumps(
        {"SecretAccessKey": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYab", "name": "wJalrXUtnFEMIK7MDENG"}
    )

    assert json.loads(content(redact.keys(of(answer)))) == {
        "SecretAccessKey": "[redacted]",
        "name": "wJalrXUtnFEMIK7MDENG",
    }


def test_a_piece_of_json_in_prose_stays_json() -> None:
    """The letter of an escape before a value is not taken for a part of it."""
    text = 'It said {"note": "x\\nada@example.org", "key": "a\\tsk-abcdefghijklmnop0123"} to me'

    assert ALL.clean(text) == 'It said {"note": "x\\n[redacted]", "key": "a\\t[redacted]"} to me'
    assert ALL.clean(r'See "\u5230ada@example.org", "\u53774111 1111 1111 1111"') == (
        r'See "\u5230[redacted]", "\u5377[redacted]"'
    )


def test_numbers_names_and_source_lines_are_texts_too() -> None:
    """A card number that is a JSON number, one in a name, and one in the line of the call are masked."""
    number = 4111111111111111
    record = Completion.model_validate(
        {
            "request": {"n": number, f"card {number}": True, "card [redacted]": False, "seed": 7},
            "failure_reason": f"no {number}",
            "stacktrace": [{"file": "a.py", "line": f"pay({number})", "lineno": 1, "name": "main"}],
        }
    )

    assert json.loads(redact.cards(record).to_json()) == {
        "request": {"n": "[redacted]", "card [redacted]": True, "card [redacted] (2)": False, "seed": 7},
        "failure_reason": "no [redacted]",
        "stacktrace": [{"file": "a.py", "line": "pay([redacted])", "lineno": 1, "name": "main"}],
    }


@given(texts)
@example("ada@example.org4111111111111111")
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_redaction_is_idempotent(text: str) -> None:
    """To redact once more changes nothing, whatever the marks stand beside."""
    once = ALL.clean(text)

    assert ALL.clean(once) == once


json_values = st.recursive(
    texts | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.booleans())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_redaction_never_breaks_json(value: Any, ascii_only: bool) -> None:
    """JSON in a text is JSON afterwards, of the same shape but for names that became one."""
    cleaned = json.loads(ALL.clean(json.dumps([value], ensure_ascii=ascii_only)))

    assert isinstance(cleaned, list)
    assert len(cleaned) == 1
    assert type(cleaned[0]) is type(value) or isinstance(cleaned[0], str)


@given(json_values)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_json_within_prose_is_not_broken(value: Any) -> None:
    """A piece of JSON with words around it, as in an answer with a block of code, can still be read."""
    inside = json.dumps([value, "end"])
    if "PRIVATE KEY" in inside:
        return  # a key without its end may take what follows
    before, after = "Here it is: ", " as you asked"

    cleaned = ALL.clean(f"{before}{inside}{after}")

    assert re.search(r'"end"\] as you asked$', cleaned)
    json.loads(cleaned.removeprefix(before).removesuffix(after).replace(": [redacted]", ": 0"), strict=False)


def test_names_like_those_of_the_api_are_no_texts() -> None:
    """A detector that matches any word leaves the names that readers look for."""
    detector = redact.pattern("[a-z]+", "word")

    assert json.loads(detector(of('{"name": "ada", "a name": 1}')).to_json()) == {
        "request": {
            "messages": [
                {"role": "[redacted]", "content": '{"name": "[redacted]", "[redacted] [redacted]": 1}'}
            ]
        }
    }


def test_a_pattern_masks_its_group_or_all_of_it() -> None:
    """A detector of one's own, by an expression."""
    assert content(redact.pattern(r"CUST-\d{6}", "customer")(of("a CUST-123456 b"))) == "a [redacted] b"
    assert content(redact.pattern(r"name: (?P<value>\w+)", "name")(of("name: Ada"))) == "name: [redacted]"


@pytest.mark.parametrize(
    ("expression", "name", "says"),
    [
        ("(", "x", "not a regular expression"),
        ("a*", "x", "matches the empty text"),
        (b"a", "x", "pattern of bytes"),
        (7, "x", "not a regular expression"),
        ("a", "Kunde", "name 'Kunde' is not"),
        ("a", 7, "name 7 is not"),
    ],
)
def test_a_bad_pattern_is_an_error(expression: Any, name: Any, says: str) -> None:
    """The message says what is wrong, when the pattern is made."""
    with pytest.raises(ValueError, match=says):
        redact.pattern(expression, name)


def test_the_calls_of_a_stream_are_redacted_as_a_whole() -> None:
    """A value that came in several pieces is found in what they make."""
    from log10_trace.record.completion_model import to_model

    pieces = ["my mail is ada@exa", "mple.org", ", bye"]
    call = begun()
    call.chunks = [
        f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': piece}}]})}\n\n".encode()
        for piece in pieces
    ]
    call.status, call.streamed = "finished", True

    made = json.loads(redact.emails(to_model(call)).to_json())

    assert made["response"]["choices"][0]["message"]["content"] == "my mail is [redacted], bye"
