"""The gate: may this call be executed? By the current version and the published policy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.accounts.models import Project
from tests.factories import WEATHER, make_key, make_project, make_tool_version
from tools_registry.models import Policy, ToolVersion
from tools_registry.policies import PolicySpec
from tools_registry.policies.published import forget_policies

pytestmark = pytest.mark.django_db
GOOD = '{"city": "Lisbon"}'


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def api(project: Project) -> Client:
    return Client(headers={"Authorization": f"Bearer {make_key(project, ['read'])[1]}"})


def ask(api: Client, arguments: Any = GOOD, **more: Any) -> dict[str, Any]:
    body = {"tool": "get_weather", "arguments": arguments} | more
    answer = api.post("/api/v1/validate", json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def publish(version: ToolVersion, **document: Any) -> Policy:
    policy = Policy(project=version.project, tool=version.tool, number=1)
    policy.write(PolicySpec.from_json(document))
    policy.save()
    policy.publish(None)
    forget_policies(version.project)
    return policy


def test_arguments_come_as_text_or_as_an_object(api: Client, project: Project) -> None:
    make_tool_version(project)
    assert ask(api)["verdict"] == ask(api, {"city": "Lisbon"})["verdict"] == "accepted"
    assert ask(api, "{")["findings"][0]["code"] == "malformed_json"
    assert ask(api, '{"city": "a", "city": "b"}')["verdict"] == "flagged"


def test_every_layer_says_what_it_did(api: Client, project: Project) -> None:
    make_tool_version(project)
    told = ask(api, {"city": "DELETE FROM users;--", "temprature": 1})
    by_layer = {layer["layer"]: layer for layer in told["layers"]}
    assert list(by_layer) == ["assembly", "syntax", "offer", "schema", "rule", "content"]
    assert by_layer["schema"]["verdict"] == "rejected"
    assert by_layer["content"]["findings"] == 1
    assert not by_layer["rule"]["ran"]
    assert told["policy"] is None


def test_the_published_policy_judges_with_the_context_that_is_given(
    api: Client, project: Project
) -> None:
    version = make_tool_version(project)
    rule = {"name": "few", "expression": 'conversation.count < 2 || user == "staff"'}
    publish(version, rules=[rule])
    assert ask(api)["verdict"] == "accepted"
    calls = ["get_weather", "get_weather"]
    told = ask(api, context={"calls": calls})
    assert (told["verdict"], told["policy"]) == ("rejected", 1)
    assert told["findings"][0]["code"] == "rule_violated"
    assert ask(api, context={"calls": calls, "user": "staff"})["verdict"] == "accepted"
    assert ask(api, context={"count": 5})["verdict"] == "rejected"


def test_what_sanitisers_would_send_on_stands_beside_the_verdict(
    api: Client, project: Project
) -> None:
    version = make_tool_version(project)
    publish(version, sanitisers=[{"pointer": "/city", "steps": [{"do": "trim"}]}])
    told = ask(api, {"city": "  Oslo "})
    assert told["sanitised"]["arguments"] == {"city": "Oslo"}
    change = told["sanitised"]["changes"][0]
    assert (change["pointer"], change["before"], change["after"]) == ("/city", "  Oslo ", "Oslo")
    assert "sanitised" not in ask(api, "{")


def test_a_retired_version_no_longer_judges_unless_it_is_named(
    api: Client, project: Project
) -> None:
    make_tool_version(project)
    newer = make_tool_version(project, WEATHER | {"description": "Newer than the first one."})
    assert ask(api)["version"] == 2
    ToolVersion.objects.filter(pk=newer.pk).update(retired_at=timezone.now())
    assert (ask(api)["version"], ask(api)["retired"]) == (1, False)
    assert ask(api, version=2)["retired"] is True
    ToolVersion.objects.update(retired_at=timezone.now())
    assert (ask(api)["version"], ask(api)["retired"]) == (2, True)


def test_a_published_version_goes_before_a_newer_one_that_only_traffic_brought(
    api: Client, project: Project
) -> None:
    make_tool_version(project)
    newer = make_tool_version(project, WEATHER | {"description": "Newer than the first one."})
    ToolVersion.objects.filter(pk=newer.pk).update(published_at=None)
    assert ask(api)["version"] == 1
    assert ask(api, version=2)["version"] == 2


def test_an_archived_tool_is_judged_and_says_so(api: Client, project: Project) -> None:
    version = make_tool_version(project)
    assert ask(api)["archived"] is False
    version.tool.archive()
    assert (ask(api)["verdict"], ask(api)["archived"]) == ("accepted", True)


def test_a_version_is_read_once(
    api: Client, project: Project, django_assert_max_num_queries: Any
) -> None:
    make_tool_version(project)
    ask(api)
    with django_assert_max_num_queries(4):
        ask(api)


@pytest.mark.parametrize(
    "context", [{"colour": 1}, {"calls": [1]}, {"count": -1}, {"user": "x" * 301}, []]
)
def test_a_context_that_cannot_be_is_refused(
    api: Client, project: Project, context: object
) -> None:
    make_tool_version(project)
    body = json.dumps({"tool": "get_weather", "arguments": GOOD, "context": context})
    answer = api.post("/api/v1/validate", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
