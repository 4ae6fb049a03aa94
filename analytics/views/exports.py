"""The numbers of a page's charts as CSV or JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.utils import timezone

from console.accounts.models import Project
from console.lib.charts import Chart
from console.lib.problems import problem

FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(
    project: Project, page: str, form: str, name: str, charts: Mapping[str, Chart]
) -> HttpResponse:
    """One chart as a file: that with the name, else the page's first."""
    if form not in FORMATS:
        return problem(400, "unknown_format", f"form is one of {', '.join(FORMATS)}.")
    by_name = {chart.name: chart for chart in charts.values()}
    chart = by_name.get(name) if name else next(iter(by_name.values()), None)
    if chart is None:
        known = ", ".join(by_name) or "none"
        return problem(400, "unknown_chart", f"of is one of the page's charts: {known}.")
    file = f"{project.slug}-{page}-{chart.name}-{timezone.now():%Y%m%d-%H%M}.{form}"
    response = JsonResponse(describe(chart)) if form == "json" else HttpResponse(write_csv(chart))
    response["Content-Type"] = FORMATS[form]
    response["Content-Disposition"] = f'attachment; filename="{file}"'
    return response


def describe(chart: Chart) -> dict[str, Any]:
    """A chart's numbers, unrounded, as JSON values."""
    names = chart.rows or chart.labels
    return {
        "title": chart.title,
        "unit": chart.unit or "count",
        "rows": [
            {chart.first.lower(): name} | {one.name: one.values[at] for one in chart.series}
            for at, name in enumerate(names)
        ],
        "markers": [{"row": names[one.at], "text": one.text} for one in chart.markers],
    }


def write_csv(chart: Chart) -> str:
    """A chart's numbers, unrounded. A text that a spreadsheet would take for a formula is told
    apart by an apostrophe."""
    file = io.StringIO()
    lines = csv.writer(file)
    lines.writerow([_plain(text) for text in chart.header])
    for at, name in enumerate(chart.rows or chart.labels):
        lines.writerow([_plain(name), *(_number(one.values[at]) for one in chart.series)])
    return file.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"
