"""JSON Schema: checked, applied, and never fetched."""

from __future__ import annotations

from typing import Any

import pytest

from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.validation.json_schema import SchemaMismatchError, validate_schema, validate_values

GRADE = {
    "type": "object",
    "properties": {"grade": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["grade"],
}


def test_values_that_fit_are_taken() -> None:
    """Values of the task's form pass."""
    values = {"grade": 3, "why": "beyond the schema"}
    validate_schema(GRADE)
    validate_values(values, GRADE)

    assert values == {"grade": 3, "why": "beyond the schema"}


@pytest.mark.parametrize("values", [{}, {"grade": 6}, {"grade": "my secret words"}])
def test_values_that_do_not_fit_are_refused_without_quoting_them(values: dict[str, Any]) -> None:
    """The error says where, and repeats nothing of what was sent."""
    with pytest.raises(ApiError) as caught:
        validate_values(values, GRADE)

    assert caught.value.field == "json_values"
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"required": 1},
        {"properties": []},
        {"$schema": 5},
        {"$schema": ["x"]},
        {"$id": 5},
        {"pattern": "("},
        {"pattern": "a{99999999999}"},
    ],
)
def test_what_is_no_schema_is_refused(schema: dict[str, Any]) -> None:
    """A task's schema must be a JSON Schema."""
    with pytest.raises(ApiError) as caught:
        validate_schema(schema)

    assert caught.value.field == "json_schema"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#"},
        {"allOf": [{"$ref": "#/allOf/0"}]},
    ],
)
def test_a_schema_that_points_outside_or_at_itself_is_refused(schema: dict[str, Any]) -> None:
    """A reference is never fetched, and one without end is an error, not a hang."""
    with pytest.raises(ApiError):
        validate_values({"a": 1}, schema)


def test_a_number_too_large_for_the_schema_is_refused() -> None:
    """An integer that no float can hold is an error of the values, not of the server."""
    with pytest.raises(ApiError) as caught:
        validate_values({"a": 10**400}, {"properties": {"a": {"multipleOf": 0.1}}})

    assert caught.value.field == "json_values"


def test_a_schema_that_names_itself_wrongly_is_refused() -> None:
    """An address that is none, found only when the schema is used, is a refusal as well."""
    with pytest.raises(ApiError):
        validate_values({"a": 1}, {"properties": {"a": {"$id": "http://[", "$ref": "x"}}})


def test_an_error_says_the_whole_way_to_its_place() -> None:
    """Also below a choice between schemas, where errors count from the choice."""
    either = {"properties": {"a": {"anyOf": [{"properties": {"b": {"type": "null"}}, "required": ["b"]}]}}}

    with pytest.raises(SchemaMismatchError) as caught:
        validate_values({"a": {"b": 1}}, either)

    assert caught.value.place == ("a", "b")
    assert caught.value.detail == "1 is not of type 'null'"
