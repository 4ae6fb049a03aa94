"""Misfires: is it getting better, where, and because of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from analytics import misfires
from analytics.comparison import Comparison, Side
from analytics.filters import OF_TURNS, write_term
from analytics.metrics import (
    Counted,
    Share,
    Tally,
    count_calls,
    count_over,
    kind_terms,
    total,
)
from analytics.misfires import (
    MOST_KINDS,
    Step,
    Version,
    choose_step,
    largest,
    list_steps,
    rank_kinds,
    read_versions,
)
from analytics.spans import HOUR, Span, after, floor, is_known, whole_label
from analytics.views.bars import width
from analytics.views.expected import list_others, tabulate_expected
from analytics.views.frame import Frame, read_frame, refuse, show
from analytics.views.places import list_places
from console.accounts.access import ProjectRequest, member
from console.lib.charts import Chart, Series
from conversations.search.fields import MISFIRES
from conversations.search.query import read_moment
from tools_registry.models import Router

BY = {
    "kind": "Kind",
    "tool": "Tool",
    "version": "Version",
    "model": "Model",
    "environment": "Environment",
}
_COLUMNS = {"version": "version_id"}
_DAYS = 16
_MOST_DAYS = 180
_MOST_STEPS = 50


@member("viewer")
@require_GET
def go_first(request: ProjectRequest) -> HttpResponse:
    return redirect("analytics:misfires", request.project.slug)


@member("viewer")
@require_GET
def show_misfires(request: ProjectRequest) -> HttpResponse:
    frame = read_frame(request, "misfires", keep=("by", "around", "days"))
    if frame.error:
        return refuse(request, frame)
    by = frame.extra["by"] if frame.extra["by"] in BY else "kind"
    column = _COLUMNS.get(by, by)
    groups = [(), ("start",), (column,), ("kind",), ("version_id",), ("tool",)]
    counted = count_calls(frame.project, frame.filter, frame.span, groups)
    versions = read_versions(frame.project, [key[0] for key in counted["version_id",]])
    chart = (
        _draw_kinds(frame, counted) if by == "kind" else _draw_lines(frame, counted, by, versions)
    )
    expected = misfires.read_expected(frame.project, frame.filter, frame.span)
    steps = list_steps(counted["version_id",], versions)
    comparison = _compare(frame, steps)
    context = {
        "by": by,
        "choices": [(label, frame.url(by=name), name == by) for name, label in BY.items()],
        "whole": total(counted),
        "before": _count_before(frame),
        "calls_url": frame.calls("misfire:any"),
        "comparison": comparison,
        "bars": comparison and _size(comparison),
        "steps": [(f"v{one.after.pk}", one) for one in steps[:_MOST_STEPS]],
        "around": frame.extra["around"],
        "days": _read_days(frame),
        "rows": _divide(frame, counted, by if by != "kind" else "tool", versions),
        "rows_by": BY[by if by != "kind" else "tool"],
        "places": list_places(frame, MISFIRES),
        "unplaced": frame.beyond(misfires.PLACED_BY),
        "expected": expected,
        "unexpected": frame.beyond(OF_TURNS),
        "matrix": tabulate_expected(frame, expected),
        "others_url": list_others(frame, expected),
        "enough": misfires.ENOUGH,
        "router": Router.objects.filter(project=frame.project, archived_at=None).last(),
    }
    return show(request, frame, "analytics/misfires.html", {"chart": chart}, context)


# ---- the chart


def _draw_kinds(frame: Frame, counted: Counted) -> Chart:
    """The share of calls that each kind is, in bars that add up to the misfire rate."""
    starts, steps = frame.span.starts, counted["start",]
    group = ("start", "kind")
    of_kinds = count_calls(frame.project, frame.filter, frame.span, [group])[group]
    kinds = [kind for kind, _ in rank_kinds(counted["kind",])]
    present = [str(key[0]) for key in counted["kind",]]
    shown, rest = kinds[:MOST_KINDS], kinds[MOST_KINDS:]
    series = []
    for kind in shown:
        terms = kind_terms(kind, present)
        values = [
            _percent(of_kinds.get((at, kind), Tally()).calls, steps.get((at,))) for at in starts
        ]
        links = [frame.calls(terms, span=frame.span.step(at)) for at in starts]
        series.append(Series(kind, values, stack="kinds", links=links))
    if rest:
        sums = [sum(of_kinds.get((at, kind), Tally()).calls for kind in rest) for at in starts]
        values = [_percent(n, steps.get((at,))) for n, at in zip(sums, starts, strict=True)]
        terms = f"misfire:{','.join(rest)} -finding:{','.join(shown)}"
        links = [frame.calls(terms, span=frame.span.step(at)) for at in starts]
        series.append(Series("other", values, color="s6", stack="kinds", links=links))
    series += _draw_before(frame)
    title = f"Share of calls that misfired, by kind and {frame.step}"
    return _chart(frame, title, series or _no_series(frame))


def _no_series(frame: Frame) -> list[Series]:
    return [Series("Misfires", [0.0 for _ in frame.span.starts])]


def _draw_lines(frame: Frame, counted: Counted, by: str, versions: Mapping[int, Version]) -> Chart:
    column, starts, series = _COLUMNS.get(by, by), frame.span.starts, []
    others = [str(key[0]) for key in counted[column,]]
    shown = [value for value, _ in largest(counted, column, 6)]
    group = ("start", column)
    steps = count_calls(frame.project, frame.filter, frame.span, [group], {column: shown})[group]
    for value in shown:
        tallies = [steps.get((at, value)) for at in starts]
        terms = _terms_of(by, value, others, versions)
        series.append(
            Series(
                _name_of(by, value, versions),
                [one.misfired.percent if one else None for one in tallies],
                "line",
                links=[_link(frame, terms, frame.span.step(at)) for at in starts],
            )
        )
    series += _draw_before(frame) if series else []
    title = f"Misfire rate by {by} and {frame.step}"
    return _chart(frame, title, series or _no_series(frame))


def _chart(frame: Frame, title: str, series: Sequence[Series]) -> Chart:
    return Chart(
        "misfires",
        title,
        frame.labels,
        series,
        "%",
        frame.read_markers(),
        frame.step.capitalize(),
        frame.rows,
        "l",
    )


def _percent(part: int, whole: Tally | None) -> float | None:
    return Share(part, whole.calls).percent if whole and whole.calls else None


def _draw_before(frame: Frame) -> list[Series]:
    """The rate of the time before, step by step beside the present one."""
    if not frame.compares:
        return []
    before = frame.span.before
    steps = count_calls(frame.project, frame.filter, before, [("start",)])["start",]
    tallies = [steps.get((at,)) for at in before.starts]
    values = [one.misfired.percent if one else None for one in tallies]
    links = [frame.calls("misfire:any", span=before.step(at)) for at in before.starts]
    return [Series("All, before", values, "line", "ink-3", dashed=True, links=links)]


def _count_before(frame: Frame) -> Tally | None:
    if not frame.compares:
        return None
    return total(count_calls(frame.project, frame.filter, frame.span.before, [()]))


def _read_before(frame: Frame, column: str) -> Mapping[tuple[Any, ...], Tally]:
    """The time before by a dimension's values, where it is compared."""
    if not frame.compares:
        return {}
    return count_calls(frame.project, frame.filter, frame.span.before, [(column,)])[column,]


# ---- before and after


def _compare(frame: Frame, steps: Sequence[Step]) -> Comparison | None:
    """What the address asks for; by itself, the version that changed most."""
    around = frame.extra["around"]
    moment = read_moment(around)
    if moment and is_known(moment):
        return _compare_times(frame, around)
    chosen = next((one for one in steps if f"v{one.after.pk}" == around), None)
    chosen = chosen or choose_step(steps)
    return _compare_versions(frame, chosen) if chosen else None


def _compare_versions(frame: Frame, step: Step) -> Comparison:
    def side(version: Version, tally: Tally) -> Side:
        terms = [write_term("tool", step.tool), f"version:{version.number}"]
        url = frame.calls("misfire:any", *terms)
        return Side(f"v{version.number}", tally.misfires, tally.calls, url)

    what = f"{step.tool} v{step.after.number}"
    return Comparison(what, side(step.before, step.was), side(step.after, step.is_now))


def _size(comparison: Comparison) -> tuple[str, str]:
    """How long the bars of the two sides are."""
    first, second = comparison.before.percent, comparison.after.percent
    most = max(first, second)
    return width(first, most), width(second, most)


def _read_days(frame: Frame) -> int:
    text = frame.extra["days"]
    days = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else _DAYS
    return min(max(days, 1), _MOST_DAYS)


def _compare_times(frame: Frame, around: str) -> Comparison:
    """So many days before a moment, and as many after it."""
    moment = read_moment(around)
    assert moment is not None, "the caller has read it"
    length = timedelta(days=_read_days(frame))
    at = floor(moment, HOUR)
    until = min(at + length, after(floor(frame.now, HOUR), HOUR))
    sides = []
    for since, ends in ((at - length, at), (at, max(until, at))):
        tally = count_over(frame.project, frame.filter, since, ends) if since < ends else Tally()
        url = frame.calls("misfire:any", span=(since, ends))
        name = f"{since.day} {since:%b} to {ends.day} {ends:%b}"
        sides.append(Side(name, tally.misfires, tally.calls, url))
    return Comparison(f"The change at {whole_label(at, HOUR)}", *sides)


# ---- the tables


def _name_of(by: str, value: Any, versions: Mapping[int, Version]) -> str:
    if by == "version":
        version = versions.get(value)
        return f"{version.tool} v{version.number}" if version else "no known version"
    return str(value) or ("other unknown tools" if by == "tool" else f"no {by}")


def _link(
    frame: Frame, terms: Sequence[str], span: Span | tuple[datetime, datetime] | None = None
) -> str:
    """The misfires of a row; "" for tools that no filter tells from the others."""
    return frame.calls("misfire:any", *terms, span=span) if terms else ""


def _terms_of(
    by: str, value: Any, others: Sequence[str], versions: Mapping[int, Version]
) -> list[str]:
    if by == "tool" and not value:
        return []
    if by != "version":
        return [write_term(by, str(value), others)]
    version = versions.get(value)
    if version is None:
        return ["-has:definition"]
    return [write_term("tool", version.tool), f"version:{version.number}"]


def _divide(
    frame: Frame, counted: Counted, by: str, versions: Mapping[int, Version]
) -> list[dict[str, Any]]:
    column = _COLUMNS.get(by, by)
    others = [str(key[0]) for key in counted[column,]]
    then = _read_before(frame, column)
    rows = []
    for value, tally in largest(counted, column):
        terms = _terms_of(by, value, others, versions)
        narrower = terms and terms[0] and "has:" not in terms[0]
        rows.append(
            {
                "name": _name_of(by, value, versions),
                "tally": tally,
                "before": then.get((value,)),
                "is_unnamed": not terms,
                "before_url": _link(frame, terms, frame.span.before),
                "narrower": frame.having(" ".join(terms)) if narrower else "",
                "url": _link(frame, terms),
            }
        )
    return rows
