"""After the fix: the winner is published with its replay as evidence, the rate is checked, the
incident closed, and opened again when it recurs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from console.lib import json
from conversations.incidents.afterwards import check, read_proofs, reopen_recurring
from conversations.incidents.lifecycle import set_status
from conversations.incidents.records import Incident
from conversations.models import ToolCall
from conversations.tasks import reopen_incidents
from tests.factories import People, client_of, make_people
from tests.incidents.world import Night, add_calls
from tests.postmortem.making import make_incident, make_replay
from tools_registry.models import ToolVersion
from tools_registry.publishing import start_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return make_people()


def at(incident: Incident, name: str) -> str:
    args = [incident.project.slug, incident.number]
    return reverse(f"conversations:incident-{name}", args=args)


def publish(people: People, incident: Incident, **more: Any) -> Any:
    variant = read_proofs(incident)[0].variant.pk
    return client_of(people.bob).post(at(incident, "publish"), {"variant": variant, **more})


def bring(night: Night, version: ToolVersion, *, bad: int = 0, good: int = 0) -> None:
    """Calls of this version after the fix, in the seconds up to now."""
    now = timezone.now()
    moments = [now - timedelta(milliseconds=20 * n + 20) for n in range(bad + good)]
    night.v1 = version
    night.sets.setdefault(version.pk, night.sets[night.v2.pk])
    add_calls(night, [(moment, n < bad) for n, moment in enumerate(moments)])
    version.last_seen_at = now
    version.save(update_fields=["last_seen_at"])


def backdate(incident: Incident) -> None:
    """As if the fix was published, and the incident resolved, a minute ago."""
    moment = timezone.now() - timedelta(minutes=1)
    incident.events.filter(kind__in=["published", "resolved"]).update(at=moment)
    Incident.objects.filter(pk=incident.pk, status="resolved").update(resolved_at=moment)
    incident.refresh_from_db()


def test_the_winner_is_published_with_its_replay_as_evidence(people: People) -> None:
    night, incident = make_incident(people.project)
    replay = make_replay(incident, fixed=3)
    page = client_of(people.bob).get(at(incident, "afterwards")).content.decode()
    assert "Publish get_weather v3" in page
    assert publish(people, incident).status_code == 302
    version = night.v2.tool.published
    assert version is not None
    assert version.number == 3
    (evidence,) = version.events.get().evidence
    assert evidence["name"] == "RPL-31"
    assert evidence["url"].endswith(f"/replays/{replay.number}/")
    assert "3 of 4" in evidence["text"]
    assert incident.events.get(kind="published").detail["version"] == version.pk
    url = reverse("tools_registry:version-detail", args=[people.project.slug, "get_weather", 3])
    assert "RPL-31" in client_of(people.vera).get(url).content.decode()
    again = client_of(people.bob).get(at(incident, "afterwards")).content.decode()
    assert "is published." in again


def test_an_open_draft_of_the_winner_becomes_the_version(people: People) -> None:
    night, incident = make_incident(people.project)
    replay = make_replay(incident)
    tool = replay.variants.get(position=1).value.replaced["get_weather"]
    assert not isinstance(tool, int)
    draft = start_draft(people.project, json.dump(tool["function"]), user=None, tool=night.v2.tool)
    publish(people, incident)
    draft.refresh_from_db()
    assert draft.version == night.v2.tool.published


def test_a_responder_cannot_publish(people: People) -> None:
    _, incident = make_incident(people.project)
    make_replay(incident)
    variant = read_proofs(incident)[0].variant.pk
    assert (
        client_of(people.rita).post(at(incident, "publish"), {"variant": variant}).status_code
        == 403
    )


def test_the_check_says_step_by_step_what_is_missing_and_then_that_the_rate_is_down(
    people: People,
) -> None:
    night, incident = make_incident(people.project)
    make_replay(incident)
    assert check(incident).text.startswith("No fix is noted")
    publish(people, incident)
    backdate(incident)
    assert "deploy it" in check(incident).text
    version = night.v2.tool.published
    assert version is not None
    bring(night, version, good=3)
    assert "further calls without one would tell" in check(incident).text
    bring(night, version, good=30)
    found = check(incident)
    assert found.is_down
    assert found.text.startswith("The misfire rate is down by 50 points")
    client_of(people.rita).post(at(incident, "close"), {"note": "v3 is out"})
    incident.refresh_from_db()
    event = incident.events.get(kind="resolved")
    assert incident.status == "resolved"
    assert event.text.startswith("v3 is out The misfire rate is down")
    assert event.detail["after"][0] == 0


def test_it_opens_again_by_itself_when_it_recurs(people: People) -> None:
    night, incident = make_incident(people.project)
    make_replay(incident)
    publish(people, incident)
    backdate(incident)
    version = night.v2.tool.published
    assert version is not None
    bring(night, version, good=40)
    client_of(people.rita).post(at(incident, "close"))
    backdate(incident)
    assert reopen_recurring() == 0
    bring(night, version, bad=2)
    assert reopen_recurring() == 0, "two are not enough to say so"
    ToolCall.objects.filter(verdict="rejected", at__gte=incident.resolved_at).delete()
    bring(night, version, bad=20, good=5)
    assert reopen_incidents() == 1
    incident.refresh_from_db()
    assert (incident.status, incident.recurrences) == ("open", 1)
    assert incident.events.get(kind="reopened").text.startswith("It is back: 20 of ")


def test_one_that_was_resolved_without_a_check_is_held_against_the_day_before(
    people: People,
) -> None:
    night, incident = make_incident(people.project)
    set_status(incident, "resolved")
    backdate(incident)
    bring(night, night.v1, bad=6, good=6)
    assert reopen_recurring() == 1


def test_an_incident_without_a_filter_says_that_nothing_can_be_counted(people: People) -> None:
    _, incident = make_incident(people.project)
    Incident.objects.filter(pk=incident.pk).update(query="", mitigated_at=timezone.now())
    incident.refresh_from_db()
    assert "no filter" in check(incident).text
