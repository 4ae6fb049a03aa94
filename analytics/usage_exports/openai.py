"""OpenAI's exports of the platform's usage page: activity (completions) and costs."""

from __future__ import annotations

from decimal import Decimal

from analytics.usage_exports.lines import BadExport, Line, read_count, read_day, read_money

Row = dict[str, str]


def is_usage(columns: frozenset[str]) -> bool:
    return {"start_time", "num_model_requests", "input_tokens", "output_tokens"} <= columns


def is_cost(columns: frozenset[str]) -> bool:
    return {"start_time", "amount_value"} <= columns


def read_usage_row(row: Row, number: int) -> Line | None:
    """Minutes or days of one model; ``input_tokens`` holds the cached ones. Rows of a stretch
    without use are empty."""
    model = row.get("model", "")
    if not model:
        return None
    return Line(
        read_day(row["start_time"], number),
        model,
        input_tokens=read_count(row["input_tokens"], number),
        output_tokens=read_count(row["output_tokens"], number),
        requests=read_count(row["num_model_requests"], number),
    )


def read_cost_row(row: Row, number: int) -> Line | None:
    """A day's cost of a line item, such as "gpt-4o-2024-08-06, input"; of the whole day where the
    export was not grouped by it."""
    if not row["amount_value"].strip():
        return None
    currency = row.get("amount_currency", "").strip().lower()
    if currency not in ("", "usd"):
        raise BadExport(f"Line {number}: an amount in {currency[:10]}. Export costs in US dollars.")
    cost: Decimal = read_money(row["amount_value"], number)
    model = row.get("line_item", "").partition(",")[0].strip()
    return Line(read_day(row["start_time"], number), model, cost=cost)
