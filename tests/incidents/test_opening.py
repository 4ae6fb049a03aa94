"""Opening incidents by hand and by alert, what joins them, and how they go on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from conversations.incidents import lifecycle
from conversations.incidents.joining import add, join, join_all, turns_of
from conversations.incidents.lifecycle import BadStep
from conversations.incidents.opening import open_incident, open_or_join
from conversations.incidents.records import Incident
from conversations.search.query import BadQuery
from conversations.search.reading import Hit
from tests import factories
from tests.incidents.world import Night, add_calls, make_night

pytestmark = pytest.mark.django_db
REJECTED = "tool:get_weather verdict:rejected"


@pytest.fixture
def night() -> Night:
    return make_night()


def opened(night: Night, **fields: object) -> Incident:
    given = {"title": "get_weather rejects calls", "query": REJECTED, "since": night.start}
    return open_incident(night.project, **(given | fields))  # type: ignore[arg-type]


def alert(night: Night, key: str = "rule-3") -> tuple[Incident, bool]:
    return open_or_join(
        night.project,
        alert_key=key,
        title="Rejected share of get_weather",
        query=REJECTED,
        since=night.start,
        alert="50% in 5 min, limit 20%",
        alert_url="/p/x/alerts/3/",
    )


def kinds(incident: Incident) -> list[str]:
    return list(incident.events.order_by("pk").values_list("kind", flat=True))


def test_incidents_of_a_project_are_numbered(night: Night) -> None:
    numbers = [opened(night).number, opened(night).number]
    other = open_incident(factories.make_project(), title="x", since=night.start)
    assert numbers == [1, 2] and other.number == 1 and other.name == "INC-1"


def test_the_filter_is_kept_without_its_time(night: Night) -> None:
    assert opened(night, query=f"{REJECTED} time:24h").query == REJECTED
    with pytest.raises(BadQuery):
        opened(night, query="verdict:rejekted")


def test_whoever_opens_it_watches_it(night: Night) -> None:
    member = factories.make_member(night.project)
    assert list(opened(night, by=member.user).watchers.all()) == [member.user]


def test_what_matches_joins_once(night: Night) -> None:
    incident = opened(night)
    assert join(incident) == 20 and join(incident) == 0
    assert len(turns_of(incident)) == len(set(turns_of(incident))) == 20
    assert set(incident.turns.values_list("how", flat=True)) == {"filter"}


def test_later_and_late_turns_join_by_the_beat(night: Night) -> None:
    incident = opened(night)
    join_all()
    now = timezone.now()
    add_calls(night, [(now, True), (night.start + timedelta(seconds=1), True)])
    earlier = now - timedelta(seconds=5)
    add_calls(night, [(earlier, False), (night.start - timedelta(seconds=9), True)])
    assert join_all() == 2 and incident.turns.count() == 22


def test_nothing_joins_what_is_resolved_or_by_hand(night: Night) -> None:
    closed, by_hand = opened(night), opened(night, query="")
    lifecycle.set_status(closed, "resolved")
    assert join_all() == 0
    assert closed.until is not None and not by_hand.turns.exists()


def test_a_turn_added_by_hand_is_in_it_once(night: Night) -> None:
    incident = opened(night, query="")
    turn = factories.make_turn(factories.make_conversation(night.project))
    hits = [Hit(turn.pk, turn.conversation_id)]
    assert add(incident, hits, calls=False) == 1
    assert add(incident, hits, calls=False) == 0
    assert turns_of(incident) == [turn.pk] and kinds(incident) == ["opened", "joined"]


def test_an_alert_joins_what_it_opened(night: Night) -> None:
    first, is_new = alert(night)
    again, is_other = alert(night)
    assert is_new and not is_other and first.pk == again.pk
    assert kinds(first) == ["alert", "opened", "alert"]
    assert alert(night, "rule-4")[0].pk != first.pk


def test_an_alert_reopens_what_was_resolved_lately(night: Night) -> None:
    first, _ = alert(night)
    lifecycle.set_status(first, "resolved")
    again, is_new = alert(night)
    assert again.pk == first.pk and not is_new
    assert (again.status, again.recurrences, again.until) == ("open", 1, None)
    assert kinds(again)[-2:] == ["alert", "reopened"]


def test_an_alert_of_what_was_resolved_long_ago_is_a_new_incident(night: Night) -> None:
    first, _ = alert(night)
    lifecycle.set_status(first, "resolved")
    Incident.objects.update(resolved_at=timezone.now() - timedelta(days=31))
    again, is_new = alert(night)
    assert is_new and again.number == first.number + 1


def test_every_step_is_an_event_with_its_author(night: Night) -> None:
    member, incident = factories.make_member(night.project), opened(night)
    for status in ("acknowledged", "mitigated", "resolved"):
        assert lifecycle.set_status(incident, status, by=member.user)
        assert not lifecycle.set_status(incident, status, by=member.user)
    lifecycle.reopen(incident, reason="It came back")
    assert kinds(incident) == ["opened", "acknowledged", "mitigated", "resolved", "reopened"]
    assert incident.acknowledged_at and not incident.resolved_at
    assert incident.events.filter(author=member.user).count() == 3


@pytest.mark.parametrize(
    "step",
    [
        lambda incident: lifecycle.set_status(incident, "gone"),
        lambda incident: lifecycle.set_severity(incident, "dire"),
        lambda incident: lifecycle.rename(incident, "  "),
    ],
)
def test_it_refuses_steps_that_are_none(night: Night, step: object) -> None:
    with pytest.raises(BadStep):
        step(opened(night))  # type: ignore[operator]


def test_an_owner_watches_what_is_assigned(night: Night) -> None:
    member, incident = factories.make_member(night.project), opened(night)
    lifecycle.assign(incident, member.user)
    assert incident.owner == member.user and incident.watchers.count() == 1
    lifecycle.assign(incident, None)
    assert incident.owner is None and kinds(incident) == ["opened", "changed", "changed"]
