"""Keyset pages over real rows: every row once, whatever the ties, and no page from nowhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.lib.pages import BadCursor, read_page
from conversations.models import Conversation
from tests import factories

pytestmark = pytest.mark.django_db
FIELDS = ("last_at", "id")
NOON = datetime(2024, 2, 3, 12, tzinfo=UTC)


def make(times: list[int]) -> None:
    project = factories.make_project()
    for second in times:
        at = NOON + timedelta(seconds=second, microseconds=7)
        factories.make_conversation(project, started_at=at, last_at=at)


@pytest.mark.parametrize("times", [[], [1], [3, 1, 2], [5, 5, 5, 5, 5], [1, 2, 2, 2, 3, 3]])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_row_comes_once_and_newest_first(times: list[int], size: int) -> None:
    make(times)
    rows, cursor = Conversation.objects.all(), ""
    seen: list[Conversation] = []
    while True:
        page = read_page(rows, FIELDS, cursor, size)
        seen += page.rows
        cursor = page.older
        if not cursor:
            break
    assert seen == list(rows.order_by("-last_at", "-id"))


def test_a_row_that_arrives_meanwhile_moves_nothing() -> None:
    make([1, 2, 3, 4])
    first = read_page(Conversation.objects.all(), FIELDS, "", 2)
    make([9])
    second = read_page(Conversation.objects.all(), FIELDS, first.older, 2)
    assert not set(first.rows) & set(second.rows)
    assert len(second.rows) == 2


@pytest.mark.parametrize("cursor", ["x", "~", "2024-02-03", "never~never", "~~~", "2024-02-03~x"])
def test_a_cursor_that_no_page_gave_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        read_page(Conversation.objects.all(), FIELDS, cursor)
