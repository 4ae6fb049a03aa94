"""Stored turns are priced again as a visible act: looked at, written once, and kept as an event."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from analytics.costs.figures import read_spent, total
from analytics.filters import Filter
from analytics.repricing import engine
from analytics.repricing.records import Repricing
from analytics.repricing.tally import Tally
from analytics.spans import DAY, Span
from console.lib import json
from conversations.models import Turn
from conversations.price_forms import change_prices
from conversations.price_overrides import Override
from tests.costs.world import add_turn, compute
from tests.factories import (
    People,
    client_of,
    make_connection,
    make_conversation,
    make_people,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = Span(START, START + timedelta(days=1), DAY)
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100}
LISTED = Decimal("0.0035")


@pytest.fixture
def people() -> People:
    """A project with three turns: one unpriced, one with a wrong price, one of no known model."""
    people = make_people()
    talk = make_conversation(people.project, source="api")
    for minute, (model, cost) in enumerate(
        [("gpt-4o", None), ("gpt-4o", Decimal(1)), ("nobody", Decimal(7))]
    ):
        add_turn(
            talk, START + timedelta(minutes=minute), model=model, cost=cost, usage=USAGE,
            provider="openai", price='{"source": "old"}',
        )  # fmt: skip
    compute()
    return people


def _run(row: Repricing) -> Repricing:
    row.refresh_from_db()
    while not engine.advance(row.pk, row.chain):
        pass
    row.refresh_from_db()
    return row


def _choice(**fields: object) -> engine.Choice:
    return engine.Choice(SPAN.since, SPAN.until, **fields)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_it_looks_first_and_then_writes_with_before_and_after(people: People) -> None:
    row = _run(engine.start(people.project, _choice(), people.bob.user))
    told = Tally.from_json(row.told).whole
    assert row.status == "previewed"
    assert (told.turns, told.changed, told.kept) == (3, 2, 1)
    assert (told.before, told.after) == (Decimal(8), 7 + 2 * LISTED)
    assert (told.unpriced_before, told.unpriced_after) == (1, 0)
    assert set(Turn.objects.values_list("cost", flat=True)) == {None, 1, 7}

    assert engine.apply(row, people.bob.user) and not engine.apply(row, people.bob.user)
    row = _run(row)
    assert (row.status, row.applied_by) == ("applied", people.bob.user)
    assert Tally.from_json(row.told).whole == told
    compute()
    assert total(read_spent(people.project, Filter(), SPAN)).model == 7 + 2 * LISTED
    turns = list(Turn.objects.order_by("at"))
    former = [json.load(turn.price).get("former") for turn in turns]
    assert [turn.cost for turn in turns] == [LISTED, LISTED, 7]
    assert [held and held["cost"] for held in former] == [None, "1.000000000", None]
    assert former[1]["source"] == "old" and former[1]["repricing"] == str(row.pk)

    again = _run(engine.start(people.project, _choice(), people.bob.user))
    assert Tally.from_json(again.told).whole.changed == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "turns"), [({"model": "nobody"}, 1), ({"only_unpriced": True}, 1), ({}, 3)]
)
def test_it_takes_the_turns_that_are_asked_for(
    people: People, fields: dict[str, object], turns: int
) -> None:
    row = _run(engine.start(people.project, _choice(**fields), people.bob.user))
    assert Tally.from_json(row.told).whole.turns == turns == row.total


@pytest.mark.django_db
def test_a_connections_own_price_counts_from_its_day_on(people: People) -> None:
    connection = make_connection(people.project, name="mine", protocol="openai")
    change_prices(
        connection, lambda held: [Override("gpt-4o", date(2026, 2, 1), {"input": Decimal(1000)})]
    )
    talk = make_conversation(people.project, source="api")
    add_turn(talk, START, model="gpt-4o", connection=connection, usage=USAGE, provider="mine")
    row = _run(engine.start(people.project, _choice(connection=connection), people.bob.user))
    whole = Tally.from_json(row.told).whole
    assert (whole.turns, whole.after) == (1, Decimal(1))


@pytest.mark.django_db
def test_many_batches_count_once_and_stop_when_asked(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BATCH", 1)
    row = engine.start(people.project, _choice(), people.bob.user)
    for _ in range(2):
        assert not engine.advance(row.pk, row.chain)
    row.refresh_from_db()
    assert (row.done, row.total) == (1, 3)
    assert engine.cancel(row)
    assert _run(row).status == "cancelled" and not engine.cancel(row)
    row = _run(engine.start(people.project, _choice(), people.bob.user))
    assert (row.status, row.done) == ("previewed", 3)


@pytest.mark.django_db
def test_another_worker_goes_on_where_one_is_gone(people: People) -> None:
    row = engine.start(people.project, _choice(), people.bob.user)
    assert engine.take_stalled() == []
    Repricing.objects.update(touched_at=START)
    assert engine.take_stalled() == [(row.pk, 1)]
    assert engine.advance(row.pk, 0)
    row.refresh_from_db()
    assert row.done == 0
    assert _run(row).status == "previewed"


@pytest.mark.django_db(transaction=True)
def test_two_that_write_at_once_tell_what_each_changed(people: People) -> None:
    user = people.bob.user
    rows = [_run(engine.start(people.project, _choice(), user)) for _ in range(2)]
    for row in rows:
        assert engine.apply(row, user)
        row.refresh_from_db()
        engine.advance(row.pk, row.chain)
    done: list[bool] = []

    def run() -> None:
        try:
            done.append(engine.run(rows[1].pk, rows[1].chain, seconds=10))
        finally:
            connection.close()

    other = threading.Thread(target=run)
    with transaction.atomic():
        assert engine.advance(rows[0].pk, rows[0].chain)
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join(20)
    for row in rows:
        row.refresh_from_db()
    first, second = (Tally.from_json(row.told).whole for row in rows)
    assert done == [True] and (first.changed, second.changed) == (2, 0)
    assert (first.before, second.before) == (Decimal(8), 7 + 2 * LISTED)
    kept = [json.load(turn.price) for turn in Turn.objects.filter(model="gpt-4o")]
    assert {price["former"]["repricing"] for price in kept} == {str(rows[0].pk)}


@pytest.mark.django_db
def test_its_pages_start_show_and_apply_it(people: People) -> None:
    path = f"/p/{people.project.slug}/analytics/cost/repricing/"
    given = {"since": "2026-03-01T00:00", "until": "2026-03-02T00:00", "model": ""}
    client = client_of(people.bob)
    for wrong in ({"since": "x"}, {"until": "2026-01-01T00:00"}, {"connection": "999"}):
        assert client.post(f"{path}start/", given | wrong).status_code == 422
    assert client_of(people.rita).post(f"{path}start/", given).status_code == 403
    answer = client.post(f"{path}start/", given)
    assert answer.status_code == 302
    row = _run(Repricing.objects.get())
    page = client.get(answer["Location"]).content.decode()
    assert "Write 2 prices" in page and "$8.00" in page
    assert client_of(people.rita).post(f"{path}{row.pk}/apply/").status_code == 403
    client.post(f"{path}{row.pk}/apply/")
    assert _run(row).status == "applied"
    assert "Before and after" in client.get(f"{path}{row.pk}/").content.decode()
    assert str(people.bob.user) in client.get(path).content.decode()
    assert client_of(people.charlie).get(f"{path}{row.pk}/").status_code == 404


@pytest.mark.django_db
def test_a_connections_prices_are_added_and_removed_on_its_page() -> None:
    people = make_people()
    connection = make_connection(people.project, name="mine")
    path = f"/p/{people.project.slug}/connections/{connection.pk}/prices/"
    client = client_of(people.bob)
    given = {"model": "gpt-4o*", "since": "2026-03-01", "input": "2.5", "output": "10"}
    for wrong in ({"model": "a*b"}, {"since": ""}, {"input": "-1"}, {"input": "", "output": ""}):
        assert client.post(path, given | wrong).status_code == 422
    assert client.post(path, given).status_code == 302
    page = client.get(path).content.decode()
    assert "gpt-4o*" in page and "$2.5/input MTok" in page
    client.post(f"{path}remove/", {"model": "gpt-4o*", "since": "2026-03-01"})
    assert "No own price" in client.get(path).content.decode()
    assert client_of(people.rita).get(path).status_code == 403
    assert client_of(people.charlie).get(path).status_code == 404
