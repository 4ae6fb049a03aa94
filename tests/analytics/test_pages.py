"""The pages of analytics: what they say, and that every mark leads to the very calls."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from analytics.spans import HOUR, floor
from console.accounts.models import Member, Project
from console.lib import json
from conversations.labels import Draft, set_label
from conversations.search.fields import Kind
from conversations.search.query import parse
from conversations.search.reading import find
from tests import factories
from tests.analytics.making import catch_up, make_judged, make_turn, rejected
from tools_registry.models import VersionEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def member(now: datetime) -> Member:
    """A project whose get_weather v2 fails far more often than v1."""
    member = factories.make_member()
    first, second = (
        factories.make_tool_version(member.project, {**factories.WEATHER, "description": text})
        for text in ("The weather of a city now.", "The weather of a town now.")
    )
    both = ["missing_required", "unexpected_parameter"]
    for hour in range(2, 8):
        is_new = hour < 5
        version = (second if is_new else first).pk
        good: dict[str, Any] = {"tool_version_id": version}
        bad = rejected(*both, tool_version_id=version)
        many = [bad, bad, good] * 6 if is_new else [good] * 22
        make_turn(member.project, now - timedelta(hours=hour), many, cost="0.002")
    for published in (first, second):
        at = now - timedelta(hours=8)
        VersionEvent.objects.create(
            project=member.project, version=published, kind="published", at=at
        )
    for codes in (["unknown_tool"], ["rule_violated"], ["wrong_type", "rule_violated"]):
        name = "getweather" if codes == ["unknown_tool"] else "cancel_subscription"
        at = now - timedelta(hours=3)
        make_turn(member.project, at, [rejected(*codes, name=name)], environment="staging")
    make_turn(factories.make_project(), now, [rejected()])
    catch_up(now)
    return member


def open_page(member: Member, path: str, **values: str) -> str:
    response = read(factories.client_of(member), member.project, path, **values)
    assert response.status_code == 200
    return str(response.content.decode())


def read(client: Client, project: Project, path: str, **values: str) -> Any:
    return client.get(f"/p/{project.slug}/analytics/{path}/", values)


def count_listed(project: Project, address: str) -> int:
    query = parse(parse_qs(urlsplit(address).query)["q"][0])
    kind: Kind = "turns" if urlsplit(address).path.endswith("/turns/") else "calls"
    return len(find(project, query, kind, size=500).hits)


def cells_of(text: str, chart: str) -> Iterator[tuple[str, str]]:
    """The addresses and figures of a chart's table."""
    figure = re.search(rf'<figure[^>]*id="{chart}".*?</figure>', text, re.DOTALL)
    assert figure
    for address, figure_text in re.findall(r'<td[^>]*><a href="([^"]+)">([^<]+)</a>', figure[0]):
        yield html.unescape(address), figure_text


def test_the_page_opens_with_the_version_that_changed_most(member: Member) -> None:
    text = open_page(member, "misfires")
    assert "get_weather v2 brought incorrect calls" in text
    assert "0 of 66 calls (0.00%)" in text and "36 of 54 calls (66.67%)" in text
    assert "39 misfires" in text and "get_weather v2" in text


def test_a_moment_can_be_compared_instead(member: Member, now: datetime) -> None:
    moment = f"{now - timedelta(hours=5):%Y-%m-%dT%H:%M}"
    text = open_page(member, "misfires", around=moment, days="1")
    assert "The change at" in text and "to <a" in text


@pytest.mark.parametrize("span", ["24h", "7d", "30d"])
def test_every_mark_of_a_kind_leads_to_the_very_calls(member: Member, span: str) -> None:
    text = open_page(member, "misfires", range=span)
    listed = sum(
        count_listed(member.project, address)
        for address, figure in cells_of(text, "misfires")
        if figure not in ("0.00%", "–")
    )
    assert listed == 39  # once each, although most have two kinds


@pytest.mark.parametrize("by", ["tool", "version", "model", "environment"])
def test_rates_can_be_divided_by_any_dimension(member: Member, by: str) -> None:
    text = open_page(member, "misfires", by=by)
    shown = {
        address: figure for address, figure in cells_of(text, "misfires") if figure[0] not in "0–"
    }
    assert shown and all(count_listed(member.project, address) for address in shown)


def test_a_filter_of_the_lists_narrows_every_figure(member: Member) -> None:
    text = open_page(member, "misfires", q="environment:staging")
    assert "3 calls, " in text and "3 misfires" in text
    text = open_page(member, "misfires", q="tool:get_weather version:1")
    assert "66 calls" in text and ">0 misfires" in text
    assert text.count("whatever the") == text.count("whatever the tool and version") == 1
    text = open_page(member, "misfires", q="tool:get_weather model:gpt-4 -environment:staging")
    assert "120 calls" in text and ">36 misfires" in text and "whatever the model" in text


def test_a_field_that_is_no_dimension_is_refused_with_those_that_are(member: Member) -> None:
    text = open_page(member, "misfires", q="latency:>2s")
    assert "Analytics is divided by tool, version, model" in text
    assert "environment:production" in text


@pytest.mark.parametrize(
    "values, said",
    [
        ({"range": "5y"}, "The range is one of"),
        ({"from": "yesterday"}, "Give both ends"),
        ({"from": "2024-02-03", "to": "2024-02-01"}, "ends before it begins"),
        ({"q": '"open'}, "no partner"),
    ],
)
def test_an_address_that_cannot_be_read_says_what_to_do(
    member: Member, values: dict[str, str], said: str
) -> None:
    assert said in open_page(member, "misfires", **values)


def test_what_is_typed_into_the_filter_becomes_the_address(member: Member) -> None:
    response = read(factories.client_of(member), member.project, "misfires", add="tool:get_weather")
    assert response.status_code == 302
    assert response["Location"].endswith("?q=tool%3Aget_weather")


def test_the_time_before_is_set_beside_it(member: Member) -> None:
    assert "before: no calls" in open_page(member, "misfires", compare="1")
    text = open_page(member, "misfires", compare="1", range="6h")
    assert "All, before" in text and "before: 0 of " in text


def test_every_page_compares_with_the_time_before(member: Member, now: datetime) -> None:
    make_turn(member.project, now - timedelta(hours=7), [{"name": "older"}, rejected(name="older")])
    catch_up(now)
    span = {"compare": "1", "range": "6h"}
    assert "All, before" in open_page(member, "misfires", by="tool", **span)
    text = open_page(member, "rejections", **span)
    assert "All, before" in text and " before</td>" in text
    text = open_page(member, "tools", **span)
    counts = [
        (count_listed(member.project, address), int(figure))
        for address, figure in cells_of(text, "calls")
    ]
    assert counts and all(listed == shown for listed, shown in counts)
    assert re.search(r'<th scope="col" class="r">Before</th>', text)
    for page, said in (("conduct", "calls cut, before"), ("latency", "p99 before")):
        assert said in open_page(member, page, **span)


@pytest.mark.parametrize(
    "page, query, said",
    [
        ("conduct", "tool:get_weather model:gpt-4", "not divided by model"),
        ("latency", "version:2 model:gpt-4", "not divided by version"),
        ("models", "environment:staging model:gpt-4", "not divided by environment"),
        ("conduct", "tool:get_weather", ""),
    ],
)
def test_a_page_says_what_the_filter_does_not_reach(
    member: Member, page: str, query: str, said: str
) -> None:
    text = open_page(member, page, q=query)
    assert said in text if said else "not divided by" not in text


def test_places_lead_to_as_many_calls_as_they_say(member: Member) -> None:
    text = open_page(member, "misfires", q="model:none environment:production")
    places = re.findall(r'<td class="r num strong"><a href="([^"]+)">(\d+)</a>', text)
    assert places
    for address, figure in places:
        assert count_listed(member.project, html.unescape(address)) == int(figure)


def test_a_place_leads_to_the_findings_at_it_alone(member: Member, now: datetime) -> None:
    def found(*pointers: str | None) -> dict[str, Any]:
        said = [{"code": "wrong_type", "message": "m", "pointer": one} for one in pointers]
        return rejected("wrong_type", name="place", findings=said)

    calls = [found("/a b"), found("/a b", "/c"), found("/c", "/c"), found(None), found("/d*")]
    make_turn(member.project, now - timedelta(hours=2), calls)
    catch_up(now)
    text = open_page(member, "misfires", q="tool:place")
    places = re.findall(r'<td class="r num strong"><a href="([^"]+)">(\d+)</a>', text)
    assert sorted(number for _, number in places) == ["1", "1", "2", "2"]
    for address, figure in places:
        assert count_listed(member.project, html.unescape(address)) == int(figure), address


@pytest.mark.parametrize("page", ["misfires", "tools"])
def test_names_that_are_not_told_apart_lead_nowhere_and_say_so(
    member: Member, now: datetime, page: str
) -> None:
    calls = [rejected("unknown_tool", name=f"made_up_{n:03}") for n in range(150)]
    make_turn(member.project, now - timedelta(hours=2), calls)
    catch_up(now)
    text = open_page(member, page, by="tool", sort="calls", all="1")
    row = re.search(r"<tr[^>]*><td[^>]*>other unknown tools.*?</tr>", text, re.DOTALL)
    assert row and "no filter tells them" in row[0] and ">50<" in row[0]
    assert "/calls/" not in row[0]


def test_the_overview_leads_to_each_tool_by_its_very_name(member: Member, now: datetime) -> None:
    calls = [rejected("unknown_tool", name=f"made_up_{n:03}") for n in range(150)]
    name = 'say "hi", now'
    calls += [rejected("wrong_type", name=name)] * 60
    make_turn(member.project, now - timedelta(hours=2), calls)
    catch_up(now)
    response = factories.client_of(member).get(f"/p/{member.project.slug}/")
    table = re.search(r'id="o-looks".*?</table>', response.content.decode(), re.DOTALL)
    assert table
    found = {}
    for row in re.findall(r"<tr data-row>.*?</tr>", table[0], re.DOTALL):
        if "no filter tells them" in row or name in html.unescape(row):
            found["" if "no filter tells them" in row else name] = row
    assert ">51<" in found[""] and "?q=" not in found[""] and "&amp;q=" not in found[""]
    links = [html.unescape(one) for one in re.findall(r'href="([^"]+q=[^"]+)"', found[name])]
    assert [count_listed(member.project, one) for one in links] == [60, 60]


def test_durations_lead_to_what_took_as_long(member: Member, now: datetime) -> None:
    at = now - timedelta(hours=2)
    for slow in (120.0, 250.0, 4000.0):
        make_turn(member.project, at, [{"name": "slow", "latency_ms": slow}])
    for number in range(12):
        call = {"name": f"t{number}", "latency_ms": 1.0}
        make_turn(member.project, at, [call] * 4)
    catch_up(now)
    text = open_page(member, "latency", measure="tool", q="tool:slow")
    timed = [address for address, figure in cells_of(text, "course") if figure.endswith("s")]
    assert [count_listed(member.project, address) for address in timed] == [2, 2, 2]
    assert re.search(r">3</a></td>", text)
    text = open_page(member, "latency", measure="tool")
    assert "51 durations" in text and "Show 6 more" in text and ">slow</a>" not in text
    assert ">slow</a>" in open_page(member, "latency", measure="tool", all="1")


def test_conduct_leads_to_the_calls_of_a_tool(member: Member) -> None:
    text = open_page(member, "conduct", budget="1")
    links = re.findall(r'<a href="([^"]+/calls/[^"]+)">(\d+)</a>', text)
    assert any("nth" in address for address, _ in links)
    for address, figure in links:
        assert count_listed(member.project, html.unescape(address)) == int(figure)


def test_the_layers_say_what_one_passed_and_the_next_caught(member: Member) -> None:
    text = open_page(member, "rejections")
    assert "The rule layer stopped" in text and "1 call</a>" in text
    for address, figure in cells_of(text, "rejections"):
        assert count_listed(member.project, address) == int(figure)


def test_false_rejections_are_those_that_people_call_right(member: Member, now: datetime) -> None:
    turn = make_turn(member.project, now - timedelta(hours=2), [rejected("format_mismatch")])
    set_label(turn, Draft("right", 0), member.user)
    catch_up(now)
    text = open_page(member, "rejections")
    assert "1 of 1 labelled rejections were right calls" in text
    assert "<code>format_mismatch</code> 1" in text


def test_tools_show_their_weight_and_which_are_never_called(member: Member, now: datetime) -> None:
    idle = factories.make_tool_version(member.project, {**factories.WEATHER, "name": "idle_tool"})
    toolset = factories.make_toolset(idle)
    make_turn(member.project, now - timedelta(hours=1), toolset=toolset)
    catch_up(now)
    text = open_page(member, "tools")
    assert "idle_tool" in text and "never called" in text
    for address, figure in cells_of(text, "calls"):
        assert count_listed(member.project, address) == int(figure)


def test_the_matrix_sets_what_was_expected_against_what_was_called(
    member: Member, now: datetime
) -> None:
    assert "needs 50 turns" in open_page(member, "misfires")
    at = now - timedelta(hours=5)
    wanted = [["get_weather"]] * 5 + [["get_forecast"], [], ["get_weather", "a"]]
    calls = [["get_weather"] * 9, ["get_forecast"], ["a"], [], ["a", "get_forecast"]]
    for name in ("met", "a"):
        make_judged(member.project, at, [name], json.dump({"calls": [{"name": "met"}]}))
    for names in wanted:
        expected = json.dump({"calls": [{"name": name} for name in names]})
        for called in calls:
            make_judged(member.project, at, called, expected)
    turn = make_turn(member.project, at, [{"name": "a"}, {"name": "a"}])
    for draft in (Draft("wrong_tool", 0, tool="b, c"), Draft("missing", tool="get_weather")):
        set_label(turn, draft, member.user)
    for made, drafts in (
        (["a", "a"], [Draft("right"), Draft("right", 0)]),
        (["a", "get_forecast"], [Draft("right", 0), Draft("wrong_arguments", 1)]),
        ([], [Draft("right")]),
    ):
        turn = make_turn(member.project, at, [{"name": name} for name in made])
        for draft in drafts:
            set_label(turn, draft, member.user)
    catch_up(now)
    text = open_page(member, "misfires")
    table = re.search(r'<table class="cm">.*?</table>', text, re.DOTALL)
    assert table and "as expected.</b>" in text
    cells = re.findall(r'<a href="([^"]+)"><b>(\d+)</b>', table[0])
    assert len(cells) > 8
    assert sum("expected%3Amet" in address for address, _ in cells) == 5
    for address, number in cells:
        assert count_listed(member.project, html.unescape(address)) == int(number), address


def test_the_matrix_says_which_of_the_other_tools_were_wrong(member: Member, now: datetime) -> None:
    at, expected = now - timedelta(hours=5), json.dump({"calls": [{"name": "rare_1"}]})
    for number in range(8):
        often = json.dump({"calls": [{"name": f"often_{number}"}]})
        for _ in range(6):
            make_judged(member.project, at, [f"often_{number}"], often)
    for called in ("rare_1", "rare_2", "rare_2"):
        make_judged(member.project, at, [called], expected)
    catch_up(now)
    text = html.unescape(open_page(member, "misfires"))
    link = re.search(r'<a href="([^"]+)">2 were another one</a>', text)
    assert link and count_listed(member.project, link[1]) == 2
    cell = r'<td class="dg" title="Right and wrong ones[^"]*"><a href="([^"]+)"><b>3</b>'
    both = re.search(cell, text)
    assert both and count_listed(member.project, both[1]) == 3


def test_numbers_are_exported_unrounded(member: Member) -> None:
    client = factories.client_of(member)
    answer = read(client, member.project, "rejections", form="csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert sum(float(row["schema"]) for row in rows) == 37
    whole = read(client, member.project, "misfires", form="json", of="misfires").json()
    assert whole["unit"] == "%" and len(whole["rows"]) == 28
    assert read(client, member.project, "misfires", form="xml").status_code == 400
    assert read(client, member.project, "misfires", form="csv", of="other").status_code == 400


def test_a_link_to_this_time_does_not_move(member: Member, now: datetime) -> None:
    text = open_page(member, "misfires", range="24h")
    link = re.search(r'data-copy="http://testserver(/[^"]+)"', text)
    assert link
    values = parse_qs(urlsplit(html.unescape(link[1])).query)
    assert values["from"][0] == f"{floor(now, HOUR) - timedelta(hours=23):%Y-%m-%dT%H:%M:%S}"
    assert factories.client_of(member).get(html.unescape(link[1])).status_code == 200


def test_published_versions_are_marked(member: Member) -> None:
    assert "get_weather v1 and 1 more published" in open_page(member, "misfires")


def test_hours_that_wait_are_told(member: Member, now: datetime) -> None:
    make_turn(member.project, now - timedelta(hours=30), [{}])
    assert "1 hour of this project is being computed anew" in open_page(member, "misfires")


def test_names_of_models_own_making_are_text(member: Member, now: datetime) -> None:
    hostile = '<img src=x onerror=alert(1)>"; "x'
    make_turn(member.project, now - timedelta(hours=2), [rejected("unknown_tool", name=hostile)])
    catch_up(now)
    for path in ("misfires", "rejections", "tools"):
        text = open_page(member, path, by="tool")
        assert "<img src=x" not in text
    address = next(a for a, f in cells_of(open_page(member, "tools"), "calls") if "img" in a)
    assert address


def test_an_empty_project_says_what_will_be_there() -> None:
    member = factories.make_member()
    assert "No call misfired in this time" in open_page(member, "misfires")
    assert "No call was rejected in this time" in open_page(member, "rejections")
    assert "No tools here" in open_page(member, "tools")
