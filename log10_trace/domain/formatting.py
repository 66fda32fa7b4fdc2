"""Numbers and times, formatted for display. Pure; moments are milliseconds since 1970, UTC."""

from __future__ import annotations

from typing import Final

from log10_trace.domain.times import DAY_MS, rfc3339

UNKNOWN: Final = "\N{EN DASH}"
_THOUSAND: Final = 1_000
_AGES: Final = ((DAY_MS, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))
_YEAR_MS: Final = 365 * DAY_MS


def duration(seconds: float | None) -> str:
    """``85 ms``, ``1.24 s``, ``2 min 5 s``."""
    if seconds is None:
        return UNKNOWN
    if seconds < 0.9995:  # noqa: PLR2004 -- what rounds to less than a second
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.00095 else f"{seconds * 1000:.2g} ms"  # noqa: PLR2004 -- 1 ms
    if seconds < 59.95:  # noqa: PLR2004 -- what rounds to less than a minute
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 -- an hour
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def count(number: int | None) -> str:
    """``1,234``."""
    return UNKNOWN if number is None else f"{number:,}"


def count_calls(number: int) -> str:
    """``1 call``, ``2,000 calls``."""
    return f"{number:,} call" if number == 1 else f"{number:,} calls"


def compact_number(number: int | None) -> str:
    """``987``, ``12.3k``, ``4.56M``: three digits that matter."""
    return UNKNOWN if number is None else "".join(_scale(number))


def size(number: int) -> str:
    """Bytes: ``512 B``, ``1.5 KB``, ``20 MB``."""
    digits, unit = _scale(number)
    return f"{digits} {unit.upper()}B"


def _scale(number: int) -> tuple[str, str]:
    """Three digits that matter, and the unit they count."""
    scaled, units = float(number), ["", "k", "M", "G"]
    while scaled >= _THOUSAND - 0.5 and len(units) > 1:
        scaled /= _THOUSAND
        units.pop(0)
    is_round = units[0] == "" or scaled >= 100  # noqa: PLR2004 -- three digits
    return f"{scaled:.0f}" if is_round else f"{scaled:.3g}", units[0]


def dollars(amount: float | None) -> str:
    """``$0.0042``, ``$12.30``; what is not known is not zero."""
    if amount is None:
        return "unknown"
    if amount == 0 or amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.2g}" if amount >= 0.0001 else "<$0.0001"  # noqa: PLR2004 -- a hundredth of a cent


def percent(part: int, whole: int) -> str:
    """``12 %`` of the whole; one digit more where it is small."""
    if not whole:
        return UNKNOWN
    percent = 100 * part / whole
    return f"{percent:.0f} %" if percent >= 10 or part == 0 else f"{percent:.1f} %"  # noqa: PLR2004 -- two digits


def clock(ms: int) -> str:
    """``2026-01-31 12:00:00 UTC``."""
    return rfc3339(ms)[:19].replace("T", " ") + " UTC"


def relative_time(ms: int, now_ms: int) -> str:
    """``12 s ago``, ``3 min ago``, ``5 h ago``, ``2 d ago``; what lies ahead is ``now``."""
    amount, unit = _largest_unit(now_ms - ms)
    return f"{amount} {unit} ago" if amount else "now"


def short_relative_time(ms: int, now_ms: int) -> str:
    """``12s ago``, ``3m ago``, ``5h ago``, ``2d ago``, ``1y ago``, for a narrow column."""
    age_ms = now_ms - ms
    amount, unit = (age_ms // _YEAR_MS, "y") if age_ms >= _YEAR_MS else _largest_unit(age_ms)
    return f"{amount}{unit[0]} ago"


def _largest_unit(age_ms: int) -> tuple[int, str]:
    width, unit = next(((width, unit) for width, unit in _AGES if age_ms >= width), _AGES[-1])
    return max(0, age_ms // width), unit
