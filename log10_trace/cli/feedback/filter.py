"""``--filter`` of feedback: ``score <= 5``. Pure."""

from __future__ import annotations

from collections.abc import Callable

import typer

from log10_trace.domain.value_condition import parse_condition
from log10_trace.models.components import Feedback


def condition(text: str | None) -> Callable[[Feedback], bool]:
    """Whether a feedback meets the condition; every one does when there is none.

    Raises:
        BadParameter: it is not a condition.
    """
    if text is None:
        return lambda _: True
    try:
        holds = parse_condition(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--filter") from None

    def is_met(feedback: Feedback) -> bool:
        values = feedback.json_values
        return holds((values if isinstance(values, dict) or values is None else values.model_dump()) or {})

    return is_met
