"""Frozen snapshots: what a replay's page said at one moment, kept for members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import Max
from django.utils import timezone

from console.accounts.models import User
from console.lib import json
from console.lib.fields import RawTextField
from conversations.replay.board import Board, Progress
from conversations.replay.matrix import Cell, Row, Spending, Subject, sum_up
from conversations.replay.records import Replay


class ReplaySnapshot(models.Model):
    """The matrix as it stood. ``body`` is its rows and spending as JSON; totals and sentences are
    made of it again. Answers are not in it: they do not change, only what is said of them."""

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


def freeze(replay: Replay, board: Board, user: User | None) -> ReplaySnapshot:
    """Keep the matrix as it stands."""
    body = {
        "rows": [_write_row(row) for row in board.rows],
        "spending": [asdict(total.spending) for total in board.totals],
        "done": board.progress.ended,
    }
    with transaction.atomic():
        Replay.objects.select_for_update().get(pk=replay.pk)
        last = replay.snapshots.aggregate(last=Max("number"))["last"] or 0
        return ReplaySnapshot.objects.create(
            replay=replay,
            number=last + 1,
            body=json.dump(body),
            is_over=not replay.is_open,
            taken_by=user,
            taken_at=timezone.now(),
        )


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
        "cells": [list(asdict(cell).values()) for cell in row.cells],
    }


def _read_row(data: Mapping[str, Sequence[Any]]) -> Row:
    return Row(Subject(*data["case"]), tuple(Cell(*cell) for cell in data["cells"]))
