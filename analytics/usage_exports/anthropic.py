"""Anthropic's exports of the Console: tokens by model, and costs by token type."""

from __future__ import annotations

import re

from analytics.usage_exports.lines import Line, read_count, read_day, read_money

Row = dict[str, str]
_INPUTS = (
    "usage_input_tokens_no_cache",
    "usage_input_tokens_cache_write_5m",
    "usage_input_tokens_cache_write_1h",
    "usage_input_tokens_cache_write",
    "usage_input_tokens_cache_read",
)
_NAME = re.compile(r"claude (\w+) (\d+)(?:\.(\d+))?", re.IGNORECASE)
_FAMILY_FIRST = 4
_OLD_NAME = re.compile(r"claude (\d+)(?:\.(\d+))? (\w+)", re.IGNORECASE)


def is_usage(columns: frozenset[str]) -> bool:
    return {"usage_date_utc", "model_version", "usage_output_tokens"} <= columns


def is_cost(columns: frozenset[str]) -> bool:
    return {"usage_date_utc", "model", "cost_usd"} <= columns


def read_usage_row(row: Row, number: int) -> Line | None:
    """A day or an hour of one model; input stands in parts, by what the cache did."""
    inputs = sum(read_count(row.get(name, ""), number) for name in _INPUTS)
    return Line(
        read_day(row["usage_date_utc"], number),
        row["model_version"],
        input_tokens=inputs,
        output_tokens=read_count(row["usage_output_tokens"], number),
    )


def read_cost_row(row: Row, number: int) -> Line | None:
    """A day's cost of one kind of token of a model, which goes by the name that people see."""
    cost = read_money(row["cost_usd"], number)
    return Line(read_day(row["usage_date_utc"], number), _id_of(row["model"]), cost=cost)


def _id_of(name: str) -> str:
    """ "Claude Sonnet 4.5" as requests name it, claude-sonnet-4-5; before 4 the version came first,
    claude-3-5-sonnet, whichever way people see it."""
    if match := _NAME.fullmatch(name.strip()):
        family, *version = match.groups()
    elif match := _OLD_NAME.fullmatch(name.strip()):
        *version, family = match.groups()
    else:
        return name.strip()
    parts = [family, *version] if int(version[0]) >= _FAMILY_FIRST else [*version, family]
    return "-".join(part.lower() for part in ("claude", *parts) if part)
