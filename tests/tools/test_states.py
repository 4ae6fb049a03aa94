"""Published, retired, observed: who changed it and why, and what charts are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.lib import json
from tests.factories import WEATHER, People, client_of, make_people, make_tool_version
from tools_registry.models import Policy, Router, ToolVersion, VersionEvent
from tools_registry.policies import PolicySpec
from tools_registry.publishing import publications, republish, retire
from tools_registry.registry import current_versions, record_toolset, register
from tools_registry.routing.spec import RouterSpec
from tools_registry.specs import ToolSpec

pytestmark = pytest.mark.django_db
SPEC = ToolSpec.from_json(WEATHER)
OTHER = ToolSpec.from_json(WEATHER | {"description": "Other words."})


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def bob(people: People) -> Client:
    return client_of(people.bob)


def url(people: People, name: str, *args: Any) -> str:
    return reverse(f"tools_registry:{name}", args=[people.project.slug, *args])


def test_registering_publishes_and_observing_does_not(people: People) -> None:
    observed, _ = register(people.project, SPEC, origin="observed")
    assert (observed.state, observed.events.count()) == ("observed", 0)
    again, is_new = register(people.project, SPEC, user=people.bob.user, note="it is ours")
    assert (again, is_new, again.state) == (observed, False, "published")
    register(people.project, SPEC, user=people.bob.user)
    event = observed.events.get()
    assert (event.kind, event.by, event.note) == ("published", people.bob.user, "it is ours")


def test_traffic_does_not_bring_a_retired_version_back(people: People) -> None:
    version, _ = register(people.project, SPEC)
    retire(version, user=people.bob.user)
    record_toolset(people.project, [{"type": "function", "function": WEATHER}])
    version.refresh_from_db()
    assert version.state == "retired" and version.last_seen_at
    register(people.project, SPEC)
    version.refresh_from_db()
    assert version.state == "published"


def test_the_current_version_is_the_newest_that_is_not_retired(people: People) -> None:
    first, _ = register(people.project, SPEC)
    second, _ = register(people.project, OTHER)
    tool = first.tool
    assert tool.current == second
    retire(second, user=people.bob.user, note="broken")
    assert tool.current == first
    assert current_versions([tool])[tool.pk] == first
    retire(first, user=people.bob.user)
    assert tool.current is None
    assert current_versions([tool])[tool.pk] == first
    republish(second, user=people.bob.user)
    assert tool.current == second


def test_a_version_is_retired_and_published_again_on_its_page(people: People, bob: Client) -> None:
    register(people.project, SPEC, user=people.alice.user)
    answer = bob.post(
        url(people, "version-retire", "get_weather", 1), {"note": "nobody wants it"}, follow=True
    )
    page = answer.content.decode()
    assert "v1 is retired" in page and "nobody wants it" in page
    assert "does not offer it" in page
    page = bob.post(
        url(people, "version-publish", "get_weather", 1), {"note": "oh"}, follow=True
    ).content.decode()
    assert "v1 is published." in page and "does not offer it" not in page
    kinds = [event.kind for event in VersionEvent.objects.order_by("pk")]
    assert kinds == ["published", "retired", "published"]
    for person in (people.vera, people.rita):
        for name in ("version-retire", "version-publish"):
            address = url(people, name, "get_weather", 1)
            assert client_of(person).post(address).status_code == 403


def test_a_retired_version_is_not_offered_in_the_playground(people: People, bob: Client) -> None:
    register(people.project, SPEC)
    version, _ = register(people.project, OTHER)
    address = reverse("conversations:playground", args=[people.project.slug])
    assert "Other words." in bob.get(address).content.decode()
    retire(version, user=people.bob.user)
    page = bob.get(address).content.decode()
    assert "Other words." not in page and "The weather of a city now." in page


def test_the_timeline_says_what_was_done_to_each_version(people: People, bob: Client) -> None:
    version, _ = register(people.project, SPEC, user=people.bob.user, note="first <b>")
    retire(version, user=people.alice.user, note="too vague")
    register(people.project, OTHER, origin="observed")
    page = bob.get(url(people, "tool-versions", "get_weather")).content.decode()
    assert "by Bob" in page and "first &lt;b&gt;" in page
    assert "Retired" in page and "too vague" in page
    assert "First seen in traffic" in page
    assert page.index(">v2<") < page.index(">v1<")
    older = bob.get(url(people, "tool-versions", "get_weather") + "?before=2").content.decode()
    assert ">v2<" not in older and ">v1<" in older


def test_charts_are_told_what_happened_between_two_times(people: People) -> None:
    start = datetime(2026, 2, 3, tzinfo=UTC)
    version, _ = register(people.project, SPEC, user=people.bob.user, note="first")
    retire(version, user=people.alice.user)
    for hours, kind in enumerate(("published", "retired")):
        at = start + timedelta(hours=hours)
        VersionEvent.objects.filter(kind=kind).update(at=at)
    seen = make_tool_version(
        people.project, OTHER, origin="observed", first_seen_at=start + timedelta(minutes=43)
    )
    make_tool_version(make_people().project, OTHER, first_seen_at=start)
    told = publications(people.project, start, start + timedelta(days=1))
    assert [(one.kind, one.number, one.by) for one in told] == [
        ("published", 1, "Bob"),
        ("first_seen", seen.number, ""),
        ("retired", 1, "Alice"),
    ]
    assert (told[0].tool, told[0].note, told[0].row) == ("get_weather", "first", version.pk)
    assert publications(people.project, start, start + timedelta(hours=1)) == told[:2]
    assert publications(people.project, timezone.now(), timezone.now()) == []


def test_charts_are_told_of_policies_and_routers_too(people: People, bob: Client) -> None:
    began = timezone.now()
    version, _ = register(people.project, SPEC, user=people.bob.user)
    tool = version.tool
    for number in (1, 2):
        policy = Policy(project=people.project, tool=tool, number=number, note=f"p{number}")
        policy.write(PolicySpec())
        policy.save()
        policy.publish(people.bob.user)
    policy.retire(people.alice.user)
    router = Router.objects.create(project=people.project, name="By domain")
    router.write(RouterSpec(), people.alice.user, "two domains")
    told = publications(people.project, began, timezone.now())
    assert [(one.kind, one.name, one.by, one.note) for one in told] == [
        ("published", "get_weather v1", "Bob", ""),
        ("published", "get_weather policy 1", "Bob", "p1"),
        ("published", "get_weather policy 2", "Bob", "p2"),
        ("retired", "get_weather policy 2", "Alice", "p2"),
        ("published", "router By domain v1", "Alice", "two domains"),
    ]
    assert all(bob.get(one.url).status_code == 200 for one in told)
    of_tool = publications(people.project, began, timezone.now(), tool=tool)
    assert {one.subject for one in of_tool} == {"version", "policy"}
    page = bob.get(url(people, "tool-versions", "get_weather")).content.decode()
    assert page.index("p2") < page.index("p1")


def test_by_api_a_definition_is_published_or_kept_as_a_draft(people: People) -> None:
    from tests.factories import make_key

    _, text = make_key(people.project, ["read", "admin"], name="ci")
    api = Client(headers={"Authorization": f"Bearer {text}"})
    address = "/api/v1/tools/get_weather"

    def put(body: dict[str, Any], query: str = "") -> Any:
        return api.put(address + query, json.dump(body), content_type="application/json")

    draft = put(WEATHER, "?state=draft&note=try")
    assert (draft.status_code, draft.json()["state"]) == (201, "draft")
    assert not ToolVersion.objects.exists()
    same = put(WEATHER | {"state": "draft"})
    assert (same.status_code, same.json()["draft"]) == (200, draft.json()["draft"])
    assert "state" not in same.json()["definition"]
    assert "try" in client_of(people.bob).get(draft.json()["page"]).content.decode()
    published = put(WEATHER)
    assert (published.status_code, published.json()["state"]) == (201, "published")
    event = VersionEvent.objects.get()
    assert event.sender.startswith("ci (")
    assert put(WEATHER, "?state=retired").json()["code"] == "bad_state"
    retire(event.version, user=people.bob.user)
    read = api.get(address).json()
    assert read["versions"][0]["state"] == "retired"
