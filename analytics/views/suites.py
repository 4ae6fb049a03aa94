"""Models: how right each was on a suite over time, what it cost and how long it took."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from analytics.filters import write_term
from analytics.spans import Span
from analytics.suites.figures import DIMENSIONS, FEW, REPLAYS, Result, newest, read_results
from analytics.views.frame import Frame, read_frame, refuse, show
from console.accounts.access import ProjectRequest, member
from console.accounts.models import Project
from console.lib.charts import Chart, Series
from conversations.models import Suite
from conversations.replay.records import Replay

LINES = 6
SUITES = 200


@member("viewer")
@require_safe
def show_models(request: ProjectRequest) -> HttpResponse:
    frame = read_frame(request, "models", keep=("suite",))
    if frame.error:
        return refuse(request, frame)
    suites = list(Suite.objects.filter(project=request.project).order_by("name")[:SUITES])
    suite = _choose(suites, request.GET.get("suite", ""), _read_replayed(request.project))
    results = _read(frame, suite, frame.span)
    lines = newest(results)
    before = _read(frame, suite, frame.span.before) if frame.compares else ()
    then = {one.line: one for one in newest(before)}
    context = {
        "suites": [(one, frame.url(suite=str(one.pk)), one == suite) for one in suites],
        "suite": suite,
        "lines": [(one, then.get(one.line)) for one in lines],
        "unasked": frame.beyond(DIMENSIONS),
        "results": [
            (one, _replay(frame, one), frame.having(write_term("model", one.model)))
            for one in reversed(results)
        ],
        "few": FEW,
        "most": REPLAYS,
        "replays": len({one.replay for one in results}),
    }
    names = [one.line for one in lines[:LINES]]
    charts = {"accuracy": _draw(frame, results, names)}
    return show(request, frame, "analytics/models.html", charts, context)


def _read(frame: Frame, suite: Suite | None, span: Span) -> Sequence[Result]:
    if suite is None:
        return ()
    return read_results(frame.project, suite.pk, span.since, span.until, frame.filter)


def _read_replayed(project: Project) -> int | None:
    """The suite that was replayed last."""
    replays = Replay.objects.filter(project=project, suite__isnull=False).order_by("-number")
    return replays.values_list("suite", flat=True).first()


def _choose(suites: Sequence[Suite], asked: str, replayed: int | None) -> Suite | None:
    """The suite that is asked for, else the one replayed last, else the one that changed last."""
    for wanted in (asked, str(replayed)):
        if named := next((one for one in suites if str(one.pk) == wanted), None):
            return named
    return max(suites, key=lambda one: one.changed_at, default=None)


def _replay(frame: Frame, one: Result) -> str:
    return reverse("conversations:replay", args=[frame.project.slug, one.replay])


def _draw(frame: Frame, results: Sequence[Result], names: Sequence[str]) -> Chart:
    """Accuracy over the replays, a line for each model, with its interval in the table."""
    numbers = sorted({one.replay for one in results})
    held = {(one.replay, one.line): one for one in results}
    first = {one.replay: one for one in results}
    series = []
    for name in names:
        found = [held.get((number, name)) for number in numbers]
        series.append(
            Series(
                name,
                [one.percent if one else None for one in found],
                form="line",
                links=[_replay(frame, one) if one else "" for one in found],
                texts=[_tell(one) if one else "–" for one in found],  # noqa: RUF001
            )
        )
    return Chart(
        "accuracy",
        "Share of outcomes that were right, by replay",
        [f"{first[number].at:%d %b}".lstrip("0") for number in numbers],
        series,
        unit="%",
        first="Replay",
        rows=[f"RPL-{number}, {first[number].at:%d %b %Y %H:%M}" for number in numbers],
        most=100,
        height="l",
    )


def _tell(one: Result) -> str:
    if one.percent is None:
        return "none judged"
    low, high = one.interval
    return f"{one.passed} of {one.judged} ({one.percent:.0f}%, {low:.0f}–{high:.0f})"  # noqa: RUF001
