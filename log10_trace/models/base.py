"""What all models share: unknown fields are kept, and what was not given is not written.

Two kinds of models stand on it. The API's own (``Model``) refuse a value of the wrong type. What passes
between a program and a provider (``Payload``) is kept as it was sent, whatever its type, because providers
send more than their documentation says. Neither ever changes a value to make it fit: 1.0 is not made 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    JsonValue,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

if TYPE_CHECKING:
    from typing_extensions import Self

Number: TypeAlias = int | float
"""A JSON number: an integer stays an integer, however large."""

Json: TypeAlias = JsonValue


class OpenEnum(str, Enum):
    """An enumeration of the API; a field of type ``Known[...]`` also takes words it does not know yet."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # Strict models take members only, and JSON has none: read the words that are known.
        return core_schema.no_info_before_validator_function(cls._read, handler(source))

    @classmethod
    def _read(cls, value: Any) -> Any:
        return cls(value) if isinstance(value, str) and value in cls._value2member_map_ else value


WordT = TypeVar("WordT", bound=OpenEnum)

OpenEnumField = Annotated[WordT | str | None, Field(union_mode="left_to_right")]
"""``Known[Status]``: one of the enumeration's values, or a string that it does not know yet."""


class Model(BaseModel):
    """A part of the completions API: typed where the API says so, open to fields it does not know yet."""

    model_config = ConfigDict(extra="allow", strict=True, protected_namespaces=())

    @model_validator(mode="wrap")
    @classmethod
    def _keep_half_characters(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError:
            # JSON may hold a name with a lone surrogate, and pydantic takes no unknown field of that name.
            odd = _select_odd(value) if isinstance(value, dict) else {}
            if not odd:
                raise
        model = handler({name: value[name] for name in value if name not in odd})
        if model.model_extra is not None:  # it never is: models take unknown fields
            model.model_extra.update(odd)
            model.model_fields_set.update(odd)
        return model

    @model_serializer(mode="wrap")
    def _write_what_was_given(self, handler: SerializerFunctionWrapHandler) -> Any:
        if not isinstance(self, Model):
            # A payload keeps any value in any field, and pydantic calls the field's own class with it.
            return self
        odd = _select_odd(self.model_extra) if self.model_extra else {}
        written: dict[str, Any] = handler(self._without(odd)) | odd if odd else handler(self)
        return {name: value for name, value in written.items() if name in self.model_fields_set}

    def _without(self, odd: Mapping[str, Any]) -> Self:
        copy = self.model_copy()
        copy.__pydantic_extra__ = {
            name: value for name, value in (self.model_extra or {}).items() if name not in odd
        }
        return copy

    def given(self) -> dict[str, Any]:
        """The fields that were given, by name: known ones first, then those that are not known."""
        known = {name: value for name, value in self.__dict__.items() if name in self.model_fields_set}
        return known | (self.model_extra or {})

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The model that the JSON text holds; integers of any size and lone surrogates are kept.

        Raises:
            ValueError: it is not JSON, or (``pydantic.ValidationError``) not this model.
        """
        return cls.model_validate(json.loads(text))

    def to_json(self) -> str:
        """This model as JSON text, ASCII only, so that lone surrogates survive.

        Raises:
            ValueError: it holds NaN or Infinity, which JSON cannot carry.
        """
        return write_json(self)


class Payload(Model):
    """A part of what a provider was sent or answered: a field of an unexpected type is kept as it is."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _keep_what_was_sent(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            return value


def _select_odd(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Those fields whose names hold half a character, which has no bytes in UTF-8."""
    return {name: value for name, value in fields.items() if isinstance(name, str) and not _is_whole(name)}


def _is_whole(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def write_json(value: Model | Mapping[str, Any]) -> str:
    """The value as JSON text, ASCII only.

    Python's own writer, and not pydantic's: that one turns NaN into null and a lone surrogate in a key into
    question marks, without a word.

    Raises:
        ValueError: it holds NaN or Infinity.
    """
    return json.dumps(value, default=_as_json, allow_nan=False)


def _as_json(value: Any) -> Any:
    if isinstance(value, Model):
        return value.given()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    message = f"{type(value).__name__} is nothing that JSON can carry"
    raise TypeError(message)
