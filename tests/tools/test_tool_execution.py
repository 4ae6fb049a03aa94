"""What a tool's page says of its limits and its cache, and purging."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync

from tests.factories import People, client_of, make_people, make_tool_version
from tests.tools.test_policies import publish
from tools_registry.execution import valkey
from tools_registry.execution.cache import Answer, Slot, fetch

KEPT = {"executor": {"kind": "mock", "content": "{}"}, "cache_ttl": 60, "rate": 7}


@pytest.fixture
def people(transactional_db: None) -> People:
    people = make_people()
    make_tool_version(people.project)
    return people


async def ask(project: int) -> bool:
    """Whether the cache had it."""

    async def run() -> Answer:
        return Answer("18")

    try:
        slot = Slot(project, "get_weather", "hash", {"city": "Oslo"}, 60, "mock")
        return (await fetch(slot, run))[1] is not None
    finally:
        await valkey.close()


def test_the_page_tells_bounds_and_the_cache_and_purges(people: People) -> None:
    page = f"/p/{people.project.slug}/tools/get_weather/"
    client = client_of(people.bob)
    assert b"Cache and limits" not in client.get(page).content
    publish(people.project, {"execution": KEPT})
    text = client.get(page).content.decode()
    assert "7 calls a minute for each user" in text
    assert "No call asked the cache yet" in text
    hits = [async_to_sync(ask)(people.project.pk) for _ in range(3)]
    assert hits == [False, True, True]
    assert "2 hits of 3 calls (66.7%)" in client.get(page).content.decode()
    answer = client.post(f"{page}purge/", follow=True)
    assert "its next calls are executed" in answer.content.decode()
    assert not async_to_sync(ask)(people.project.pk)


def test_a_viewer_reads_and_does_not_purge(people: People) -> None:
    publish(people.project, {"execution": KEPT})
    page = f"/p/{people.project.slug}/tools/get_weather/"
    client = client_of(people.vera)
    assert b"Purge" not in client.get(page).content
    assert client.post(f"{page}purge/").status_code == 403


def test_purging_without_valkey_says_so(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(people.project, {"execution": KEPT})
    monkeypatch.setattr("tools_registry.execution.cache.purge", lambda *given: False)
    monkeypatch.setattr("tools_registry.execution.cache.read_tally", lambda *given, **more: None)
    page = f"/p/{people.project.slug}/tools/get_weather/"
    answer = client_of(people.bob).post(f"{page}purge/", follow=True).content.decode()
    assert "nothing was purged" in answer and "is not known just now" in answer
