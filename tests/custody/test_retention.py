"""Retention on real partitions: what goes, what stays, and that what stays is whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from console.accounts.models import Project
from console.lib import json, uuid7
from conversations import retention, wire
from conversations.custody import ProjectCustody, Sweep
from conversations.models import Conversation, Label, ToolCall, Turn, TurnWire
from conversations.partitions import make_partitions
from conversations.recording import rebuild_messages
from tests import factories
from tools_registry.models import Toolset

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2031, 6, 15, 12, tzinfo=UTC)
OLD = datetime(2031, 1, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def months() -> Iterator[None]:
    """Months of our own, far from now, gone afterwards; the months of today, which a sweep that
    far ahead drops, are made again."""
    make_partitions(OLD, ahead=5)
    yield
    with connection.cursor() as cursor:
        for one in retention.read_partitions():
            if one.month.year == OLD.year:
                cursor.execute(f'DROP TABLE "{one.name}"')
    make_partitions(datetime.now(UTC))


def make_turn(project: Project, at: datetime, **fields: Any) -> Turn:
    conversation = fields.pop("conversation", None) or factories.make_conversation(
        project, started_at=at, last_at=at
    )
    turn = factories.make_turn(conversation, at, id=uuid7.of(at, str(conversation.pk)), **fields)
    factories.make_call(turn, id=uuid7.of(at, str(turn.pk), "0"))
    TurnWire.objects.create(
        turn_id=turn.pk, project=project, request=wire.pack_request(b"{}"), chunks=wire.pack([])
    )
    return turn


def keep(project: Project, turns: int | None, wires: int | None) -> None:
    ProjectCustody.of(project)
    ProjectCustody.objects.filter(project=project).update(turn_days=turns, wire_days=wires)


def names() -> set[str]:
    return {one.name for one in retention.read_partitions()}


def test_a_month_that_is_over_for_every_project_is_dropped_whole() -> None:
    first, second = factories.make_project(), factories.make_project()
    turn = make_turn(first, OLD)
    Label.objects.create(
        project=first, conversation=turn.conversation, turn_id=turn.pk, kind="right"
    )
    kept = make_turn(first, NOW - timedelta(days=3))
    foreseen = retention.foresee(first, NOW)
    assert foreseen.of(first.pk) == {"turns": 1, "calls": 1, "wires": 1}
    swept = retention.sweep(NOW)
    assert "conversations_turn_2031_01" in swept.partitions
    assert swept.partitions and set(foreseen.partitions) == set(swept.partitions)
    assert not names() & set(swept.partitions)
    assert swept.of(first.pk) == {"turns": 1, "calls": 1, "wires": 1, "conversations": 1}
    assert swept.of(second.pk) == {}
    assert list(Turn.objects.values_list("pk", flat=True)) == [kept.pk]
    assert not Label.objects.exists()
    assert Sweep.objects.get().turns == 1
    assert retention.sweep(NOW).rows == {}


def test_a_project_that_keeps_longer_keeps_its_rows_and_the_month() -> None:
    short, long, ever = (factories.make_project() for _ in range(3))
    keep(short, 30, 30)
    keep(long, 365, None)
    keep(ever, None, 10)
    gone = make_turn(short, OLD)
    stays = make_turn(long, OLD)
    bare = make_turn(ever, OLD)
    swept = retention.sweep(NOW)
    assert not [name for name in swept.partitions if str(OLD.year) in name]
    assert swept.of(short.pk) == {"turns": 1, "calls": 1, "wires": 1, "conversations": 1}
    assert swept.of(ever.pk) == {"wires": 1}
    assert set(Turn.objects.values_list("pk", flat=True)) == {stays.pk, bare.pk}
    assert list(TurnWire.objects.values_list("pk", flat=True)) == [stays.pk]
    assert not Conversation.objects.filter(pk=gone.conversation_id).exists()


def test_foreseeing_removes_nothing() -> None:
    project = factories.make_project()
    make_turn(project, OLD)
    before = names()
    assert retention.sweep(NOW, dry_run=True).of(project.pk)["turns"] == 1
    assert names() == before
    assert (Turn.objects.count(), ToolCall.objects.count()) == (1, 1)


@pytest.mark.parametrize("keeps_longer", [False, True], ids=["dropped", "deleted"])
def test_a_turn_whose_parent_goes_is_whole_by_itself(keeps_longer: bool) -> None:
    project = factories.make_project()
    if keeps_longer:
        keep(factories.make_project(), 3650, 3650)
    first = make_turn(project, OLD, messages=[{"role": "user", "content": "One"}])
    second = make_turn(
        project,
        NOW - timedelta(days=1),
        conversation=first.conversation,
        parent_id=first.pk,
        messages=[{"role": "assistant", "content": "1"}, {"role": "user", "content": "Two"}],
        message_count=3,
    )
    third = make_turn(
        project,
        NOW,
        conversation=first.conversation,
        parent_id=second.pk,
        messages=[{"role": "user", "content": "Three"}],
        message_count=4,
    )
    whole = rebuild_messages(third)
    swept = retention.sweep(NOW)
    assert bool(swept.partitions) is not keeps_longer
    second.refresh_from_db()
    assert second.parent_id is None
    assert [one["content"] for one in json.load(second.messages)] == ["One", "1", "Two"]
    assert rebuild_messages(third) == whole
    assert Conversation.objects.filter(pk=first.conversation_id).exists()


def test_a_toolset_goes_once_two_sweeps_found_no_turn_of_it() -> None:
    project = factories.make_project()
    toolset = factories.make_toolset(factories.make_tool_version(project))
    make_turn(project, OLD, toolset=toolset)
    later = timezone.now() + timedelta(days=3650)
    for hours in (0, 24):
        retention.sweep(later + timedelta(hours=hours))
        assert Toolset.objects.filter(pk=toolset.pk).exists()
    retention.sweep(later + timedelta(hours=48))
    assert not Toolset.objects.filter(pk=toolset.pk).exists()


def test_batches_reach_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    project = factories.make_project()
    keep(factories.make_project(), None, None)
    for day in range(5):
        make_turn(project, OLD + timedelta(days=day))
    assert retention.sweep(NOW).of(project.pk) == {
        "turns": 5, "calls": 5, "wires": 5, "conversations": 5
    }  # fmt: skip
    assert not Turn.objects.exists()
