"""The Completion of a call as a model, for what looks at it in this process: a redactor, a test.

Apart from ``completion``, which delivery alone needs: the models are a tenth of a second of pydantic's work.
"""

from __future__ import annotations

import json
import math
from typing import Final

from log10_trace.models.components import Completion
from log10_trace.record.call import Call
from log10_trace.record.completion import write_anew
from log10_trace.record.json_bytes import MAX_INT_DIGITS

_RAWS: Final = ("raw_request", "raw_response", "raw_events")


def to_model(call: Call, *, with_request_metadata: bool = False) -> Completion:
    """The Completion of a call.

    It is without ``raw_request``, ``raw_response`` and ``raw_events``, where a redactor of the bodies would
    leave everything, and where nothing else is said without the metadata that its request repeats.
    """
    written = call.body_json or write_anew(call, with_request_metadata=with_request_metadata)
    # A number that Python cannot write again would cost the record when the redactor gives it back.
    fields = json.loads(written, parse_float=_float, parse_int=_int)
    return Completion.model_validate({name: fields[name] for name in fields if name not in _RAWS})


def _float(text: str) -> float | str:
    """The number, or its text where Python has only infinity for it, which no JSON can carry again."""
    number = float(text)
    return number if math.isfinite(number) else text


def _int(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_INT_DIGITS else digits
