"""Try a payload: what each layer says, by the version, draft and policy that are chosen."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.factories import WEATHER, People, client_of, make_people, make_tool, make_tool_version
from tools_registry.models import Policy
from tools_registry.policies import PolicySpec
from tools_registry.publishing import start_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def vera(people: People) -> Client:
    return client_of(people.vera)


def url(people: People, part: str = "") -> str:
    return f"/p/{people.project.slug}/tools/get_weather/try/{part}"


def check(client: Client, people: People, arguments: str, **more: str) -> str:
    answer = client.post(url(people, "check/"), {"arguments": arguments} | more)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_page_begins_with_arguments_that_fit(people: People, vera: Client) -> None:
    make_tool_version(people.project)
    page = vera.get(url(people))
    assert page.context["verdict"] == "accepted"
    assert set(json.loads(page.context["text"])) == {"city", "unit"}


def test_the_address_holds_the_payload(people: People, vera: Client) -> None:
    make_tool_version(people.project)
    asked = urlencode({"arguments": '{"town": 1}', "judge": "1", "policy": "none"})
    page = vera.get(f"{url(people)}?{asked}")
    assert page.context["text"] == '{"town": 1}'
    assert page.context["verdict"] == "rejected"


def test_findings_stand_at_their_line(people: People, vera: Client) -> None:
    make_tool_version(people.project)
    asked = urlencode({"arguments": '{\n "city": "Oslo",\n "unit": "kelvin"\n}'})
    marks = json.loads(vera.get(f"{url(people)}?{asked}").context["marks"])
    assert [(mark["line"], mark["severity"]) for mark in marks] == [(3, "error")]
    broken = urlencode({"arguments": '{\n "city": \n}'})
    marks = json.loads(vera.get(f"{url(people)}?{broken}").context["marks"])
    assert marks[0]["line"] == 3


def test_a_version_or_a_draft_judges(people: People, vera: Client) -> None:
    version = make_tool_version(people.project)
    wanted: dict[str, Any] = json.loads(json.dumps(WEATHER))
    wanted["parameters"]["properties"]["town"] = {"type": "string"}
    draft = start_draft(people.project, json.dumps(wanted), user=None, tool=version.tool)
    text = '{"city": "Oslo", "town": "x"}'
    assert "unexpected_parameter" in check(vera, people, text, judge="1")
    assert "unexpected_parameter" not in check(vera, people, text, judge=f"draft-{draft.pk}")
    broken = start_draft(people.project, "{", user=None, tool=version.tool)
    assert "cannot be used" in check(vera, people, text, judge=f"draft-{broken.pk}")
    assert "no version 9" in check(vera, people, text, judge="9")


def test_a_policy_that_is_not_published_is_tried_with_its_context(
    people: People, vera: Client
) -> None:
    version = make_tool_version(people.project)
    policy = Policy(project=people.project, tool=version.tool, number=1)
    policy.write(
        PolicySpec.from_json(
            {
                "rules": [{"name": "once", "expression": "conversation.count == 0"}],
                "sanitisers": [{"pointer": "/city", "steps": [{"do": "trim"}]}],
            }
        )
    )
    policy.save()
    text = '{"city": " Oslo "}'
    assert "rule_violated" not in check(vera, people, text)
    assert "rule_violated" not in check(vera, people, text, policy="1")
    tried = check(vera, people, text, policy="1", calls="get_weather, find_account")
    assert "rule_violated" in tried and "trim" in tried
    assert "no policy 7" in check(vera, people, text, policy="7")


def test_hostile_arguments_are_shown_as_text(people: People, vera: Client) -> None:
    make_tool_version(people.project)
    told = check(vera, people, '{"city": "<script>alert(1)</script>", "\\"><img": 1}')
    assert "<script" not in told and "<img" not in told


def test_arguments_that_are_too_long_are_refused(people: People, vera: Client) -> None:
    make_tool_version(people.project)
    assert "Shorten" in check(vera, people, '{"city": "' + "x" * 200_000 + '"}')


def test_a_tool_without_a_version_says_so(people: People, vera: Client) -> None:
    make_tool(people.project, "get_weather")
    page = vera.get(url(people))
    assert page.status_code == 200
    assert "no version" in page.content.decode()
