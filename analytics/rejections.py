"""Which layer of validation caught what, and what people said of it since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from analytics.filters import COLUMNS, Filter
from analytics.metrics import Tally
from analytics.rollup_sql import BY_CODE, KINDS, narrowest
from analytics.spans import Span
from console.accounts.models import Project
from console.lib import uuid7
from conversations.search.fields import MISFIRES
from tools_registry.validation.findings import CODES, LAYERS, Layer

BEFORE_EXECUTION: tuple[Layer, ...] = (
    "assembly", "syntax", "offer", "schema", "rule", "content",
)  # fmt: skip
"""The layers that judge a call before it is made; the others speak of what came after."""
MOST_LABELS = 2000


@dataclass(frozen=True, slots=True)
class Caught:
    """What a layer was the first to find: ``passed`` calls had reached it, ``calls`` it caught."""

    layer: str
    calls: int
    passed: int
    top: str = ""
    """The code that most of them have."""


def first_layers(kinds: Mapping[tuple[Any, ...], Tally]) -> list[Caught]:
    """The layers in their order with the calls whose first finding is of them, of rejected calls
    by (kind,). A call that no layer rejected has passed all."""
    by_layer: Counter[str] = Counter()
    codes: dict[str, Counter[str]] = {}
    left = sum(tally.calls for tally in kinds.values())
    for key, tally in kinds.items():
        kind = str(key[0])
        if kind and tally.rejected:
            layer = CODES[kind].layer
            by_layer[layer] += tally.rejected
            codes.setdefault(layer, Counter())[kind] += tally.rejected
    found = []
    for layer in LAYERS:
        if layer in BEFORE_EXECUTION or by_layer[layer]:
            top = codes[layer].most_common(1)[0][0] if layer in codes else ""
            found.append(Caught(layer, by_layer[layer], left, top))
            left -= by_layer[layer]
    return found


def terms_of(layer: str, present: Iterable[str]) -> list[str]:
    """The lists' terms for the rejected calls whose first finding is of the layer: they have one
    of its codes and none that goes before them. ``present`` are the kinds that occur at all."""
    own = [code for code in KINDS if CODES[code].layer == layer]
    own = [code for code in own if code in MISFIRES] or own
    held = set(present)
    before = [code for code in KINDS[: KINDS.index(own[0])] if code in held]
    earlier = [f"-finding:{','.join(before)}"] if before else []
    return ["verdict:rejected", f"finding:{','.join(own)}", *earlier]


def count_codes(
    project: Project,
    kept: Filter,
    span: Span,
    *,
    by: Sequence[str] = (),
    among: Mapping[str, Sequence[Any]] | None = None,
) -> dict[tuple[Any, ...], int]:
    """Calls that have a code, by (code, *by): a call with two codes counts in both. ``among``
    names the only values of a dimension that are counted."""
    if among:
        kept = kept.among(among)
    where, values = kept.where(COLUMNS)
    columns = ", ".join(("code", *by))
    table = narrowest(BY_CODE, {*by, *kept.columns})
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns}, sum(calls) FROM {table.name} WHERE project_id = %s"
            f" AND grain = %s AND start >= %s AND start < %s{where} GROUP BY {columns}",
            [project.pk, span.grain, span.since, span.until, *values],
        )
        return {tuple(row[:-1]): int(row[-1]) for row in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class Judged:
    """Rejected calls that people labelled: ``right`` were rejected falsely, by their codes."""

    labelled: int
    right: int
    codes: Mapping[str, int]


_LABELLED = """
SELECT c.codes, l.kind = 'right' FROM (
  SELECT turn_id, call_id, kind FROM conversations_label
  WHERE project_id = %s AND superseded_at IS NULL AND kind <> 'withdrawn' AND call_id IS NOT NULL
    AND turn_id >= %s AND turn_id < %s ORDER BY id DESC LIMIT %s
) l JOIN (
  SELECT id, codes, verdict, name AS tool, coalesce(tool_version_id, 0) AS version_id, model,
    provider, environment, source
  FROM conversations_toolcall WHERE project_id = %s
) c ON c.id = l.call_id
WHERE c.verdict = 'rejected'{where}
"""


def judge_rejections(project: Project, kept: Filter, span: Span) -> Judged:
    """What labels say of the rejected calls of a span; of the newest labels, which are few."""
    where, values = kept.where()
    ends = uuid7.floor(span.since), uuid7.floor(span.until)
    given = [project.pk, *ends, MOST_LABELS, project.pk, *values]
    with connection.cursor() as cursor:
        cursor.execute(_LABELLED.replace("{where}", where), given)
        rows = cursor.fetchall()
    codes: Counter[str] = Counter()
    right = 0
    for held, is_right in rows:
        if is_right:
            right += 1
            codes.update(code for code in held if CODES[code].severity == "rejected")
    return Judged(len(rows), right, dict(codes.most_common()))
