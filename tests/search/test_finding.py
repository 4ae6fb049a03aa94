"""What each field finds, whichever way it is read, and pages that neither miss nor repeat."""

from __future__ import annotations

import itertools
from datetime import timedelta
from uuid import UUID

import pytest

from console.accounts.models import Project
from conversations.search import reading
from conversations.search.fields import KINDS, Kind
from conversations.search.query import parse
from conversations.search.reading import Found, find
from tests import factories
from tests.search.world import NOW, World, make_world, names_of

pytestmark = pytest.mark.django_db

CALLS = {
    "": "k1 k2 k3 k4",
    "tool:get_weather": "k1 k3 k4",
    "-tool:get_weather": "k2",
    "tool:get_*": "k1 k2 k3 k4",
    'tool:"get_*"': "",
    "tool:get_time,nothing": "k2",
    "version:v1": "k1",
    "version:get_weather@v2": "k3",
    "version:2": "k3",
    "version:v9": "",
    "-version:v1": "k2 k3 k4",
    "model:gpt-4o": "k1 k2",
    "model:gpt-*": "k1 k2 k4",
    "provider:anthropic": "k3",
    "verdict:rejected": "k1",
    "verdict:rejected,flagged": "k1 k2",
    "-verdict:rejected": "k2 k3 k4",
    "finding:missing_required": "k1",
    "-finding:missing_required": "k2 k3 k4",
    "layer:conduct": "k2",
    "pointer:/city": "k1",
    "pointer:/ci*": "k1",
    'pointer:"/ci*"': "",
    "pointer:/city,/place": "k1",
    "pointer:none": "k1 k2",
    'pointer:"none"': "",
    "-pointer:/city": "k2 k3 k4",
    "finding:missing_required pointer:/city": "k1",
    "finding:missing_required pointer:none": "",
    "finding:repeated_call,missing_required pointer:none": "k1 k2",
    "misfire:any": "k1",
    "misfire:missing_required": "k1",
    "status:error": "k1",
    "status:unanswered": "k2",
    "-status:unanswered": "k1 k3 k4",
    "status:failed": "",
    "latency:>1s": "k3",
    "latency:40": "k1",
    "latency:30ms..7s": "k1 k3",
    "latency:<1s": "k1",
    "expected:met": "",
    "-expected:met": "k1 k2 k3 k4",
    "first_token:>200ms": "k1 k2",
    "first_token:300": "k1 k2",
    "first_token:>300ms": "",
    "-first_token:<1s": "k3 k4",
    "tool:get_time first_token:0..1s": "k2",
    "nth:1": "k1 k2 k3 k4",
    "nth:>1": "",
    "-nth:1": "",
    "tool:get_weather nth:<=1": "k1 k3 k4",
    "cost:>0.1": "k3",
    "cost:0.5": "k3",
    "tag:app:web": "k1 k2",
    "tag:app:*": "k1 k2 k3",
    "-tag:app:web": "k3 k4",
    "user:u_1": "k1 k2",
    "user:u_*": "k1 k2 k3",
    "environment:staging": "k3",
    "label:wrong_tool": "k4",
    "label:any": "k4",
    "label:right": "",
    "-label:any": "k1 k2 k3",
    "source:otlp,file": "k1 k2 k4",
    "-source:otlp": "k3 k4",
    "has:result": "k1 k3 k4",
    "-has:result": "k2",
    "has:error": "k1",
    "has:stream": "k1 k2",
    "has:cost": "k3",
    "has:definition": "k1 k3",
    "has:label": "k4",
    "oslo": "k1 k2",
    "OSLO weather": "k1 k2",
    "now": "k1 k2",
    "tromsø": "k1 k2",
    "nord": "k1 k2",
    "osl*": "k1 k2",
    '"gare de lyon"': "k3",
    "lyon gare": "k3",
    "-oslo": "k3 k4",
    '"city: tromsø"': "",
    "id:k3": "k3",
    "id:oslo": "",
    "id:c-oslo": "k1 k2",
    "time:1h": "k1 k2",
    "time:2024-02-01": "k3",
    "time:<2024-01-01": "k4",
    "tool:get_weather verdict:rejected": "k1",
    "tool:get_weather user:u_2": "k3",
    "oslo -tool:get_time": "k1",
    "verdict:rejected environment:staging": "",
}
TURNS = {
    "": "oslo paris broken old",
    "tool:get_weather": "oslo paris old",
    "tool:get_time verdict:rejected": "",
    "tool:get_weather verdict:rejected": "oslo",
    "version:v1": "oslo",
    "model:gpt-4o": "oslo broken",
    "verdict:rejected": "oslo",
    "finding:missing_required": "oslo",
    "finding:missing_required pointer:/city": "oslo",
    "pointer:/nowhere": "",
    "latency:>1s": "oslo",
    "expected:met": "",
    "first_token:>=300ms": "oslo",
    "first_token:<300ms": "",
    "-first_token:>1s": "oslo paris broken old",
    "first_token:<1s tool:get_weather": "oslo",
    "nth:>0 status:error": "oslo",
    "nth:>1": "",
    "cost:<0.01": "paris",
    "status:failed": "broken",
    "status:error": "oslo",
    "has:error": "broken",
    "has:stream": "oslo",
    "has:result": "oslo paris old",
    "label:wrong_tool": "old",
    "gare lyon": "paris broken",
    '"gare de lyon"': "paris",
    "-lyon": "oslo old",
    "time:7d": "oslo paris",
    "user:u_1": "oslo broken",
    "user:u_1 -has:error": "oslo",
    "id:k1": "oslo",
    "id:c-paris": "paris",
}


@pytest.fixture
def world() -> World:
    return make_world()


def read(project: Project, text: str, kind: Kind) -> list[str]:
    found = find(project, parse(text), kind, now=NOW)
    assert found.reached is None
    return names_of(project, kind, [(hit.id, hit.conversation) for hit in found.hits])


@pytest.mark.parametrize("walked", [0, 1, 5000])
def test_every_field_finds_what_it_says(
    world: World, walked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WALK", walked)
    monkeypatch.setattr(reading, "WALK_WORDS", walked)
    for text, expected in CALLS.items():
        # Calls of one turn have one time, and come in any order.
        assert sorted(read(world.project, text, "calls")) == expected.split(), text
    for text, expected in TURNS.items():
        assert read(world.project, text, "turns") == expected.split(), text
        keys = [f"c-{key}" for key in expected.split()]
        assert read(world.project, text, "conversations") == keys, text


def test_an_id_of_ours_finds_its_row(world: World) -> None:
    call = find(world.project, parse("id:k1"), "calls", now=NOW).hits[0]
    assert read(world.project, f"id:{call.id}", "calls") == ["k1"]
    assert read(world.project, f"id:{call.id}", "turns") == ["oslo"]
    assert sorted(read(world.project, f"id:{call.conversation}", "calls")) == ["k1", "k2"]


def pages(project: Project, text: str, kind: Kind, size: int) -> list[Found]:
    found, before = [], None
    for _ in range(100):
        found.append(find(project, parse(text), kind, before=before, size=size, now=NOW))
        before = found[-1].older
        if before is None:
            return found
    raise AssertionError("the pages never end")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("walked", "most"), [(0, 1), (2, 2000), (5000, 2000)])
def test_pages_hold_every_row_once(
    kind: Kind, walked: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WALK", walked)
    monkeypatch.setattr(reading, "MOST", most)
    world = World()
    for number in range(6):
        turn = world.turn(f"t{number}", timedelta(hours=9 * number), "tick", source="api")
        later = world.turn(
            f"u{number}", timedelta(minutes=number), "tock", conversation=turn.conversation,
            source="api",
        )  # fmt: skip
        for one in (turn, later):
            world.call(one, f"a{one.key}", name="tick")
            world.call(one, f"b{one.key}", name="tock" if one is turn else "tick")
    for text in ("", "tool:tick", "tool:tock", "source:api verdict:accepted", "tick"):
        whole = find(world.project, parse(text), kind, now=NOW).hits
        assert len({hit.id for hit in whole}) == len(whole)
        for size in (1, 2, 5):
            parts = pages(world.project, text, kind, size)
            hits = list(itertools.chain.from_iterable(page.hits for page in parts))
            if kind == "conversations":
                own = [hit.conversation for hit in hits]
                assert own == [hit.conversation for hit in whole], (text, size)
                assert len(set(own)) == len(own)
            else:
                assert hits == whole, (text, size)


def test_only_what_came_since_is_newer(world: World) -> None:
    newest = find(world.project, parse(""), "turns", now=NOW).hits[0].id
    assert not find(world.project, parse(""), "turns", since=newest, now=NOW).hits
    world.turn("next", timedelta(0))
    assert len(find(world.project, parse(""), "turns", since=newest, now=NOW).hits) == 1


def test_when_the_time_is_up_it_says_how_far_it_read(world: World) -> None:
    found = find(world.project, parse("tool:get_weather"), "calls", budget=0.0, now=NOW)
    assert found.hits == []
    assert found.reached is not None
    assert found.older is not None
    later = find(world.project, parse("tool:get_weather"), "calls", before=found.older, now=NOW)
    assert len(later.hits) == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "tool:\"';drop table x;--\"", r'tool:"\\"', "tool:%", "tool:%s*", 'user:"a\' | b:*"',
        "tag:{a}", 'tag:"a\\"b"', "tag:NULL", "???", '"&|!()"', "'*", "\\*", '":* & !"', "a:b*"[2:],
        "id:'", "version:get@x", "version:99999999999999",
        "id:" + "9" * 400, "time:9999w", "time:<1970-01-01", "time:>9999-12-31", "time:0001-01-01",
        "latency:>999999999999h", "cost:999999999..999999999", '"a b" -"c d" e*', "<b>x</b>",
    ],
)  # fmt: skip
def test_no_text_breaks_the_reading(world: World, kind: Kind, text: str) -> None:
    found = find(world.project, parse(text), kind, now=NOW)
    assert isinstance(found.hits, list)


def test_another_projects_rows_are_never_found(world: World) -> None:
    other = factories.make_project()
    for kind in KINDS:
        for text in ("", "tool:get_weather", "oslo", "id:k1", "label:any", "version:v1"):
            assert find(other, parse(text), kind, now=NOW).hits == []


def test_calls_carry_what_their_turn_has(world: World) -> None:
    call = find(world.project, parse("id:k3"), "calls", now=NOW).hits[0]
    from conversations.models import ToolCall

    row = ToolCall.objects.get(pk=call.id)
    assert (row.source, row.provider, row.user) == ("proxy", "anthropic", "u_2")
    assert (row.environment, row.tags) == ("staging", ["app:ios"])


def test_arguments_of_any_size_can_be_stored_and_found() -> None:
    world = World()
    words = " ".join(f"w{number}" for number in range(40_000))
    turn = world.turn("big", timedelta(0), words + "é" * 5_000_000, source="api")
    world.call(turn, "b" * 5000, name="n" * 5000, arguments="x" * 1_000_000)
    assert read(world.project, "w77", "turns") == ["big"]
    assert read(world.project, "tool:nnn*", "turns") == ["big"]
    assert read(world.project, f"tool:{'n' * 1500}", "turns") == []
    assert isinstance(turn.pk, UUID)
