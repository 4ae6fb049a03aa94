"""Times, ordinals and cut texts as messages of findings have them."""

from __future__ import annotations

from datetime import datetime, timedelta

_LONGEST = 160
_NUMBERS = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth")


def cut_line(text: str) -> str:
    """A text on one line, cut when it is long."""
    line = " ".join(text[: 4 * _LONGEST].split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def ordinal(number: int) -> str:
    """``Third``, ``21st``: a number from 1 on as it begins a sentence."""
    if number <= len(_NUMBERS):
        return _NUMBERS[number - 1]
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if number % 100 in (11, 12, 13) else endings.get(number % 10, "th")
    return f"{number}{ending}"


def times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def span_between(earlier: datetime | None, later: datetime | None) -> str:
    """The time between two calls; "" where it is not known or runs backwards."""
    if earlier is None or later is None or later <= earlier:
        return ""
    return span_of(later - earlier)


def span_of(time: timedelta) -> str:
    seconds = time.total_seconds()
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86400:.0f} days"
