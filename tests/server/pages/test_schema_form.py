"""The form of a JSON Schema: fields, what a browser submits of them, and the values that this makes."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log10_trace.domain.filled_form import FilledForm, fill_form
from log10_trace.domain.schema_form import MAX_CHOICES, build_form
from log10_trace.domain.submitted_form import read_form
from log10_trace.server.pages.rendering import make_environment
from tests.server.pages.test_hostile import HOSTILE, Tags

ENVIRONMENT = make_environment()


class Browser(HTMLParser):
    """What a browser submits of a form: the controls that are successful, with their values."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.submitted: list[tuple[str, str]] = []
        self._select = self._area = ""
        self._text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Submit an input that is not left out; note what is open."""
        given = {name: value or "" for name, value in attrs}
        is_button = given.get("type") in ("radio", "checkbox")
        if tag == "input" and (not is_button or "checked" in given):
            self.submitted.append((given["name"], given.get("value", "on")))
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and "selected" in given:
            self.submitted.append((self._select, given["value"]))
        elif tag == "textarea":
            self._area, self._text = given["name"], ""

    def handle_data(self, data: str) -> None:
        """Collect the text of a text area."""
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        """Submit a text area: without the first line feed, and with CR LF for the others."""
        if tag == "textarea":
            self.submitted.append((self._area, self._text.removeprefix("\n").replace("\n", "\r\n")))


def html_of(filled: FilledForm) -> str:
    """The fields as the page has them."""
    form_fields = ENVIRONMENT.get_template("schema_form.html").module.form_fields
    return str(form_fields(filled, "form"))


def submit(filled: FilledForm) -> FilledForm:
    """What comes back when a browser submits the form as it is."""
    return read_form(filled.form, Browser(html_of(filled)).submitted)


texts = st.text(max_size=8) | st.sampled_from([*HOSTILE.values(), " a\nb\r\nc ", "\n", ""])
scalars = st.none() | st.booleans() | st.integers(-3, 12) | st.floats(-5, 5) | texts
json_values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner))
enums = st.lists(scalars, min_size=1, max_size=15, unique_by=lambda value: (type(value), value))


@st.composite
def properties(draw: st.DrawFn) -> tuple[dict[str, Any], Any]:
    """The schema of a property and a value that fits it."""
    values = draw(enums)
    low, span = draw(st.integers(-3, 3)), draw(st.integers(0, 20))
    schema, fitting = draw(
        st.sampled_from(
            [
                ({"enum": values}, st.sampled_from(values)),
                ({"type": "boolean"}, st.booleans()),
                ({"type": "integer", "minimum": low, "maximum": low + span}, st.integers(low, low + span)),
                ({"type": "integer"}, st.integers()),
                ({"type": "number", "maximum": 1}, st.floats(-1e300, 1)),
                ({"type": "string"}, texts),
                ({"type": "string", "maxLength": 100}, texts),
                ({"type": "array", "items": {"enum": values}}, st.lists(st.sampled_from(values), max_size=4)),
                ({"type": "object"}, st.dictionaries(texts, json_values, max_size=2)),
                ({"oneOf": [{"type": "null"}, {}]}, json_values),
            ]
        )
    )
    about = {"title": draw(texts), "description": draw(texts)}
    return {**schema, **about}, draw(fitting)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(texts, st.tuples(properties(), st.booleans(), st.booleans()), max_size=5), st.data())
def test_every_valid_value_comes_back_from_the_form(drawn: dict[str, Any], data: st.DataObject) -> None:
    """Whatever the schema asks for, a value that was filled in is the one that a browser submits."""
    schema = {
        "type": "object",
        "properties": {name: schema for name, ((schema, _), _, _) in drawn.items()},
        "required": [name for name, (_, is_required, _) in drawn.items() if is_required],
    }
    values = {
        name: value for name, ((_, value), is_required, is_given) in drawn.items() if is_required or is_given
    }
    if data.draw(st.booleans()):
        values["of no property"] = 1

    read = submit(fill_form(build_form(json.dumps(schema)), values))

    assert not read.has_errors
    assert json.loads(read.json_values) == values
    assert repr(json.loads(read.json_values)).count("True") == repr(values).count("True")


def test_a_form_has_the_input_that_fits_each_property() -> None:
    """Choices where values are few, numbers with bounds, one line or many, and JSON text for the rest."""
    kinds = {
        "scale": ({"type": "integer", "minimum": 1, "maximum": 5}, "choice"),
        "flag": ({"type": "boolean"}, "choice"),
        "fixed": ({"const": "x"}, "choice"),
        "many": ({"enum": list(range(MAX_CHOICES + 1))}, "json"),
        "wordy": ({"enum": ["x" * 100 + str(n) for n in range(100)]}, "json"),
        "labels": ({"type": "array", "items": {"enum": ["a", "b"]}}, "choices"),
        "count": ({"type": "integer", "minimum": 0}, "integer"),
        "score": ({"type": "number"}, "number"),
        "code": ({"type": "string", "maxLength": 10}, "line"),
        "reason": ({"type": "string"}, "text"),
        "nested": ({"type": "object", "properties": {}}, "json"),
        "either": ({"oneOf": [{"type": "string"}]}, "json"),
        "elsewhere": ({"$ref": "#/$defs/x"}, "json"),
        "list": ({"type": "array", "items": {"type": "string"}}, "json"),
        "anything": (True, "json"),
        "several": ({"type": ["string", "null"]}, "json"),
    }

    form = build_form(json.dumps({"properties": {name: schema for name, (schema, _) in kinds.items()}}))

    assert [(field.property_name, field.kind) for field in form.fields] == [
        (name, kind) for name, (_, kind) in kinds.items()
    ]
    assert [choice.key for choice in form.fields[0].choices] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    "more",
    [
        {"patternProperties": {"^x": {}}},
        {"$ref": "#/$defs/x"},
        {"oneOf": [{}]},
        {"required": ["b"]},
        {"additionalProperties": {"type": "string"}},
        {"properties": {}},
        {"properties": {str(n): {} for n in range(51)}},
    ],
)
def test_a_schema_of_more_than_its_properties_is_asked_for_whole(more: dict[str, Any]) -> None:
    """What no fields can say is one field for the values as JSON text."""
    form = build_form(json.dumps({"properties": {"a": {"type": "string"}}, **more}))

    assert [field.property_name for field in form.fields] == [None]
    assert json.loads(read_form(form, [("values", '{"a": 1}')]).json_values) == {"a": 1}
    assert read_form(form, [("values", "[1]")]).fields[0].error == "A JSON object is needed."


def test_defaults_are_filled_in_and_answers_that_cannot_be_read_stay_with_an_error() -> None:
    """A person mends what is wrong: everything else stands as it was typed."""
    schema = {
        "properties": {
            "tone": {"enum": ["good", "bad"], "default": "bad"},
            "score": {"type": "integer"},
            "nested": {},
            "why": {"type": "string"},
        },
        "required": ["tone", "score", "why"],
    }
    form = build_form(json.dumps(schema))
    assert fill_form(form).fields[0].chosen == {1}

    typed = [("field-0", "7"), ("field-1", "1.5"), ("field-2", '{"a":'), ("field-3", ""), ("field-9", "x")]
    read = read_form(form, typed)

    assert [field.error for field in read.fields] == [
        "An answer is required.",
        "This is not a whole number.",
        "This is not JSON: Expecting value (line 1, column 6).",
        "An answer is required.",
    ]
    assert [field.text for field in read.fields] == ["", "1.5", '{"a":', ""]
    assert not read.json_values
    assert [name for name, value in Browser(html_of(read)).submitted if value in ("1.5", '{"a":')] == [
        "field-1",
        "field-2",
    ]


@pytest.mark.parametrize("number", ["1e999", "NaN", "Infinity", "0x10", "9" * 500, "1,5"])
def test_what_is_no_number_of_json_is_refused(number: str) -> None:
    """No text becomes a number that JSON cannot hold, in a number's field or in JSON text."""
    form = build_form(json.dumps({"properties": {"n": {"type": "number"}, "any": {}}}))

    assert read_form(form, [("field-0", number)]).fields[0].error
    if number not in ("1e999", "9" * 500):
        assert read_form(form, [("field-1", number)]).fields[1].error


def test_the_validators_error_stands_at_its_field() -> None:
    """An error names the property, and the place inside it; what belongs to none stands above the form."""
    form = fill_form(build_form('{"properties": {"a": {}, "b": {}}}'))

    marked = form.with_error(["b", "x", 0], "too long").with_error([], "too many").with_error(["c"], "odd")

    assert [field.error for field in marked.fields] == ["", "At x/0: too long"]
    assert marked.error == "At c: odd"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_of_a_schema_is_markup(text: str) -> None:
    """Names, titles, descriptions, choices, defaults and what was typed are text, whatever they hold."""

    def form_with(text: str) -> FilledForm:
        about = {"title": text, "description": text}
        schema = {
            "properties": {
                text: about | {"type": "string", "default": text},
                "choice": about | {"enum": [text, "b"]},
                "list": about | {"enum": [text, *range(20)]},
                "number": about | {"type": "number", "default": text, "minimum": text},
                "other": about | {"default": {text: text}},
            }
        }
        filled = fill_form(build_form(json.dumps(schema)))
        return filled.with_error(["choice"], text).with_error([], text)

    calm, hostile = Tags(html_of(form_with("calm"))), Tags(html_of(form_with(text)))

    assert hostile.elements <= calm.elements
    assert {name for name, _ in hostile.attributes} <= {name for name, _ in calm.attributes}
