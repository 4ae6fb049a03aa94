"""Starting a replay: its rows, all at once, one for every outcome that there will be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import to_stored
from conversations.incidents.records import Incident
from conversations.replay.cases import Case
from conversations.replay.control import send_crew
from conversations.replay.orders import (
    Asking,
    NotReady,
    Order,
    asking_of,
    check,
    complete,
    weigh,
)
from conversations.replay.records import Replay, ReplayVariant
from conversations.suites.records import Suite


def start(
    project: Project,
    order: Order,
    *,
    incident: Incident | None = None,
    suite: Suite | None = None,
    by: User | None = None,
    sender: str = "",
    enqueue: bool = True,
) -> Replay:
    """Make the rows and, where ``enqueue``, set workers to it. Raises ``NotReady``."""
    order = complete(project, order)
    if reasons := check(project, order):
        raise NotReady(reasons)
    asking, now = asking_of(project, order), timezone.now()
    told = weigh(order, asking)
    with transaction.atomic():
        row = Replay.objects.create(
            project=project,
            number=_next_number(project),
            title=(order.title or _title_of(order))[:200],
            incident=incident,
            suite=suite,
            source=order.source[:300],
            query=order.query,
            mode=order.mode,
            trials=order.trials,
            connection=order.connection,
            model=order.model,
            answers=dict(order.answers),
            max_rounds=order.max_rounds,
            ceiling_dollars=order.ceiling_dollars,
            ceiling_tokens=order.ceiling_tokens,
            estimate=told.to_json(),
            total=told.outcomes,
            requested_by=by,
            sender=sender,
            created_at=now,
            touched_at=now,
        )
        _make_rows(row, order, asking)
        if enqueue:
            transaction.on_commit(lambda: send_crew(row.pk, row.total))
    return row


def _next_number(project: Project) -> int:
    """The next of the project, under its lock."""
    Project.objects.select_for_update().get(pk=project.pk)
    last = Replay.objects.filter(project=project).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def _title_of(order: Order) -> str:
    names = " and ".join(variant.name for variant in order.variants) or "As recorded"
    return f"{names} on {order.source or f'{len(order.cases)} cases'}"


def _make_rows(row: Replay, order: Order, asking: Asking) -> None:
    variants = ReplayVariant.objects.bulk_create(
        ReplayVariant(
            replay=row,
            position=place,
            name=variant.name[:120],
            body=json.dump(variant.to_json()),
        )
        for place, variant in enumerate(order.everyone)
    )
    cases = _insert_cases(row, order.cases)
    pairs = [(case, variant) for variant in order.everyone for case in order.cases]
    rows = [(one, other) for one in variants for other in cases]
    asks = order.asks_model
    _insert_outcomes(
        row,
        [
            (
                variant_row.pk,
                case_key,
                asking.connection_of(case, variant) if asks else None,
                asking.model_of(case, variant) if asks else "",
            )
            for (case, variant), (variant_row, case_key) in zip(pairs, rows, strict=True)
        ],
    )


_CASES = 'COPY conversations_replaycase (replay_id, position, key, title, turn_id, "user", body)'


def _insert_cases(row: Replay, cases: Sequence[Case]) -> list[int]:
    """The keys of the cases' rows, in order. Long texts take COPY a tenth of the time."""
    with connection.cursor() as cursor:
        with cursor.copy(f"{_CASES} FROM STDIN") as copy:
            for place, case in enumerate(cases):
                copy.write_row(_case_row(row, place, case))
        cursor.execute(
            "SELECT id FROM conversations_replaycase WHERE replay_id = %s ORDER BY position",
            [row.pk],
        )
        return [key for (key,) in cursor.fetchall()]


def _case_row(row: Replay, place: int, case: Case) -> tuple[Any, ...]:
    turn = case.origin.key if case.origin.kind == "turn" else None
    key, title, user = case.key[:300], case.title, case.origin.user[:300]
    body = json.dump(case.to_json())
    return (row.pk, place, *map(to_stored, (key, title)), turn, *map(to_stored, (user, body)))


_OUTCOMES = """
INSERT INTO conversations_replayoutcome (
  replay_id, variant_id, case_id, trial, connection_id, model, status, attempts, judged_by,
  verdict, codes, findings, calls, text, finish_reason, offered, routed, rounds, waiting, error,
  protocol, request, chunks, model_calls)
SELECT %(replay)s, one.variant, one.case_id, trial, one.lane, one.model, 'open', 0, '', '', '{}',
  '[]', '[]', '', '', '[]', '', '[]', '', '', '', '', '', 0
FROM unnest(%(variants)s::bigint[], %(cases)s::bigint[], %(lanes)s::bigint[], %(models)s::text[])
  WITH ORDINALITY AS one (variant, case_id, lane, model, place),
  generate_series(1, %(trials)s) AS trial
ORDER BY one.place, trial
"""


def _insert_outcomes(row: Replay, made: Sequence[tuple[int, int, int | None, str]]) -> None:
    """One open row each, the control's first: the order of their keys is the order of work."""
    variants, cases, lanes, models = (list(column) for column in zip(*made, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            _OUTCOMES,
            {
                "replay": row.pk,
                "variants": variants,
                "cases": cases,
                "lanes": lanes,
                "models": models,
                "trials": row.trials,
            },
        )
