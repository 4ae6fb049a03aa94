"""Turns and calls lie in the partition of their month."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from console.accounts.models import Project
from console.lib import uuid7
from conversations.models import Conversation, Turn
from conversations.partitions import TABLES, add_months, make_partitions

pytestmark = pytest.mark.django_db


def _partition_of(turn: Turn) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM conversations_turn WHERE id = %s", [turn.pk]
        )
        return str(cursor.fetchone()[0])


def _store_turn(at: datetime) -> Turn:
    project, _ = Project.objects.get_or_create(slug="acme", name="Acme")
    conversation, _ = Conversation.objects.get_or_create(
        project=project, key="c", source="api", defaults={"started_at": at, "last_at": at}
    )
    return Turn.objects.create(
        id=uuid7.of(at, "acme", str(at)),
        project=project,
        conversation=conversation,
        number=1,
        key=str(at),
        at=at,
        source="api",
        model="m",
    )


def test_a_turn_of_this_month_lies_in_its_partition() -> None:
    now = datetime.now(UTC)
    assert _partition_of(_store_turn(now)) == f"conversations_turn_{now:%Y_%m}"


def test_a_turn_of_no_known_month_is_kept_by_default() -> None:
    assert (
        _partition_of(_store_turn(datetime(2019, 5, 1, tzinfo=UTC))) == "conversations_turn_default"
    )


def test_making_partitions_twice_makes_them_once() -> None:
    at = datetime(2031, 12, 31, 23, 59, tzinfo=UTC)
    names = make_partitions(at, ahead=1)
    assert sorted(names) == sorted(
        f"{table}_{month}" for table in TABLES for month in ("2031_12", "2032_01")
    )
    assert make_partitions(at, ahead=1) == []
    last, first = at, datetime(2032, 1, 1, tzinfo=UTC)
    assert _partition_of(_store_turn(last)) == "conversations_turn_2031_12"
    assert _partition_of(_store_turn(first)) == "conversations_turn_2032_01"


@pytest.mark.parametrize(
    ("count", "expected"), [(0, (2024, 12)), (1, (2025, 1)), (-12, (2023, 12))]
)
def test_months_are_counted_over_the_year(count: int, expected: tuple[int, int]) -> None:
    month = add_months(datetime(2024, 12, 15, tzinfo=UTC), count)
    assert (month.year, month.month, month.day) == (*expected, 1)
