"""A replay's outcomes as a matrix, read from the database: cheap where nothing changed since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Max, Q
from django.utils import timezone

from console.lib import json
from conversations.replay.cases import Recorded
from conversations.replay.compare import Made
from conversations.replay.matrix import Outcome, Row, Subject, make_row
from conversations.replay.records import Replay, ReplayVariant
from conversations.replay.totals import Spending, Total, sum_up

_KEPT = 24 * 3600
_TITLE = 200
_NAMED = ("pk", "position", "key", "title")


@dataclass(frozen=True)
class Progress:
    """How far it is. ``rate`` is outcomes a second of late, ``rest`` the seconds that are left at
    that rate; None while that is not known."""

    total: int
    done: int = 0
    failed: int = 0
    waiting: int = 0
    rate: float = 0.0
    rest: int | None = None
    changed: str = ""

    @property
    def ended(self) -> int:
        return self.done + self.failed

    @property
    def mark(self) -> str:
        """Another text whenever an outcome changed."""
        return f"{self.done}.{self.failed}.{self.waiting}.{self.changed}"


@dataclass(frozen=True)
class Board:
    """Everything that the page tells of all cases."""

    variants: Sequence[ReplayVariant]
    rows: Sequence[Row]
    totals: Sequence[Total]
    progress: Progress


def read_progress(replay: Replay) -> Progress:
    """One cheap query over the outcomes' states."""
    counts = replay.outcomes.aggregate(
        done=Count("id", filter=Q(status="done")),
        failed=Count("id", filter=Q(status="failed")),
        waiting=Count("id", filter=Q(status="waiting")),
        settled=Max("settled_at"),
        finished=Max("finished_at"),
    )
    ended = counts["done"] + counts["failed"]
    rate = _read_rate(replay) if replay.status == "running" and ended else 0.0
    left = replay.total - ended - counts["waiting"]
    rest = round(left / rate) if rate else None
    changed = f"{counts['finished']} {counts['settled']}"
    return Progress(
        replay.total, counts["done"], counts["failed"], counts["waiting"], rate, rest, changed
    )


def _read_rate(replay: Replay) -> float:
    """Outcomes a second over the last minute, or since the start where that is shorter."""
    now = timezone.now()
    span = min(60.0, max(1.0, (now - replay.created_at).total_seconds()))
    since = now - timedelta(seconds=span)
    return replay.outcomes.filter(finished_at__gte=since).count() / span


def read_board(replay: Replay) -> Board:
    """The whole matrix with its totals. Kept until an outcome changes."""
    progress = read_progress(replay)
    variants = list(replay.variants.all())
    key = f"replay-board:{replay.pk}:{sha256(progress.mark.encode()).hexdigest()[:16]}"
    kept = cache.get(key)
    if kept is None:
        rows = _read_rows(replay, variants)
        totals = sum_up(rows, [one.name for one in variants], _read_spending(replay, variants))
        kept = (rows, totals)
        cache.set(key, kept, _KEPT if not replay.is_open else 30)
    return Board(variants, kept[0], kept[1], progress)


def _read_rows(replay: Replay, variants: Sequence[ReplayVariant]) -> list[Row]:
    places = {variant.pk: at for at, variant in enumerate(variants)}
    told: defaultdict[int, list[list[Outcome]]] = defaultdict(lambda: [[] for _ in places])
    rows = replay.outcomes.order_by("trial").values_list(
        "case_id", "variant_id", "status", "passed", "calls"
    )
    for case, variant, status, passed, calls in rows.iterator(chunk_size=5000):
        told[case][places[variant]].append(Outcome(status, passed, _read_calls(calls)))
    return [make_row(one, told[one.id]) for one in read_subjects(replay)]


@lru_cache(maxsize=4096)
def _read_calls(text: str) -> tuple[Made, ...]:
    return tuple(Made(call["name"], call["arguments"]) for call in json.load(text))


def subjects_key(replay: int) -> str:
    """Where its subjects are kept."""
    return f"replay-subjects:{replay}"


def read_subjects(replay: Replay) -> list[Subject]:
    """The cases in their order, without what makes them large; kept, as they do not change."""
    key = subjects_key(replay.pk)
    found: list[Subject] | None = cache.get(key)
    if found is None:
        rows = replay.cases.order_by("position").values_list(*_NAMED, "body")
        found = [_read_subject(*row) for row in rows.iterator(chunk_size=500)]
        cache.set(key, found, _KEPT)
    return found


def _read_subject(pk: int, position: int, key: str, title: str, body: str) -> Subject:
    kept = json.load(body).get("recorded")
    recorded = Recorded.from_json(kept) if kept else None
    calls = tuple(Made(one.name, one.arguments) for one in recorded.calls) if recorded else None
    was = ""
    if recorded:
        found = {recorded.verdict, *(call.verdict for call in recorded.calls)}
        was = next(one for one in ("rejected", "flagged", "accepted") if one in found)
    return Subject(pk, position, key, title[:_TITLE], was, calls)


_SPENT = """
SELECT variant_id, sum(model_calls), sum(coalesce(input_tokens, 0)),
       sum(coalesce(output_tokens, 0)), sum(cost),
       count(*) FILTER (WHERE cost IS NULL AND model_calls > 0 AND status = 'done'),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms)
FROM conversations_replayoutcome WHERE replay_id = %s GROUP BY variant_id
"""


def _read_spending(replay: Replay, variants: Sequence[ReplayVariant]) -> list[Spending]:
    with connection.cursor() as cursor:
        cursor.execute(_SPENT, [replay.pk])
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    return [
        Spending(
            model_calls=int(row[0]),
            input_tokens=int(row[1]),
            output_tokens=int(row[2]),
            cost=None if row[3] is None else float(row[3]),
            unpriced=row[4],
            p50_ms=row[5],
            p95_ms=row[6],
        )
        if (row := found.get(variant.pk))
        else Spending()
        for variant in variants
    ]
