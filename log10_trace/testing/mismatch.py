"""What is said of a call that a recording does not have: how the nearest recorded request differs. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from log10_trace.domain.control_characters import replace_control_characters

Request = dict[str, Any]

_MAX_DIFFERENCES: Final = 12
_MAX_COMPARED: Final = 4_000
"""Characters of a request that are compared to find the nearest."""
_WIDTH: Final = 100
"""Characters of a value that are shown."""
_BEFORE: Final = 30
"""Characters that are shown before the first difference of two texts."""
_ABSENT: Final = object()


def describe_unrecorded_call(made: Request, recorded: Sequence[Request], served: Sequence[Request]) -> str:
    """How a request that was made differs from the nearest of those that are recorded.

    Args:
        made: The request that has no recorded response left.
        recorded: The recorded requests that were not served yet.
        served: Those that were.
    """
    times = sum(request == made for request in served)
    if times:
        count = "once" if times == 1 else f"{times} times"
        return f"It is recorded {count}, and the test makes it once more."
    rest = [*recorded, *served]
    if not rest:
        return "The recording has no calls."
    nearest = _find_nearest(made, rest)
    return f"The nearest recorded request is {nearest['request']}:\n{_describe_differences(nearest, made)}"


def _find_nearest(made: Request, recorded: Sequence[Request]) -> Request:
    text = _text(made)

    def likeness(request: Request) -> tuple[bool, float]:
        matcher = SequenceMatcher(None, _text(request), text, autojunk=False)
        return request["request"] == made["request"], matcher.quick_ratio()

    return max(recorded, key=likeness)


def _text(request: Request) -> str:
    # The end of a conversation tells more than its beginning, which all calls of a test may share.
    return json.dumps(request, sort_keys=True)[-_MAX_COMPARED:]


def _describe_differences(recorded: Request, made: Request) -> str:
    left, right = dict(_flatten(recorded, "")), dict(_flatten(made, ""))
    names = [name for name in {**left, **right} if _differ(left.get(name, _ABSENT), right.get(name, _ABSENT))]
    lines: list[str] = []
    for name in names[:_MAX_DIFFERENCES]:
        one, other = _show_pair(left.get(name, _ABSENT), right.get(name, _ABSENT))
        lines += [f"  {name}", f"    recorded: {one}", f"    made:     {other}"]
    if len(names) > _MAX_DIFFERENCES:
        lines.append(f"  and {len(names) - _MAX_DIFFERENCES} more differences")
    return "\n".join(lines)


def _differ(recorded: Any, made: Any) -> bool:
    return type(recorded) is not type(made) or recorded != made  # 1 equals true in Python


def _flatten(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value that is no object and no list, by its path."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _flatten(item, f"{path}.{name}" if path not in ("", "json") else str(name))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _flatten(item, f"{path}[{index}]")
    else:
        yield path, value


def _show_pair(recorded: Any, made: Any) -> tuple[str, str]:
    start = 0
    if isinstance(recorded, str) and isinstance(made, str):
        same = next(
            (at for at, (one, other) in enumerate(zip(recorded, made, strict=False)) if one != other),
            min(len(recorded), len(made)),
        )
        start = max(0, same - _BEFORE)
    return _show(recorded, start), _show(made, start)


def _show(value: Any, start: int) -> str:
    if value is _ABSENT:
        return "(absent)"
    if not isinstance(value, str):
        return json.dumps(value)
    part = json.dumps(value[start : start + _WIDTH], ensure_ascii=False)
    part = replace_control_characters(part, lambda code: f"\\u{code:04x}")
    return ("..." if start else "") + part + ("..." if len(value) > start + _WIDTH else "")
