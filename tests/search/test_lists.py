"""The lists as pages: filter, chips, errors, facets, views, what is newer, the drawer, export."""

from __future__ import annotations

import csv
import html
import io
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from console.accounts.models import Member
from conversations.models import SavedView
from tests import factories

pytestmark = pytest.mark.django_db
PAGES = {"conversations": "conversation-list", "turns": "turn-list", "calls": "call-list"}
HOSTILE = "<script>alert(1)</script>\u202e{{7*7}}"


@pytest.fixture
def vera() -> Member:
    return factories.make_member(factories.make_project(), "viewer")


@pytest.fixture
def client(vera: Member) -> Client:
    return factories.client_of(vera)


def url(name: str, member: Member, *args: object) -> str:
    return reverse(f"conversations:{name}", args=[member.project.slug, *args])


def read(client: Client, address: str, **query: str) -> str:
    response = client.get(address, query)
    assert response.status_code == 200, response.content[-2000:]
    return response.content.decode()


def make(member: Member, title: str = "Rain in Bergen", **call: object) -> HttpResponse:
    conversation = factories.make_conversation(member.project, title=title)
    turn = factories.make_turn(
        conversation,
        messages=[{"role": "user", "content": title}],
        verdict=call.get("verdict", "accepted"),
    )
    return factories.make_call(turn, **call)


def shown(client: Client, member: Member, kind: str, **query: str) -> list[str]:
    response = client.get(url(PAGES[kind], member), query)
    assert response.status_code == 200
    return [row.title for row in response.context["rows"]]


@pytest.mark.parametrize("kind", PAGES)
def test_an_empty_list_says_what_will_be_there(client: Client, vera: Member, kind: str) -> None:
    assert f"No {kind} yet" in read(client, url(PAGES[kind], vera))


def test_each_list_shows_what_the_filter_finds(client: Client, vera: Member) -> None:
    make(vera, "Rain in Bergen", name="get_rain", verdict="rejected")
    make(vera, "Sun in Rome", name="get_sun")
    assert shown(client, vera, "conversations") == ["Sun in Rome", "Rain in Bergen"]
    assert shown(client, vera, "conversations", q="tool:get_rain") == ["Rain in Bergen"]
    assert shown(client, vera, "turns", q="rome") == ["Sun in Rome"]
    assert shown(client, vera, "calls", q="verdict:rejected") == ["get_rain"]


def test_typed_terms_join_the_filter_in_the_address(client: Client, vera: Member) -> None:
    response = client.get(
        url("call-list", vera), {"q": "tool:a time:1h", "add": "-model:b time:7d"}
    )
    assert response.status_code == 302
    assert parse_qs(urlsplit(response["Location"]).query)["q"] == ["tool:a -model:b time:7d"]
    response = client.get(
        url("call-list", vera), {"q": "", "from": "2024-02-03T02:00", "to": "2024-02-03T03:00"}
    )
    query = parse_qs(urlsplit(response["Location"]).query)["q"]
    assert query == ["time:2024-02-03T02:00..2024-02-03T03:00"]


def test_a_chip_takes_its_term_away(client: Client, vera: Member) -> None:
    text = read(client, url("call-list", vera), q="tool:a verdict:rejected")
    assert (
        f'href="{url("call-list", vera)}?q=verdict%3Arejected" aria-label="Remove tool:a"' in text
    )


def test_words_say_where_they_are_looked_for(client: Client, vera: Member) -> None:
    said = "Words are looked for in each turn’s new messages"  # noqa: RUF001
    assert said in read(client, url("call-list", vera), q="refund")
    assert said not in read(client, url("call-list", vera), q="tool:a")


def test_what_is_wrong_is_said_with_the_way_out(client: Client, vera: Member) -> None:
    text = read(client, url("call-list", vera), q="tool:a", add="verdct:rejected")
    assert "There is no field verdct. Did you mean verdict?" in html.unescape(text)
    assert "Remove tool:a" in text
    assert "add=verdict%3Arejected" in text
    for name in ("latency:", "environment:"):
        assert f"<code>{name}</code>" in text
    assert read(client, url("call-list", vera), q="verdct:rejected")


def test_no_match_offers_the_terms_to_drop(client: Client, vera: Member) -> None:
    make(vera)
    text = read(client, url("call-list", vera), q="tool:nothing verdict:rejected")
    assert "Nothing matches" in text
    assert "Drop one of the terms" in text


def test_older_pages_go_on_by_key(client: Client, vera: Member) -> None:
    for number in range(55):
        make(vera, name=f"tool_{number:02}")
    first = client.get(url("call-list", vera), {"q": "tool:tool_*"})
    second = client.get(first.context["older"])
    names = [row.title for row in [*first.context["rows"], *second.context["rows"]]]
    assert len(names) == len(set(names)) == 55
    assert not second.context["older"]
    assert "Back to the newest" in second.content.decode()
    assert client.get(url("call-list", vera), {"older": "x"}).status_code == 404


def test_facets_count_the_newest_matches_and_toggle(client: Client, vera: Member) -> None:
    make(vera, name="get_rain", verdict="rejected", codes=["missing_required"])
    make(vera, name="get_rain")
    text = read(client, url("list-facets", vera), kind="calls", q="tool:get_rain")
    assert "<b>2</b> calls" in text
    assert "missing_required" in text
    assert "Of the newest 2 matches." in text
    assert "q=tool%3Aget_rain+verdict%3Arejected" in text
    checked = read(client, url("list-facets", vera), kind="calls", q="verdict:rejected")
    assert 'aria-checked="true"' in checked
    for kind in PAGES:
        read(client, url("list-facets", vera), kind=kind)
    assert client.get(url("list-facets", vera), {"kind": "odd"}).status_code == 404


def test_what_is_newer_waits_to_be_clicked(client: Client, vera: Member) -> None:
    make(vera)
    page = client.get(url("call-list", vera))
    address = page.context["newer_address"]
    assert "newer" not in read(client, address)
    make(vera, name="later")
    assert "1 newer" in read(client, address)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("verd", "verdict:"),
        ("-to", "-tool:"),
        ("verdict:rej", "verdict:rejected"),
        ("tool:rai", "tool:get_rain"),
        ("model:", "model:a-model"),
        ("version:get", "version:get_weather@v1"),
        ("time:", "time:24h"),
        ("latency:", "latency:>1s"),
        ("first_token:", "first_token:>500ms"),
        ("nth:", "nth:>5"),
        ("pointer:/c", "pointer:/city"),
        ("expected:rai", "expected:get_rain"),
        ("tag:", 'tag:"two words"'),
    ],
)
def test_it_suggests_what_may_come_next(
    client: Client, vera: Member, typed: str, expected: str
) -> None:
    factories.make_tool_version(vera.project)
    found = [{"layer": "schema", "code": "missing_required", "pointer": "/city", "message": "m"}]
    codes = ["missing_required"]
    call = make(vera, name="get_rain", codes=codes, findings=json.dumps(found))
    type(call.conversation.turns.get()).objects.filter(project=vera.project).update(  # type: ignore[attr-defined]
        tags=["two words"]
    )
    response = client.get(url("list-suggestions", vera), {"typed": typed})
    assert expected in [item["text"] for item in response.json()["items"]]


def test_it_suggests_only_the_fields_that_a_page_takes(client: Client, vera: Member) -> None:
    answers = [
        client.get(url("list-suggestions", vera), {"typed": typed, "fields": "tool,model,none"})
        for typed in ("", "verdict:")
    ]
    found = [[item["text"] for item in answer.json()["items"]] for answer in answers]
    assert found == [["tool:", "model:"], []]


def test_hostile_values_are_text_everywhere(client: Client, vera: Member) -> None:
    call = make(vera, HOSTILE, name=HOSTILE, arguments=HOSTILE, call_id=HOSTILE)
    for kind, page in PAGES.items():
        for query in ("", f'tool:"{HOSTILE}"', HOSTILE.replace(":", "")):
            assert "<script>alert" not in read(client, url(page, vera), q=query)
        assert "<script>alert" not in read(client, url("list-facets", vera), kind=kind)
    peek = client.get(url("call-peek", vera, call.pk), headers={"HX-Request": "true"})
    assert "<script>alert" not in peek.content.decode()


def test_a_row_opens_beside_the_list_and_by_itself(client: Client, vera: Member) -> None:
    call = make(vera, name="get_rain")
    for name, key in (("call-peek", call.pk), ("turn-peek", call.turn_id)):
        beside = client.get(url(name, vera, key), headers={"HX-Request": "true"})
        assert "get_rain" in beside.content.decode()
        assert "Open turn" in beside.content.decode()
        assert client.get(url(name, vera, key)).status_code == 302


def test_columns_are_chosen_in_the_address(client: Client, vera: Member) -> None:
    make(vera, name="get_rain", latency_ms=1234.0)
    response = client.get(url("call-list", vera), {"q": "tool:get_rain", "col": ["id", "latency"]})
    assert response["Location"].endswith("?q=tool%3Aget_rain&cols=id%2Clatency")
    row = client.get(response["Location"]).context["rows"][0]
    assert [detail.name for detail in row.details] == ["Latency", "Call id"]


def test_a_view_is_saved_listed_and_removed(client: Client, vera: Member) -> None:
    saved = {"kind": "calls", "name": "Mine", "q": "verdict:rejected", "cols": "id"}
    response = client.post(url("list-save", vera), saved)
    assert response["Location"].endswith("?q=verdict%3Arejected&cols=id")
    assert "Mine" in read(client, url("call-list", vera))
    assert "Mine" not in read(client, url("turn-list", vera))
    colleague = factories.client_of(factories.make_member(vera.project, "viewer"))
    assert "Mine" not in read(colleague, url("call-list", vera))
    view = SavedView.objects.get()
    assert colleague.post(url("view-remove", vera, view.pk)).status_code == 404
    client.post(url("view-remove", vera, view.pk))
    assert not SavedView.objects.exists()


def test_sharing_a_view_asks_for_a_responder(client: Client, vera: Member) -> None:
    saved = {"kind": "calls", "name": "Ours", "q": "", "shared": "1"}
    assert client.post(url("list-save", vera), saved).status_code == 403
    responder = factories.client_of(factories.make_member(vera.project, "responder"))
    responder.post(url("list-save", vera), saved)
    assert "Ours" in read(client, url("call-list", vera))
    client.post(url("view-remove", vera, SavedView.objects.get().pk))
    assert SavedView.objects.count() == 1


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("kind", PAGES)
def test_queries_do_not_grow_with_the_rows(
    client: Client,
    vera: Member,
    kind: str,
    count: int,
    django_assert_max_num_queries: object,
) -> None:
    for _ in range(count):
        make(vera, verdict="rejected", codes=["missing_required"])
    with django_assert_max_num_queries(32):  # type: ignore[operator]
        read(client, url(PAGES[kind], vera), q="verdict:rejected")


# ---- export


def download(member: Member, **query: str) -> bytes:
    """What a browser gets; the database is asked from this thread, in its transaction."""

    async def fetch() -> bytes:
        client = AsyncClient()
        await client.aforce_login(member.user)
        response = await client.get(url("list-export", member), query)
        assert response.status_code == 200
        return b"".join([part async for part in response.streaming_content])  # type: ignore[attr-defined]

    return async_to_sync(fetch)()


@pytest.mark.parametrize("kind", PAGES)
def test_an_export_holds_every_match_in_order(
    vera: Member, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversations.search.export.BATCH", 2)
    for number in range(5):
        make(vera, f"Title {number}", name="get_rain", arguments="=1+1")
    make(vera, "Other", name="get_sun")
    query = {"kind": kind, "q": "tool:get_rain"}
    lines = download(vera, form="ndjson", **query).splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == 5
    assert len({record["id"] for record in records}) == 5
    rows = list(csv.DictReader(io.StringIO(download(vera, form="csv", **query).decode())))
    assert [row["id"] for row in rows] == [record["id"] for record in records]
    if kind == "calls":
        assert records[0]["arguments"] == "=1+1"
        assert rows[0]["arguments"] == "'=1+1"


def test_an_export_refuses_what_it_cannot_read(client: Client, vera: Member) -> None:
    for query in ({"q": "verdct:x"}, {"form": "xlsx"}):
        response = client.get(url("list-export", vera), {"kind": "calls", **query})
        assert response.status_code == 400
        assert response["Content-Type"] == "application/problem+json"


def test_a_page_that_ran_out_of_time_says_how_far_it_read(
    client: Client, vera: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(vera, name="get_rain")
    monkeypatch.setattr(
        "conversations.views.search.find",
        lambda *args, **kwargs: _Late(),
    )
    text = read(client, url("call-list", vera), q="tool:get_rain")
    assert "The time for one page was up" in text
    assert "Read on from there" in text


class _Late:
    hits: tuple[()] = ()
    older = "0190a0f0-0000-7000-8000-000000000000"
    reached = timezone.now() - timedelta(days=3)
