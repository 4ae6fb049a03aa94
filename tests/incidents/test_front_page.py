"""What the front page and the API of an incident say."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.lib import uuid7
from conversations.incidents.front import Front, read_front
from conversations.incidents.joining import add, join
from conversations.incidents.opening import open_incident
from conversations.incidents.records import Incident
from conversations.models import ToolCall, Turn
from conversations.search.reading import Hit
from tests import factories
from tests.factories import client_of, make_key
from tests.incidents.world import Night, make_night
from tools_registry.models import Router
from tools_registry.routing import RouterSpec

pytestmark = pytest.mark.django_db
REJECTED = "tool:get_weather verdict:rejected"


@pytest.fixture
def night() -> Night:
    return make_night()


def make(night: Night, **fields: Any) -> Incident:
    given: dict[str, Any] = {"query": REJECTED, "since": night.start - timedelta(minutes=5)}
    incident = open_incident(night.project, title="get_weather rejects", **(given | fields))
    join(incident)
    return incident


def front_of(night: Night, **fields: Any) -> Front:
    return read_front(make(night, **fields))


def test_the_renamed_parameter_is_the_first_suspect(night: Night) -> None:
    router = Router.objects.create(project=night.project, name="By domain")
    router.write(RouterSpec.from_json({"groups": [{"name": "weather", "tools": ["x"]}]}), None)
    front = front_of(night)
    card = front.cards[0]
    assert (card.name, card.number, card.suspect.grade) == ("get_weather", 2, "likely")
    said = " ".join(line.text for line in card.lines)
    assert "20 of 20" in said and "0 of 2" in said and "temprature" in said
    assert {line.tag for line in card.lines} == {"", "breaking", "lint"}
    assert [row.left is not None or row.right is not None for row in card.diff]
    assert front.step.act == "replay" and "v1" in front.step.text


def test_its_impact_has_a_base_and_what_is_usual(night: Night) -> None:
    impact = front_of(night).impact
    assert (impact.count, impact.base, impact.conversations) == (20, 41, 20)
    assert impact.usual is not None and (impact.usual.part, impact.usual.whole) == (0, 119)
    assert impact.interval is not None and 0.33 < impact.interval[0] < 0.5 < impact.interval[1]
    assert float(impact.cost or 0) == pytest.approx(0.06) and impact.unpriced == 0
    assert impact.users > 1 and impact.recovered == 0


def test_a_new_model_with_the_same_calls_is_not_taken_for_the_version(night: Night) -> None:
    """The definition is harmless here: both versions mean the same to a call."""
    ToolCall.objects.filter(project=night.project).update(tool_version=night.v1)
    ToolCall.objects.filter(verdict="rejected").update(model="gpt-4-0409")
    for toolset in night.sets.values():
        toolset.versions = [night.v1.pk]
        toolset.save()
    front = front_of(night)
    first = front.cards[0].suspect
    assert (first.kind, first.key, first.grade) == ("model", "gpt-4-0409", "likely")


def test_it_says_what_was_compared_where_nothing_changed(night: Night) -> None:
    ToolCall.objects.filter(project=night.project).update(tool_version=night.v1)
    for toolset in night.sets.values():
        toolset.versions = [night.v1.pk]
        toolset.save()
    shared = night.sets[night.v1.pk]
    Turn.objects.filter(project=night.project).update(toolset=shared)
    front = front_of(night)
    assert front.judged.ranking.first is None and front.judged.ranking.has_risen
    said = "".join(text for _, text in front.answer)
    assert "nothing that is recorded changed" in said
    assert "1 tool version, 1 model, 1 provider" in front.compared


def test_an_incident_by_hand_is_compared_with_calls_of_its_tools(night: Night) -> None:
    incident = open_incident(night.project, title="By hand", query="", since=night.start)
    bad = ToolCall.objects.filter(project=night.project, verdict="rejected")
    hits = [Hit(*row) for row in bad.values_list("pk", "conversation_id")]
    add(incident, hits, calls=True)
    front = read_front(incident)
    assert front.impact.base == 40 and front.cards[0].number == 2
    assert front.matches == ""


def test_the_timeline_writes_itself(night: Night) -> None:
    texts = [entry.text for entry in front_of(night, alert="87% in 5 min").timeline]
    assert texts == [
        "Opened",
        "87% in 5 min",
        "Last bad call so far",
        "First bad call",
        "get_weather v2 first seen",
    ]


def test_turns_and_conversations_can_be_incidents_too(night: Night) -> None:
    for kind in ("turns", "conversations"):
        front = front_of(night, kind=kind, query="verdict:rejected")
        assert (front.impact.noun, front.impact.count, front.impact.base) == ("turn", 20, 41)
        assert front.cards[0].number == 2


def test_it_stands_calls_that_are_gone_and_filters_without_matches(night: Night) -> None:
    incident = make(night)
    ToolCall.objects.filter(project=night.project).delete()
    page = client_of(factories.make_member(night.project)).get(url(night, f"{incident.number}/"))
    assert page.status_code == 200
    assert front_of(night, query="tool:nothing").step.act == "widen"


# ---- pages


def url(night: Night, rest: str = "") -> str:
    return f"/p/{night.project.slug}/incidents/{rest}"


def test_the_page_shows_it_all(night: Night) -> None:
    incident = make(night, alert="Rejected share over 20%", alert_url="/p/x/alerts/3/")
    page = client_of(factories.make_member(night.project)).get(url(night, f"{incident.number}/"))
    text = page.content.decode()
    for said in ("INC-1", "Rejected share over 20%", "unexpected_parameter", "temprature",
                 f"replays/new/?incident={incident.number}", "What is the weather in"):  # fmt: skip
        assert said in text
    assert "style=" not in text


def test_a_selection_becomes_an_incident(night: Night) -> None:
    browser = client_of(factories.make_member(night.project, "responder"))
    asked = browser.get(url(night, "new/"), {"kind": "calls", "q": f"{REJECTED} time:24h"})
    assert "get_weather: rejected calls" in asked.content.decode()
    made = browser.post(
        url(night, "open/"), {"kind": "calls", "q": f"{REJECTED} time:24h", "title": "A night"}
    )
    incident = Incident.objects.get()
    assert made["Location"] == url(night, f"{incident.number}/")
    assert (incident.title, incident.query, incident.turns.count()) == ("A night", REJECTED, 20)


def test_checked_rows_go_into_a_new_or_an_open_one(night: Night) -> None:
    browser = client_of(factories.make_member(night.project))
    ids = [str(pk) for pk in ToolCall.objects.order_by("-pk").values_list("pk", flat=True)[:3]]
    browser.post(url(night, "open/"), {"kind": "calls", "id": ids[:2], "title": "Two"})
    incident = Incident.objects.get()
    assert incident.turns.count() == 2 and incident.query == ""
    browser.post(url(night, "open/"), {"kind": "calls", "id": ids, "incident": incident.number})
    assert incident.turns.count() == 3


@pytest.mark.parametrize(
    ("posted", "status"),
    [
        ({"kind": "calls", "q": "verdict:rejekted"}, 422),
        ({"kind": "calls", "q": ""}, 422),
        ({"kind": "calls", "q": REJECTED, "since": "2999-01-01T00:00"}, 422),
        ({"kind": "calls", "q": REJECTED, "severity": "dire"}, 422),
        ({"kind": "nothing", "q": REJECTED}, 404),
        ({"kind": "calls", "id": "x"}, 404),
    ],
)
def test_it_refuses_what_is_no_selection(night: Night, posted: dict[str, str], status: int) -> None:
    browser = client_of(factories.make_member(night.project))
    assert browser.post(url(night, "open/"), posted).status_code == status
    assert not Incident.objects.exists()


def test_its_steps_are_taken_on_the_page(night: Night) -> None:
    member = factories.make_member(night.project)
    browser, incident = client_of(member), make(night)
    at = url(night, f"{incident.number}/")
    browser.post(f"{at}status/", {"status": "acknowledged"})
    browser.post(f"{at}note/", {"text": "The deployment of 02:43 <b>did it</b>"})
    owner = {"owner": member.user.pk, "severity": "critical", "title": "Renamed", "cause": "v2"}
    browser.post(f"{at}edit/", owner)
    browser.post(f"{at}watch/")
    incident.refresh_from_db()
    assert (incident.status, incident.owner, incident.severity) == (
        "acknowledged", member.user, "critical",
    )  # fmt: skip
    assert not incident.watchers.filter(pk=member.user.pk).exists()
    text = browser.get(at).content.decode()
    assert "&lt;b&gt;did it&lt;/b&gt;" in text and "Cause noted" in text
    listed = browser.get(url(night), {"show": "mine"}).content.decode()
    assert "Renamed" in listed


def test_a_viewer_reads_and_changes_nothing(night: Night) -> None:
    browser, incident = client_of(factories.make_member(night.project, "viewer")), make(night)
    at = url(night, f"{incident.number}/")
    assert b"Resolve" not in browser.get(at).content
    assert browser.post(f"{at}status/", {"status": "resolved"}).status_code == 403


# ---- programs


def call(night: Night, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    key = make_key(night.project, scopes=["read", "replay"])[1]
    answer = Client().generic(
        method,
        f"/api/v1/incidents{path}",
        json.dumps(body) if body is not None else "",
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == status, answer.content
    return answer.json()


def test_programs_open_follow_and_close_an_incident(night: Night) -> None:
    body = {"title": "By a program", "filter": REJECTED, "since": night.start.isoformat()}
    made = call(night, "POST", "", body, 201)
    assert made["impact"]["count"] == 20 and made["opened_by"] == "a key"
    assert made["suspects"][0]["name"] == "get_weather" and made["suspects"][0]["version"] == 2
    at = f"/{made['number']}"
    assert len(call(night, "GET", f"{at}/turns")["turns"]) == 20
    call(night, "POST", f"{at}/notes", {"text": "Rolled back"}, 201)
    assert call(night, "PATCH", at, {"status": "resolved"})["status"] == "resolved"
    assert call(night, "GET", "?status=resolved")["incidents"][0]["number"] == made["number"]
    assert not call(night, "GET", "?status=open")["incidents"]


def test_programs_add_turns_by_the_ids_that_they_sent(night: Night) -> None:
    turn = factories.make_turn(factories.make_conversation(night.project))
    body = {"title": "x", "turns": [str(turn.pk)], "since": timezone.now().isoformat()}
    made = call(night, "POST", "", body, 201)
    assert made["impact"]["count"] == 1
    assert call(night, "POST", f"/{made['number']}/turns", {"turns": [str(turn.pk)]}) == {
        "added": 0
    }


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"title": "x", "since": "2024-01-01T00:00:00Z"}, 422, "nothing_selected"),
        ({"title": "x", "since": "2024-01-01T00:00:00Z", "filter": "a:b"}, 422, "bad_filter"),
        ({"title": "x", "since": "2999-01-01T00:00:00Z", "filter": "x"}, 422, "bad_times"),
        ({"title": "x", "since": "2024-01-01T00:00:00Z", "turns": ["no"]}, 404, "turn_not_found"),
    ],
)
def test_it_tells_programs_what_is_wrong(
    night: Night, body: dict[str, Any], status: int, code: str
) -> None:
    assert call(night, "POST", "", body, status)["code"] == code


def test_a_sample_after_rounds_of_tools_says_what_the_user_asked(night: Night) -> None:
    call = ToolCall.objects.filter(verdict="rejected").latest("at")
    turn = Turn.objects.get(pk=call.turn_id)
    result = json.dumps([{"role": "tool", "tool_call_id": "k", "content": "sunny"}])
    for number in (2, 3):
        turn = replace_with_next(turn, number, result)
    ToolCall.objects.filter(pk=call.pk).update(turn_id=turn.pk)
    sample = front_of(night).samples[0]
    assert sample.turn.pk == turn.pk
    assert sample.said.startswith("What is the weather in ")


def replace_with_next(parent: Turn, number: int, messages: str) -> Turn:
    """A turn as the given one that goes on after it."""
    turn = Turn.objects.get(pk=parent.pk)
    turn.pk, turn.key = uuid7.of(parent.at, f"t{number}"), f"{parent.key}-{number}"
    turn.number, turn.parent_id, turn.messages = number, parent.pk, messages
    turn.save(force_insert=True)
    return turn
