"""An export's text to lines by day and model, told apart by its columns. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any, NamedTuple

from analytics.usage_exports import anthropic, openai, plain
from analytics.usage_exports.lines import BadExport, Line, total
from analytics.usage_exports.plain import COLUMNS

LARGEST = 20_000_000
"""Characters."""
MOST_LINES = 500_000
MOST_KEPT = 20_000
"""Days and models of one export."""


class Form(NamedTuple):
    """A form of export: how it is known, how one row of it reads, and whose it is."""

    name: str
    label: str
    fits: Callable[[frozenset[str]], bool]
    read: Callable[[dict[str, str], int], Line | None]
    provider: str = ""


FORMS = (
    Form("openai_usage", "OpenAI, activity", openai.is_usage, openai.read_usage_row, "openai"),
    Form("openai_cost", "OpenAI, costs", openai.is_cost, openai.read_cost_row, "openai"),
    Form(
        "anthropic_usage",
        "Anthropic, tokens",
        anthropic.is_usage,
        anthropic.read_usage_row,
        "anthropic",
    ),
    Form(
        "anthropic_cost",
        "Anthropic, costs",
        anthropic.is_cost,
        anthropic.read_cost_row,
        "anthropic",
    ),
    Form("plain", "Plain form", plain.is_plain, plain.read_row),
)  # fmt: skip
LABELS = {form.name: form.label for form in FORMS}


def read_export(text: str) -> tuple[Form, list[Line]]:
    """The form of an export and its lines, summed by day and model.

    Raises BadExport, which says what to do.
    """
    if len(text) > LARGEST:
        raise BadExport("The file is larger than 20 MB. Export fewer days at once.")
    text = text.removeprefix("\ufeff")
    head, *_ = text.split("\n", 1)
    rows = csv.reader(io.StringIO(text), delimiter="\t" if "\t" in head else ",")
    try:
        return _read(rows)
    except csv.Error as error:
        raise BadExport(f"Line {rows.line_num}: {error}. Save the file as CSV again.") from None


def _read(rows: Any) -> tuple[Form, list[Line]]:
    names = [name.strip().lower() for name in next(iter(rows), [])]
    form = _form_of(frozenset(names))
    found: list[Line] = []
    for count, values in enumerate(rows):
        if count >= MOST_LINES:
            raise BadExport(f"More than {MOST_LINES:,} lines. Export fewer days at once.")
        if not any(values):
            continue
        row = dict.fromkeys(names, "") | dict(zip(names, values, strict=False))
        line = form.read(row, rows.line_num)
        if line is not None:
            found.append(line)
    lines = total(found)
    if not lines:
        raise BadExport(
            "The file has columns but no usage. Choose days with usage and export again."
        )
    if len(lines) > MOST_KEPT:
        raise BadExport(f"More than {MOST_KEPT:,} days and models. Export fewer days at once.")
    return form, lines


def _form_of(columns: frozenset[str]) -> Form:
    for form in FORMS:
        if form.fits(columns):
            return form
    if not columns - {""}:
        raise BadExport("The file is empty. Choose the CSV that the provider's usage page exports.")
    told = ", ".join(sorted(columns - {""})[:8])[:200]
    raise BadExport(
        f"The columns ({told}) are of no export that Misfire knows. Choose the CSV of OpenAI's or"
        f" Anthropic's usage page, or write the columns {', '.join(COLUMNS)}."
    )
