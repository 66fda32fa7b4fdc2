"""What all models share: unknown fields are kept, and what was not given is not written.

Two kinds of models stand on it. The API's own (``Model``) refuse a value of the wrong type. What passes
between a program and a provider (``Payload``) is kept as it was sent, whatever its type, because providers
send more than their documentation says.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_serializer,
)

Number: TypeAlias = int | float
"""A JSON number: an integer stays an integer, however large."""

Json: TypeAlias = JsonValue


class Model(BaseModel):
    """A part of the completions API: typed where the API says so, open to fields it does not know yet."""

    model_config = ConfigDict(extra="allow", validate_assignment=False, protected_namespaces=())

    @model_serializer(mode="wrap")
    def _write_what_was_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        given = self.model_fields_set
        return {name: value for name, value in written.items() if name in given}

    def to_json(self) -> str:
        """This model as JSON text, ASCII only, so that lone surrogates survive."""
        return json.dumps(self.model_dump(mode="json", warnings=False))


class Payload(Model):
    """A part of what a provider was sent or answered: a field of an unexpected type is kept as it is."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _keep_what_was_sent(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            return value
