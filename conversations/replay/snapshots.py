"""Frozen snapshots: what a replay's page said at one moment, kept for members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, ClassVar

from django.db import connection, models, transaction
from django.db.models import Max
from django.utils import timezone

from console.accounts.models import User
from console.lib import json
from console.lib.fields import RawTextField
from conversations.replay.board import Board, Progress
from conversations.replay.cases import Case
from conversations.replay.matrix import Cell, Row, Subject
from conversations.replay.records import Replay, ReplayCase, ReplayOutcome
from conversations.replay.totals import Spending, sum_up
from tools_registry.validation.expectation import Expectation


class ReplaySnapshot(models.Model):
    """The matrix as it stood. ``body`` is its rows and spending as JSON, with what each case
    expected; totals and sentences are made of it again."""

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="snapshots", db_index=False)
    number = models.PositiveIntegerField()
    body = RawTextField()
    is_over = models.BooleanField()
    taken_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    taken_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["replay", "number"], name="replay_snapshot_once")
        ]

    def __str__(self) -> str:
        return f"snapshot {self.number} of {self.replay}"


class FrozenOutcome(models.Model):
    """An outcome as a snapshot found it: its answer, and what was said of it by then."""

    snapshot = models.ForeignKey(
        ReplaySnapshot, models.CASCADE, related_name="outcomes", db_index=False
    )
    outcome = models.ForeignKey(ReplayOutcome, models.CASCADE, related_name="+")
    status = models.CharField(max_length=8)
    passed = models.BooleanField(null=True, blank=True)
    judged_by = models.CharField(max_length=12, blank=True)
    settled_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    settled_at = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(max_length=8, blank=True)
    findings = RawTextField(default="[]")
    calls = RawTextField(default="[]")
    text = RawTextField(blank=True)
    error = RawTextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["snapshot", "outcome"], name="frozen_outcome_once")
        ]

    def __str__(self) -> str:
        return f"{self.outcome} in {self.snapshot}"


_FROZEN = (
    "status", "passed", "judged_by", "settled_by_id", "settled_at", "verdict", "findings",
    "calls", "text", "error",
)  # fmt: skip
_FREEZE = f"""
INSERT INTO conversations_frozenoutcome (snapshot_id, outcome_id, {", ".join(_FROZEN)})
SELECT %s, id, {", ".join(_FROZEN)} FROM conversations_replayoutcome WHERE replay_id = %s
"""


def freeze(replay: Replay, board: Board, user: User | None) -> ReplaySnapshot:
    """Keep the matrix as it stands."""
    body = {
        "rows": [_write_row(row) for row in board.rows],
        "spending": [asdict(total.spending) for total in board.totals],
        "done": board.progress.ended,
        "expected": _expected_of(replay),
    }
    with transaction.atomic():
        Replay.objects.select_for_update().get(pk=replay.pk)
        last = replay.snapshots.aggregate(last=Max("number"))["last"] or 0
        snapshot = ReplaySnapshot.objects.create(
            replay=replay,
            number=last + 1,
            body=json.dump(body),
            is_over=not replay.is_open,
            taken_by=user,
            taken_at=timezone.now(),
        )
        with connection.cursor() as cursor:
            cursor.execute(_FREEZE, [snapshot.pk, replay.pk])
    return snapshot


def _expected_of(replay: Replay) -> dict[str, Any]:
    """What each case expects, by its key; cases that expect nothing are left out."""
    rows = replay.cases.values_list("pk", "body").iterator(chunk_size=500)
    found = {str(pk): json.load(body).get("expectation") for pk, body in rows}
    return {pk: expected for pk, expected in found.items() if expected is not None}


def recall_case(snapshot: ReplaySnapshot, row: ReplayCase) -> Case:
    """The case with what it expected when the snapshot was taken."""
    expected = json.load(snapshot.body).get("expected", {}).get(str(row.pk))
    expectation = Expectation.from_json(expected) if expected is not None else None
    return replace(row.value, expectation=expectation)


def recall_outcome(snapshot: ReplaySnapshot, outcome: ReplayOutcome) -> None:
    """Put into an outcome that was read what the snapshot holds of it. It must not be saved."""
    frozen = snapshot.outcomes.filter(outcome=outcome).first()
    for name in _FROZEN if frozen else ():
        setattr(outcome, name, getattr(frozen, name))


def forget_cases(replays: Sequence[int], cases: Sequence[int]) -> None:
    """Take the rows of deleted cases out of the snapshots of these replays."""
    gone = set(cases)
    for snapshot in ReplaySnapshot.objects.filter(replay__in=replays):
        body = json.load(snapshot.body)
        body["rows"] = [row for row in body["rows"] if row["case"][0] not in gone]
        kept = body.get("expected", {}).items()
        body["expected"] = {key: value for key, value in kept if int(key) not in gone}
        snapshot.body = json.dump(body)
        snapshot.save(update_fields=["body"])


def thaw(snapshot: ReplaySnapshot) -> Board:
    """The board that was kept."""
    body = json.load(snapshot.body)
    variants = list(snapshot.replay.variants.all())
    rows = [_read_row(one) for one in body["rows"]]
    spending = [Spending(**one) for one in body["spending"]]
    totals = sum_up(rows, [variant.name for variant in variants], spending)
    return Board(variants, rows, totals, Progress(snapshot.replay.total, done=body["done"]))


def _write_row(row: Row) -> dict[str, Any]:
    one = row.subject
    return {
        "case": [one.id, one.position, one.key, one.title, one.was],
        "cells": [list(cell) for cell in row.cells],
    }


def _read_row(data: Mapping[str, Sequence[Any]]) -> Row:
    return Row(Subject(*data["case"]), tuple(Cell(*cell) for cell in data["cells"]))
