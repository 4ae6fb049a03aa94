"""A replay as a person at a terminal or a CI reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, get_args
from xml.etree import ElementTree

from django.conf import settings
from django.urls import reverse

from console.lib import json
from conversations.replay.api import describe
from conversations.replay.board import Board, read_board
from conversations.replay.matrix import Cell, Row
from conversations.replay.records import Replay
from conversations.replay.sentences import say_verdict
from conversations.replay.totals import Total

Format = Literal["text", "json", "junit"]
FORMATS: tuple[Format, ...] = get_args(Format)
_SHOWN = 20


def address_of(row: Replay) -> str:
    """The whole URL of the replay's page."""
    path = reverse("conversations:replay", args=[row.project.slug, row.number])
    return f"{settings.SITE_URL}{path}"


def judged_of(board: Board) -> Sequence[Total]:
    """The variants that a replay is about: all beside the control, or the control alone."""
    return board.totals[1:] or board.totals


def write_report(form: Format, row: Replay) -> str:
    """The report as text, without a line end at its end."""
    return _WRITERS[form](row, read_board(row))


def _write_json(row: Replay, board: Board) -> str:
    return json.pretty({**describe(row), "url": address_of(row)})


def _write_text(row: Replay, board: Board) -> str:
    lines = [str(row), "".join(text for text, _ in say_verdict(board.totals, is_over=True))]
    for at, total in enumerate(board.totals):
        lines += _tell_total(total)
        lines += _tell_cases(board.rows, at)
    return "\n".join([*lines, address_of(row)])


def _tell_total(total: Total) -> Iterator[str]:
    spent = total.spending
    cost = "unpriced" if spent.cost is None else f"${spent.cost:.4f}"
    yield f"  {total.name}: {total.right} right"
    counts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in total.kinds.items())
    took = f", {spent.p50_ms:.0f} ms at the median" if spent.p50_ms else ""
    yield f"    {counts}; {spent.model_calls} model calls, {cost}{took}"


def _tell_cases(rows: Sequence[Row], at: int) -> Iterator[str]:
    wrong = [row for row in rows if _fails(row.cells[at])]
    for row in wrong[:_SHOWN]:
        yield f"    {row.cells[at].label}: {row.subject.key} {row.subject.title[:80]}"
    if len(wrong) > _SHOWN:
        yield f"    and {len(wrong) - _SHOWN} more"


def _fails(cell: Cell) -> bool:
    """Whether most of its judged trials were wrong, a tie too."""
    return bool(cell.judged) and 2 * cell.passed <= cell.judged


def _write_junit(row: Replay, board: Board) -> str:
    """A suite for each variant, a test case for each case. What nobody can judge is skipped."""
    suites = ElementTree.Element("testsuites", name=str(row))
    for at, total in enumerate(board.totals):
        suite = ElementTree.SubElement(suites, "testsuite", name=total.name)
        counts = {"tests": len(board.rows), "failures": 0, "errors": 0, "skipped": 0}
        for one in board.rows:
            case = ElementTree.SubElement(suite, "testcase", classname=total.name)
            case.set("name", f"{one.subject.key} {one.subject.title}".strip())
            if kind := _add_fault(case, one.cells[at]):
                counts[kind] += 1
        for name, count in counts.items():
            suite.set(name, str(count))
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)


def _add_fault(case: ElementTree.Element, cell: Cell) -> str:
    told = f"{cell.label}: {cell.passed} of {cell.judged} trials right"
    if _fails(cell):
        ElementTree.SubElement(case, "failure", message=told)
        return "failures"
    if cell.kind == "failed":
        ElementTree.SubElement(case, "error", message="No answer came")
        return "errors"
    if not cell.judged:
        ElementTree.SubElement(case, "skipped", message="Nobody said what is right")
        return "skipped"
    return ""


_WRITERS: dict[Format, Callable[[Replay, Board], str]] = {
    "text": _write_text,
    "json": _write_json,
    "junit": _write_junit,
}


def shortfalls(board: Board, least: float) -> list[Any]:
    """The variants whose share of right cases is below ``least``; none judged is below it too."""
    return [one for one in judged_of(board) if (one.right.value or 0.0) < least]
