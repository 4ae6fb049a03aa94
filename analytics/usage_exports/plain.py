"""The plain form, for every other provider: one line a day and model."""

from __future__ import annotations

from analytics.usage_exports.lines import BadExport, Line, read_count, read_day, read_money

Row = dict[str, str]
COLUMNS = ("day", "model", "cost", "input_tokens", "output_tokens", "requests")


def is_plain(columns: frozenset[str]) -> bool:
    return "day" in columns or "date" in columns


def read_row(row: Row, number: int) -> Line | None:
    counts = {
        name: read_count(row[name], number)
        for name in ("input_tokens", "output_tokens", "requests")
        if row.get(name, "").strip()
    }
    cost = row.get("cost") or row.get("cost_usd") or ""
    if not cost.strip() and not counts:
        raise BadExport(f"Line {number} has neither a cost nor a count of tokens or requests.")
    return Line(
        read_day(row.get("day") or row.get("date") or "", number),
        row.get("model", "").strip(),
        cost=read_money(cost, number) if cost.strip() else None,
        **counts,
    )
