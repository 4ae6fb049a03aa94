"""What a replay's numbers say in words: the verdict, and what to know before trusting it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conversations.replay.matrix import Row
from conversations.replay.statistics import Difference, Share
from conversations.replay.totals import Total, find_best

Part = tuple[str, bool]
"""A stretch of a sentence, and whether it is stressed."""


@dataclass(frozen=True, slots=True)
class Warning:
    """Something to know before concluding anything; ``kind`` names which."""

    kind: str
    text: str


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def say_verdict(totals: Sequence[Total], *, is_over: bool) -> list[Part]:
    """The answer in one sentence, as parts."""
    best = find_best(totals)
    if best is None:
        return _say_alone(totals, is_over)
    one, control = totals[best], totals[0]
    parts: list[Part] = [] if is_over else [("So far ", False)]
    parts += [(one.name, True), (f" is right in {_of(one.right)}", False)]
    if one.against is None or not control.right.whole:
        return [*parts, (", and nothing of the control is judged to compare it with.", False)]
    parts += _say_against(one, control, one.against)
    return [*parts, *_say_broken(one)]


def _of(right: Share) -> str:
    return f"{right.part:,} of {count(right.whole, 'case')}"


def _say_alone(totals: Sequence[Total], is_over: bool) -> list[Part]:
    control = totals[0] if totals else None
    if control is None or not control.right.whole:
        waiting = sum(total.unsettled for total in totals)
        if waiting:
            said = "No rule can say which answers are right: settle them below with R and W."
            return [(said, False)]
        return [("Nothing is judged." if is_over else "Nothing is judged yet.", False)]
    said = f" is right in {_of(control.right)}."
    return (
        [("So far, asked ", False), ("as recorded", True), (f", it{said}", False)]
        if (not is_over)
        else [("Asked as recorded", True), (f", it{said}", False)]
    )


def _say_against(one: Total, control: Total, apart: Difference) -> Iterator[Part]:
    points = f"{apart.value * 100:+.0f} points"
    spread = f"95% CI {apart.low * 100:+.0f} to {apart.high * 100:+.0f}"
    told = f"({spread}, exact McNemar {one.tells_apart})"
    if apart.is_told_apart:
        yield ", ", False
        yield points, True
        yield f" on the control {told}", False
    else:
        yield f", the control in {_of(control.right)}: ", False
        yield "that may be chance", True
        yield f" {told}", False


def _say_broken(one: Total) -> Iterator[Part]:
    broken = one.count("newly_broken")
    if broken:
        yield ", and ", False
        yield f"breaks {broken:,}", True
        yield ".", False
    else:
        yield ", and breaks none.", False


def find_warnings(
    rows: Sequence[Row], totals: Sequence[Total], *, trials: int, few: int
) -> list[Warning]:
    """What a reader has to know before concluding anything, the gravest first. ``few`` is the
    number of cases below which a share alone misleads."""
    found = [*_warn_of_control(rows, trials), *_warn_of_size(totals, few)]
    errors = sum(total.errors for total in totals)
    if errors:
        text = f"{count(errors, 'outcome')} ended without an answer and count as neither."
        found.append(Warning("errors", text))
    unsettled = sum(total.unsettled for total in totals)
    if unsettled and totals[0].right.whole + sum(total.right.whole for total in totals[1:]):
        cells = count(unsettled, "cell")
        text = f"{cells} wait for a person: no rule says whether they are right. Press R or W."
        found.append(Warning("unsettled", text))
    return found


def _warn_of_control(rows: Sequence[Row], trials: int) -> Iterator[Warning]:
    misfired = [row for row in rows if row.subject.was in ("rejected", "flagged")]
    judged = [row for row in misfired if row.cells and row.cells[0].judged]
    calm = [row for row in judged if row.cells[0].passed == row.cells[0].judged]
    asked = count(trials, "trial")
    if judged and len(calm) == len(judged):
        yield Warning(
            "no_misfire",
            f"As recorded, the misfire did not recur in {asked} of any of"
            f" {count(len(judged), 'case')}. Whatever the variants do, this is no proof of a fix:"
            " replay more trials, or the model and connection that misfired.",
        )
    elif calm:
        yield Warning(
            "some_misfires",
            f"As recorded, the misfire did not recur in {len(calm):,} of"
            f" {count(len(judged), 'case')} within {asked}: those say nothing of a fix.",
        )
    flaky = [row for row in rows if row.cells and 0 < row.cells[0].passed < row.cells[0].judged]
    if flaky:
        yield Warning(
            "flaky_control",
            f"The control is flaky in {len(flaky):,} of {count(len(rows), 'case')}: its own trials"
            " disagree, so that a case alone shows little.",
        )


def _warn_of_size(totals: Sequence[Total], few: int) -> Iterator[Warning]:
    best = find_best(totals) or 0
    if not totals:
        return
    right = totals[best].right
    if 0 < right.whole < few:
        percent = f"{right.part / right.whole:.0%}"
        yield Warning(
            "few",
            f"{count(right.whole, 'case')} are few: {right.part} of {right.whole} is not {percent},"
            f" it is anything within {totals[best].interval}.",
        )
