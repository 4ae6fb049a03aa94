"""Dollars out of rollups: what models and tools cost, by any of their dimensions.

A turn's cost is that of its model call; each of its calls carries an even share of it, and what the
tool itself cost. So the tools' shares and the turns that called nothing add up to all turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from analytics.definitions import MISFIRED_KIND
from analytics.filters import OF_TURNS, Filter
from analytics.rollup_sql import BY_CALLS, TURNS, Table, narrowest
from analytics.spans import DAY, HOUR, Span, after, floor
from console.accounts.models import Project
from console.lib.fields import from_stored

ZERO = Decimal(0)
_LEAST = Decimal("0.0000005")
"""Below that a difference is of rounding, not of turns."""
NO_TOOL = ""
"""The name under which turns that called no tool stand among the tools."""
Group = tuple[str, ...]
_NAMED = frozenset(["tool", "model", "provider", "environment", "source"])
_WITHIN = "project_id = %s AND grain = %s AND start >= %s AND start < %s"
_OF_TURNS = (
    "turns", "unpriced", "model", "input_tokens", "cached_input_tokens", "cache_write_tokens",
    "output_tokens", "reasoning_tokens",
)  # fmt: skip
_TURN_SUMS = ", ".join(f"sum({'cost' if name == 'model' else name})" for name in _OF_TURNS)
_OF_CALLS = ("calls", "answered", "cached", "shared", "tools", "misfires", "misfire", "unsure")
_CALL_SUMS = (
    "sum(calls), sum(answered), sum(cached), sum(model_cost), sum(tool_cost), {0}, sum(unpriced)"
)
_SUMMED_MISFIRES = "sum(misfires), sum(misfire_cost)"
_KIND_MISFIRES = (
    f"sum(calls) FILTER (WHERE {MISFIRED_KIND}),"
    f" sum(model_cost + tool_cost) FILTER (WHERE {MISFIRED_KIND})"
)


def know(cost: Decimal, unpriced: int) -> Decimal | None:
    """A sum of what has a price; None rather than zero where all that there is has none."""
    return cost if cost or not unpriced else None


@dataclass(slots=True)
class Spent:
    """What turns and calls came to. Dollars: ``model`` of the model calls, ``tools`` of the tools
    themselves, ``shared`` the part of ``model`` that calls carry, ``misfire`` what misfired calls
    cost with all. ``unpriced`` counts turns without a price, ``unsure`` calls of such turns.
    """

    turns: int = 0
    calls: int = 0
    answered: int = 0
    cached: int = 0
    misfires: int = 0
    unpriced: int = 0
    unsure: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    model: Decimal = ZERO
    shared: Decimal = ZERO
    tools: Decimal = ZERO
    misfire: Decimal = ZERO

    @property
    def cost(self) -> Decimal:
        return self.model + self.tools

    @property
    def known(self) -> Decimal | None:
        """The cost; None where nothing of it is known."""
        return know(self.cost, self.unpriced)

    @property
    def known_misfire(self) -> Decimal | None:
        return know(self.misfire, self.misfires and self.unpriced)

    @property
    def per_call(self) -> Decimal | None:
        known = self.known
        return None if known is None or not self.calls else known / self.calls

    @property
    def per_misfire(self) -> Decimal | None:
        known = self.known_misfire
        return None if known is None or not self.misfires else known / self.misfires

    @property
    def misfire_percent(self) -> float:
        return float(100 * self.misfire / self.cost) if self.cost else 0.0

    def add(self, other: Spent) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


Read = Mapping[Group, Mapping[tuple[Any, ...], Spent]]


def read_spent(
    project: Project, kept: Filter, span: Span, groups: Iterable[Group] = ((),)
) -> dict[Group, dict[tuple[Any, ...], Spent]]:
    """Sums by several groups of ``start`` and dimensions; () sums all.

    ``tool`` groups calls alone, ``connection_id`` turns alone. Where the filter asks for tools or
    versions, ``model`` is what their calls carry, and turns are not counted.
    """
    wanted = list(dict.fromkeys(groups))
    found: dict[Group, dict[tuple[Any, ...], Spent]] = {group: {} for group in wanted}
    of_turns = [group for group in wanted if "tool" not in group]
    of_calls = [group for group in wanted if "connection_id" not in group]
    asked = (project, kept, span)
    if of_turns and not kept.asks_for_tools:
        _gather(found, TURNS.name, _OF_TURNS, _TURN_SUMS, of_turns, asked)
    filtered = [column for column, _, _ in kept.conditions]
    tables = {group: narrowest(BY_CALLS, [*group, *filtered]) for group in of_calls}
    for table in dict.fromkeys(tables.values()):
        groups_of = [group for group in of_calls if tables[group] == table]
        _gather(found, table.name, _OF_CALLS, _sum_calls(table), groups_of, asked)
    for group, held in found.items():
        for one in held.values():
            if kept.asks_for_tools or "tool" in group:
                one.model, one.unpriced = one.shared, one.unsure
    return found


def _sum_calls(table: Table) -> str:
    """The sums of ``_OF_CALLS``: a table without kinds has its misfires summed."""
    summed = "misfires" in table.sums
    return _CALL_SUMS.format(_SUMMED_MISFIRES if summed else _KIND_MISFIRES)


def _gather(
    found: dict[Group, dict[tuple[Any, ...], Spent]],
    table: str,
    fields: Sequence[str],
    sums: str,
    groups: Sequence[Group],
    asked: tuple[Project, Filter, Span],
) -> None:
    project, kept, span = asked
    names = sorted({name for group in groups for name in group})
    where, values = kept.where(OF_TURNS) if table == TURNS.name else kept.where()
    sets = ", ".join(f"({', '.join(group)})" for group in groups)
    columns = ", ".join(names)
    mask = f"GROUPING({columns})" if names else "0"
    sql = (
        f"SELECT {mask}, {f'{columns}, ' if names else ''}{sums} FROM {table}"
        f" WHERE {_WITHIN}{where} GROUP BY GROUPING SETS ({sets})"
    )
    by_mask = {_mask(names, group): group for group in groups}
    with connection.cursor() as cursor:
        cursor.execute(sql, [project.pk, span.grain, span.since, span.until, *values])
        for number, *rest in cursor.fetchall():
            held = dict(zip(names, rest[: len(names)], strict=True))
            group = by_mask[number]
            key = tuple(_plain(name, held[name]) for name in group)
            one = found[group].setdefault(key, Spent())
            for name, value in zip(fields, rest[len(names) :], strict=True):
                is_money = name in ("model", "shared", "tools", "misfire")
                setattr(one, name, (value or ZERO) if is_money else int(value or 0))


def _mask(names: Sequence[str], group: Group) -> int:
    """What GROUPING(names) is for the rows of a group: a bit for each name that is not in it."""
    return int("".join("0" if name in group else "1" for name in names) or "0", 2)


def _plain(name: str, value: Any) -> Any:
    return from_stored(value) if name in _NAMED else value


def total(read: Read) -> Spent:
    """All of a reading that summed the group ()."""
    return read[()].get((), Spent())


def by_tool(read: Read, whole: Spent) -> list[tuple[str, Spent]]:
    """The tools of a reading by ("tool",), the dearest first, and with them the turns that called
    nothing: they are what of ``whole`` no call carries."""
    found = [(name, one) for (name,), one in read[("tool",)].items()]
    silent = whole.model - sum((one.shared for _, one in found), ZERO)
    if silent > _LEAST:
        found.append((NO_TOOL, Spent(model=silent)))
    return sorted(found, key=lambda pair: (-pair[1].cost, pair[0]))


def read_days(project: Project, kept: Filter, now: datetime, days: int) -> dict[date, Spent]:
    """Each of the last ``days`` UTC days, today's so far included; those with anything."""
    today = floor(now, DAY)
    span = Span(today - timedelta(days=days), after(today, DAY), DAY)
    held = read_spent(project, kept, span, [("start",)])[("start",)]
    return {start.date(): one for (start,), one in held.items()}


def widen(span: Span) -> Span:
    """The same stretch in whole hours at least: what is kept by the hour has nothing finer."""
    if span.grain >= HOUR:
        return span
    until = floor(span.until, HOUR)
    until = until if until == span.until else after(until, HOUR)
    return Span(floor(span.since, HOUR), until, HOUR)
