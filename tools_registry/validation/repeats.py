"""Calls made again: repeats without a reason, and storms of failing ones. Pure, linear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tools_registry.validation.findings import Finding
from tools_registry.validation.past import Seen
from tools_registry.validation.wording import ordinal, span_between, times

STORM = 3
"""Failing calls in a row that make a retry storm."""

_PLACES = 20


@dataclass(slots=True)
class _Equal:
    """Equal calls so far; ``settled`` once one of them had a result that needs no retry."""

    last: Seen
    count: int = 0
    settled: bool = False
    places: list[dict[str, int]] = field(default_factory=list)

    def add(self, seen: Seen) -> None:
        self.last, self.count = seen, self.count + 1
        self.settled = self.settled or seen.settled
        if len(self.places) < _PLACES:
            self.places.append({"turn": seen.call.turn, "position": seen.call.position})


class Repeats:
    """Calls that were made before, although there was no reason to make them again."""

    def __init__(self) -> None:
        self._equal: dict[bytes, _Equal] = {}

    def see(self, seen: Seen) -> Finding | None:
        equal = self._equal.setdefault(seen.key, _Equal(seen))
        together = equal.count > 0 and equal.last.call.turn == seen.call.turn
        finding = _tell_repeat(seen, equal) if equal.settled or together else None
        equal.add(seen)
        return finding


def _tell_repeat(seen: Seen, equal: _Equal) -> Finding:
    last = equal.last.call
    where = "in this turn" if last.turn == seen.call.turn else f"in turn {last.turn}"
    span = span_between(last.at, seen.call.at)
    message = f"{ordinal(equal.count + 1)} call with these arguments; the last was {where}"
    message += f", {span} ago" if span else ""
    detail: dict[str, object] = {"times": equal.count, "earlier": list(equal.places)}
    if seen.outcome.kind != "pending" and equal.last.outcome.kind != "pending":
        detail["same_result"] = _same_result(seen, equal.last)
        message += f", with {'the same' if detail['same_result'] else 'another'} result"
    return Finding("repeated_call", message, detail=detail)


def _same_result(one: Seen, other: Seen) -> bool:
    if one.failed or other.failed:
        return one.failed and other.failed and one.error == other.error
    return one.call.result == other.call.result


@dataclass(slots=True)
class _Streak:
    """Failing calls of one tool in a row. Calls of one turn are one attempt: none of them could
    know of the others' errors.
    """

    first: Seen
    attempts: int = 0
    turn: int | None = None
    identical: bool = True
    errors: list[str] = field(default_factory=list)

    def add(self, seen: Seen) -> None:
        if seen.call.turn != self.turn:
            self.attempts, self.turn = self.attempts + 1, seen.call.turn
            self.errors = [*dict.fromkeys([*self.errors, seen.error])][:2]
        self.identical = self.identical and seen.key == self.first.key


class Storms:
    """Tools that fail again and again: within one user request, or with the same error."""

    def __init__(self) -> None:
        self._requests: dict[str, _Streak] = {}
        self._errors: dict[str, _Streak] = {}

    def see(self, seen: Seen) -> Finding | None:
        name = seen.call.name
        if not seen.failed:
            if seen.outcome.kind != "pending":
                self._requests.pop(name, None)
                self._errors.pop(name, None)
            return None
        told = []
        for streaks, goes_on in ((self._errors, _by_error), (self._requests, _by_request)):
            streak = streaks.get(name)
            if streak is None or not goes_on(streak, seen):
                streak = streaks[name] = _Streak(seen)
            before = streak.errors
            streak.add(seen)
            told.append((streak, before))
        streak, before = max(told, key=lambda pair: pair[0].attempts)
        return _tell_storm(seen, streak, before) if streak.attempts >= STORM else None


def _by_error(streak: _Streak, seen: Seen) -> bool:
    return streak.first.error == seen.error


def _by_request(streak: _Streak, seen: Seen) -> bool:
    return streak.first.call.request == seen.call.request


def _tell_storm(seen: Seen, streak: _Streak, errors: Sequence[str]) -> Finding:
    number = streak.attempts
    what = "identical call" if streak.identical else f"failing call of {seen.call.name}"
    span = span_between(streak.first.call.at, seen.call.at)
    before = number - 1
    if errors == ["rejected"]:
        after = f"rejected {times(before)} before"
    elif len(errors) == 1:
        after = f"after the same error {times(before)}"
    else:
        after = f"after {before} errors"
    message = f"{ordinal(number)} {what}{f' in {span}' if span else ''}, {after}"
    detail = {
        "attempts": number,
        "first": {"turn": streak.first.call.turn, "position": streak.first.call.position},
        "identical": streak.identical,
        "same_error": len(errors) == 1,
    }
    return Finding("retry_storm", message, detail=detail)
