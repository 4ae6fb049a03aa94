"""Two answers beside each other, and what became of a case under a variant. Pure.

Calls are paired by name and by how alike their arguments are, arguments compared by JSON pointer
(``1`` equals ``1.0``, as for expectations), and texts by lines.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tools_registry import canonical
from tools_registry.validation.comparison import ABSENT, Difference, differ
from tools_registry.validation.pairing import assign
from tools_registry.validation.syntax import NOTHING, read_arguments

Kind = Literal["fixed", "still_failing", "newly_broken", "changed", "same", "flaky"]
KINDS: dict[Kind, str] = {
    "newly_broken": "Newly broken",
    "flaky": "Flaky",
    "still_failing": "Still failing",
    "fixed": "Fixed",
    "changed": "Changed",
    "same": "Same",
}
"""What becomes of a case under a variant, the most pressing first."""

_OTHER_NAME = 2.0
_MOST_PAIRED = 100


@dataclass(frozen=True, slots=True)
class Made:
    """A call by its name and the raw text of its arguments."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Trial:
    """One outcome: whether it passed (None where nobody can say), and the calls that were made."""

    passed: bool | None
    calls: tuple[Made, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One place in the arguments that differs. ``pointer`` is "" for the whole. A side that has
    nothing there is ``ABSENT``; arguments that are no JSON are compared as texts."""

    pointer: str
    before: Any
    after: Any

    @property
    def kind(self) -> Literal["added", "removed", "changed"]:
        if self.before is ABSENT:
            return "added"
        return "removed" if self.after is ABSENT else "changed"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two calls that stand for one another, by their positions; None where one side has none."""

    before: int | None
    after: int | None
    is_renamed: bool = False
    changes: tuple[Change, ...] = ()

    @property
    def kind(self) -> Literal["same", "changed", "added", "removed"]:
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "changed" if self.is_renamed or self.changes else "same"


Line = tuple[Literal["same", "added", "removed"], str]


@dataclass(frozen=True, slots=True)
class AnswerDiff:
    """``calls`` in the order of the first side, then what the second added; ``text`` line by
    line."""

    calls: tuple[Pair, ...]
    text: tuple[Line, ...]

    @property
    def is_same(self) -> bool:
        """Whether the calls are the same; a text is never twice the same."""
        return all(pair.kind == "same" for pair in self.calls)


def diff(
    before: Sequence[Made], after: Sequence[Made], texts: tuple[str, str] = ("", "")
) -> AnswerDiff:
    """What differs between two answers: their calls, and their (before, after) texts."""
    return AnswerDiff(tuple(pair_calls(before, after)), tuple(diff_lines(*texts)))


def pair_calls(before: Sequence[Made], after: Sequence[Made]) -> list[Pair]:
    """The calls of both sides, paired so that they differ least."""
    if max(len(before), len(after)) > _MOST_PAIRED:
        places = {at: at for at in range(min(len(before), len(after)))}
    else:
        places = assign([[_cost(one, other) for other in after] for one in before])
    pairs = [_pair(at, places.get(at), before, after) for at in range(len(before))]
    taken = set(places.values())
    return [*pairs, *(Pair(None, at) for at in range(len(after)) if at not in taken)]


def _pair(at: int, other: int | None, before: Sequence[Made], after: Sequence[Made]) -> Pair:
    if other is None:
        return Pair(at, None)
    one, two = before[at], after[other]
    return Pair(at, other, one.name != two.name, tuple(diff_arguments(one, two)))


def diff_arguments(before: Made, after: Made) -> list[Change]:
    """Where the arguments differ: the least values that are not equal."""
    one, two = _read(before), _read(after)
    if one is NOTHING or two is NOTHING:
        same = before.arguments == after.arguments
        return [] if same else [Change("", before.arguments, after.arguments)]
    try:
        return [_change(difference) for difference in differ(one, two)]
    except RecursionError:
        return [Change("", before.arguments, after.arguments)]


def _change(difference: Difference) -> Change:
    return Change(difference.pointer, difference.expected, difference.given)


def _read(call: Made) -> Any:
    return read_arguments(call.arguments)[0]


def _cost(one: Made, other: Made) -> float:
    """0 for equal calls, less than 1 for the same tool, from 2 for another."""
    differences = len(diff_arguments(one, other))
    return differences / (differences + 1) + (_OTHER_NAME if one.name != other.name else 0)


def diff_lines(before: str, after: str) -> list[Line]:
    """Both texts as one, line by line."""
    lines: list[Line] = []
    first, second = before.splitlines(), after.splitlines()
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=False)
    for tag, low, high, start, end in matcher.get_opcodes():
        if tag == "equal":
            lines += [("same", line) for line in first[low:high]]
            continue
        lines += [("removed", line) for line in first[low:high]]
        lines += [("added", line) for line in second[start:end]]
    return lines


def signature(calls: Iterable[Made]) -> tuple[tuple[str, bytes], ...]:
    """What two answers have alike that make the same calls, in whatever order."""
    return tuple(sorted((call.name, _canonical(call)) for call in calls))


def _canonical(call: Made) -> bytes:
    value = _read(call)
    if value is not NOTHING:
        try:
            return canonical.dumps(value)
        except (TypeError, ValueError, RecursionError):
            pass
    return call.arguments.encode("utf-8", "surrogatepass")


State = Literal["passing", "failing", "mixed", "unknown"]


def state_of(trials: Sequence[Trial]) -> State:
    """What the trials of one cell say together; those that nobody can judge say nothing."""
    told = {trial.passed for trial in trials} - {None}
    if len(told) == 2:
        return "mixed"
    if not told:
        return "unknown"
    return "passing" if told == {True} else "failing"


def classify(control: Sequence[Trial], variant: Sequence[Trial]) -> Kind | None:
    """What became of a case: its trials under the control and under a variant.

    None while either has no outcome. Trials that disagree are flaky, whatever the control says.
    """
    if not control or not variant:
        return None
    before, now = state_of(control), state_of(variant)
    if now == "mixed":
        return "flaky"
    if now == "failing":
        return "still_failing" if before in ("failing", "mixed") else "newly_broken"
    if now == "passing" and before in ("failing", "mixed"):
        return "fixed"
    return "same" if _calls_of(control) == _calls_of(variant) else "changed"


def classify_control(trials: Sequence[Trial], recorded: Sequence[Made] | None) -> Kind | None:
    """What became of a case that was asked again unchanged; ``recorded`` are the calls then."""
    if not trials:
        return None
    now = state_of(trials)
    if now == "mixed":
        return "flaky"
    if now == "failing":
        return "still_failing"
    if recorded is None:
        return "same"
    return "same" if _calls_of(trials) == {signature(recorded)} else "changed"


def _calls_of(trials: Sequence[Trial]) -> set[tuple[tuple[str, bytes], ...]]:
    return {signature(trial.calls) for trial in trials}
