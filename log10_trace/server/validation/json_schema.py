"""JSON Schema: whether a task's schema is one, and whether values fit it. Never fetches anything.

The library is imported at its first use: it takes a tenth of the server's start, and few servers use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from log10_trace.server.http.api_errors import ApiError, unprocessable

# What the library and Python's regular expressions raise over a schema that passes for one, or a number
# that no float can hold.
_LIBRARY_ERRORS: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, re.error)

_MAX_DETAIL: Final = 300


class SchemaMismatchError(ApiError):
    """What is at one place of a schema, or of values, is not what it has to be.

    Args:
        field: The field that holds the schema or the values.
        message: A sentence that quotes nothing of them.
        place: The names and indexes that lead to the place.
        detail: What the library says about it, quoting what is there: for its author alone.
    """

    def __init__(self, field: str, message: str, place: Iterable[str | int], detail: str) -> None:
        super().__init__(422, "invalid", message, field=field)
        self.place = tuple(place)
        self.detail = detail if len(detail) <= _MAX_DETAIL else f"{detail[: _MAX_DETAIL - 1]}…"


def validate_schema(json_schema: dict[str, Any]) -> None:
    """Refuse what is no JSON Schema.

    Raises:
        ApiError: 422, with the location in the schema.
    """
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415 -- see above
    from jsonschema.validators import Draft202012Validator, validator_for  # noqa: PLC0415

    try:
        validator_for(json_schema, Draft202012Validator).check_schema(json_schema)
    except SchemaError as error:
        message = f"Not a valid JSON Schema: see /{'/'.join(map(str, error.absolute_path))}."
        raise SchemaMismatchError("json_schema", message, error.absolute_path, error.message) from None
    except RecursionError:
        raise unprocessable("json_schema", "The schema is nested too deeply.") from None
    except _LIBRARY_ERRORS:
        raise unprocessable("json_schema", "Not a valid JSON Schema.") from None


def validate_values(values: Any, json_schema: dict[str, Any]) -> None:
    """Refuse values that do not fit the schema.

    Raises:
        ApiError: 422, with the location in the values.
    """
    from jsonschema.exceptions import best_match  # noqa: PLC0415 -- see above
    from jsonschema.validators import Draft202012Validator, validator_for  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    try:
        kind = validator_for(json_schema, Draft202012Validator)
        # An empty registry: a "$ref" to an address is an error, where the default would go and fetch it.
        validator = kind(json_schema, registry=Registry())
        error = best_match(validator.iter_errors(values))
    except Unresolvable:
        raise unprocessable("task_id", "The task's schema refers to something outside itself.") from None
    except RecursionError:
        raise unprocessable("json_values", "The task's schema recurses without end.") from None
    except _LIBRARY_ERRORS:
        raise unprocessable("json_values", "The task's schema cannot be applied to the values.") from None
    if error is not None:
        place = "/".join(map(str, error.absolute_path))
        message = f"The values do not match the task's schema ({error.validator}) at /{place}."
        raise SchemaMismatchError("json_values", message, error.absolute_path, error.message)
