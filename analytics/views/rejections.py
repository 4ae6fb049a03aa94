"""Validation rejections: which layer caught what, and what one layer passed to the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from analytics import rejections
from analytics.metrics import Counted, Tally, count_calls, total
from analytics.misfires import PLACED_BY, read_versions
from analytics.rejections import Caught
from analytics.views.bars import width
from analytics.views.frame import Frame, read_frame, refuse, show
from analytics.views.places import list_places
from console.accounts.access import ProjectRequest, member
from console.lib.charts import Chart, Series
from tools_registry.validation.findings import CODES, LAYERS

_OF_LAYERS = {
    "assembly": "ink-3", "syntax": "s4", "offer": "s1", "schema": "s2", "rule": "s3",
    "content": "s5", "expectation": "s6",
}  # fmt: skip
_MOST = 12


@member("viewer")
@require_GET
def show_rejections(request: ProjectRequest) -> HttpResponse:
    frame = read_frame(request, "rejections")
    if frame.error:
        return refuse(request, frame)
    groups = [(), ("start",), ("kind",), ("start", "kind"), ("version_id",)]
    counted = count_calls(frame.project, frame.filter, frame.span, groups)
    layers = rejections.first_layers(counted["kind",])
    codes = rejections.count_codes(frame.project, frame.filter, frame.span)
    before = _count_before(frame)
    context = {
        "whole": total(counted),
        "before": total(before) if before else None,
        "rejected_url": frame.calls("verdict:rejected"),
        "layers": _describe_layers(frame, layers, counted, before),
        "next": _describe_next(frame, layers, counted),
        "codes": _describe_codes(frame, codes),
        "versions": _describe_versions(frame, counted),
        "places": list_places(frame, [code for code in CODES if CODES[code].layer != "conduct"]),
        "unplaced": frame.beyond(PLACED_BY),
        "judged": rejections.judge_rejections(frame.project, frame.filter, frame.span),
        "right_url": frame.calls("verdict:rejected", "label:right"),
    }
    return show(
        request,
        frame,
        "analytics/rejections.html",
        {"chart": _draw(frame, counted, before)},
        context,
    )


def _present(counted: Counted) -> list[str]:
    return [str(key[0]) for key in counted["kind",]]


def _count_before(frame: Frame) -> Counted | None:
    if not frame.compares:
        return None
    groups = [(), ("start",), ("kind",)]
    return count_calls(frame.project, frame.filter, frame.span.before, groups)


def _draw(frame: Frame, counted: Counted, before: Counted | None) -> Chart:
    """Rejected calls by the first layer that found something."""
    starts, series = frame.span.starts, []
    by_step: dict[tuple[Any, str], int] = {}
    for (at, kind), tally in counted["start", "kind"].items():
        if kind and tally.rejected:
            layer = CODES[kind].layer
            by_step[at, layer] = by_step.get((at, layer), 0) + tally.rejected
    held = {layer for _, layer in by_step}
    present = _present(counted)
    for layer in (one for one in LAYERS if one in held):
        terms = rejections.terms_of(layer, present)
        series.append(
            Series(
                layer,
                [float(by_step.get((at, layer), 0)) for at in starts],
                color=_OF_LAYERS.get(layer, ""),
                stack="layers",
                links=[frame.calls(*terms, span=frame.span.step(at)) for at in starts],
            )
        )
    series = series or [Series("Rejected", [0.0 for _ in starts])]
    if before:
        series.append(draw_before(frame, before, "rejected", "verdict:rejected"))
    return Chart(
        "rejections",
        f"Rejected calls by the layer that caught them and {frame.step}",
        frame.labels,
        series,
        "",
        frame.read_markers(),
        frame.step.capitalize(),
        frame.rows,
    )


def draw_before(frame: Frame, before: Counted, part: str, terms: str = "") -> Series:
    """A count of the time before (a field of ``Tally``), step by step beside the present ones."""
    span, steps = frame.span.before, before["start",]
    return Series(
        "All, before",
        [float(getattr(steps.get((at,), Tally()), part)) for at in span.starts],
        "line",
        "ink-3",
        dashed=True,
        links=[frame.calls(terms, span=span.step(at)) for at in span.starts],
    )


def _describe_layers(
    frame: Frame, layers: list[Caught], counted: Counted, before: Counted | None
) -> list[dict[str, Any]]:
    most = max((one.calls for one in layers), default=0)
    whole = total(counted).rejected
    present = _present(counted)
    then = (
        {one.layer: one.calls for one in rejections.first_layers(before["kind",])} if before else {}
    )
    return [
        {
            "caught": one,
            "before": then.get(one.layer, 0),
            "width": width(one.calls, most),
            "percent": 100 * one.calls / whole if whole else 0.0,
            "url": frame.calls(*rejections.terms_of(one.layer, present)),
        }
        for one in layers
    ]


def _describe_next(frame: Frame, layers: list[Caught], counted: Counted) -> list[dict[str, Any]]:
    """Pairs of layers: what the one passed and the next that found something caught."""
    present, found = _present(counted), []
    for one in layers:
        if one.layer in ("rule", "content") and one.calls:
            found.append(
                {"caught": one, "url": frame.calls(*rejections.terms_of(one.layer, present))}
            )
    return found


def _describe_codes(frame: Frame, codes: Mapping[tuple[Any, ...], int]) -> list[dict[str, Any]]:
    rows = sorted(codes.items(), key=lambda row: -row[1])[:_MOST]
    most = rows[0][1] if rows else 0
    return [
        {
            "code": key[0],
            "calls": calls,
            "width": width(calls, most),
            "url": frame.calls(f"finding:{key[0]}"),
            "rejects": CODES[key[0]].severity == "rejected",
        }
        for key, calls in rows
    ]


def _describe_versions(frame: Frame, counted: Counted) -> list[dict[str, Any]]:
    """Versions with most rejected calls."""
    rows = [(int(key[0]), tally) for key, tally in counted["version_id",].items()]
    rows = sorted(rows, key=lambda row: (-row[1].rejected, -row[1].calls))[:_MOST]
    versions = read_versions(frame.project, [pk for pk, _ in rows])
    found = []
    for pk, tally in rows:
        version = versions.get(pk)
        terms = (
            [f"version:{version.number}", frame.tool_term(version.tool)]
            if version
            else ["-has:definition"]
        )
        url = frame.calls("verdict:rejected", *terms)
        found.append({"version": version, "tally": tally, "url": url})
    return found
