"""Policies as values, in the database, on their pages, and on calls that come in."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, InternalError, transaction
from django.test import Client

from console.accounts.models import Project
from console.lib import json
from conversations.ingest.store import store
from conversations.ingest.store.again import judge_again
from conversations.models import ToolCall, Turn
from tests.factories import People, client_of, make_people, make_project, make_tool_version
from tests.store.talks import ask, assistant, read, turn, user
from tools_registry.models import Policy, Tool
from tools_registry.policies import BadPolicy, PolicySpec, compile_policy, sanitise
from tools_registry.policies.published import forget_policies, policies_for, policy_for

RULE = {"name": "No moon", "expression": 'args.city != "the moon"'}
MOON = {"rules": [RULE]}


@pytest.fixture
def people(db: None) -> People:
    return make_people()


@pytest.fixture
def client(people: People) -> Client:
    return client_of(people.bob)


def publish(project: Project, document: dict[str, Any], name: str = "get_weather") -> Policy:
    tool, _ = Tool.objects.get_or_create(project=project, name=name)
    policy = Policy(project=project, tool=tool, number=tool.policies.count() + 1)
    policy.write(PolicySpec.from_json(document))
    policy.save()
    policy.publish(None)
    forget_policies(project)
    return policy


def keep(project: Project, body: dict[str, Any]) -> None:
    assert store(project, read(body), door="api").stored == 1


# ---- as a value


def test_a_policy_is_its_json_without_what_stands_at_its_default() -> None:
    written = {"rules": [RULE | {"severity": "rejected"}], "destructive": False, "content": {}}
    spec = PolicySpec.from_json(written)
    assert spec.to_json() == MOON
    assert spec.hash == PolicySpec.from_json(MOON).hash != PolicySpec().hash
    assert PolicySpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("document", "pointer", "reason"),
    [
        ([], "", "dictionary"),
        ({"rule": []}, "/rule", "no part of a policy"),
        ({"rules": [{"name": "a"}]}, "/rules/0/expression", "required"),
        ({"rules": [RULE, RULE]}, "/rules/1/name", "earlier rule"),
        ({"destructive": True}, "/confirmation", "needs a confirmation"),
        ({"confirmation": {"argument": "/a"}}, "/confirmation", "Only a destructive"),
        (
            {"destructive": True, "confirmation": {"rule": "x"}},
            "/confirmation/rule",
            "no rule called x",
        ),
        (
            {"sanitisers": [{"pointer": "city", "steps": [{"do": "trim"}]}]},
            "/sanitisers/0/pointer",
            "begins with /",
        ),
        (
            {"sanitisers": [{"pointer": "", "steps": [{"do": "replace", "pattern": "("}]}]},
            "/sanitisers/0/steps",
            "missing \\)",
        ),
        (
            {
                "sanitisers": [
                    {
                        "pointer": "",
                        "steps": [{"do": "replace", "pattern": "a", "replacement": "\\1"}],
                    }
                ]
            },
            "/sanitisers/0/steps",
            "0 groups",
        ),
        ({"plausibility": [{"pointer": "/a"}]}, "/plausibility/0", "values, a range or a pattern"),
        (
            {"plausibility": [{"pointer": "/a", "minimum": 2, "maximum": 1}]},
            "/plausibility/0/minimum",
            "above the maximum",
        ),
        ({"content": {"markup": "maybe"}}, "/content/markup", "off"),
        ({"execution": {"timeout_ms": 0}}, "/execution/timeout_ms", "greater"),
    ],
)
def test_what_cannot_be_used_is_refused_at_its_place(
    document: Any, pointer: str, reason: str
) -> None:
    with pytest.raises(BadPolicy, match=reason) as error:
        compile_policy(PolicySpec.from_json(document))
    assert error.value.problems[0].pointer == pointer


@pytest.mark.parametrize(
    ("steps", "before", "after"),
    [
        ([{"do": "trim"}], "  Oslo \n", "Oslo"),
        ([{"do": "collapse_spaces"}], " New \t York ", "New York"),
        ([{"do": "lower"}], "OSLO", "oslo"),
        ([{"do": "strip_control_characters"}], "O\x00s\u202elo\n", "Oslo\n"),
        ([{"do": "strip_markup"}], "a <b>x</b> <script>y()</script>< 3", "a x < 3"),
        ([{"do": "normalise_unicode", "form": "NFKC"}], "Ｏslo", "Oslo"),
        ([{"do": "truncate", "length": 2}], "Oslo", "Os"),
        ([{"do": "replace", "pattern": "(\\d)-", "replacement": "\\1"}], "1-2-3", "123"),
        ([{"do": "trim"}, {"do": "truncate", "length": 1}], "  Oslo", "O"),
    ],
)
def test_a_sanitiser_shows_what_it_would_make_and_leaves_the_value(
    steps: list[dict[str, Any]], before: str, after: str
) -> None:
    policy = compile_policy(
        PolicySpec.from_json({"sanitisers": [{"pointer": "/at/*/city", "steps": steps}]})
    )
    value = {"at": [{"city": before, "n": 1}], "city": before}
    result = sanitise(policy, value)
    assert result.value == {"at": [{"city": after, "n": 1}], "city": before}
    assert [(one.pointer, one.before, one.after) for one in result.changes] == [
        ("/at/0/city", before, after)
    ]
    assert value["city"] == before


# ---- in the database


def test_a_published_policy_never_changes(db: None) -> None:
    policy = publish(make_project(), MOON)
    for change in ({"document": "{}"}, {"hash": "x"}, {"number": 9}, {"state": "draft"}):
        with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
            Policy.objects.filter(pk=policy.pk).update(**change)
    with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
        Policy.objects.filter(pk=policy.pk).delete()
    Policy.objects.filter(pk=policy.pk).update(note="why")


def test_one_policy_of_a_tool_is_published_at_a_time(db: None) -> None:
    project = make_project()
    first, second = publish(project, MOON), publish(project, {})
    first.refresh_from_db()
    assert (first.state, second.state) == ("retired", "published")
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.filter(pk=first.pk).update(state="published")
    tool = second.tool_id
    assert policy_for(project, tool) is not None
    second.retire(None)
    forget_policies(project)
    assert policy_for(project, tool) is None


def test_a_policy_that_can_no_longer_be_used_stops_nothing(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    project = make_project()
    policy = publish(project, MOON)
    policy.retire(None)
    broken = Policy(project=project, tool=policy.tool, number=5, document='{"x": 1}', hash="x")
    broken.state = "published"
    broken.save()
    forget_policies(project)
    assert dict(policies_for(project)) == {}
    assert "cannot be used" in caplog.text


# ---- on calls


def test_a_stored_call_is_judged_by_the_published_policy(db: None) -> None:
    project = make_project()
    publish(project, MOON)
    keep(project, turn("1", [user("Weather?")], assistant(ask("the moon"))))
    call = ToolCall.objects.get()
    assert (call.verdict, call.codes) == ("rejected", ["rule_violated"])
    layers = {layer["layer"]: layer for layer in call.layers}
    assert layers["schema"]["verdict"] == "accepted"
    assert (layers["rule"]["verdict"], layers["rule"]["note"]) == ("rejected", "policy 1")
    assert Turn.objects.get().verdict == "rejected"


def test_sql_in_a_city_is_flagged_where_there_is_no_policy(db: None) -> None:
    project = make_project()
    keep(project, turn("1", [user("Weather?")], assistant(ask("DELETE FROM users;--"))))
    call = ToolCall.objects.get()
    assert (call.verdict, call.found[0].code, call.found[0].pointer) == (
        "flagged",
        "sql_injection",
        "/city",
    )


def test_a_rule_counts_the_calls_that_the_conversation_has_already(db: None) -> None:
    project = make_project()
    rule = {"name": "Few", "expression": "conversation.count < 2"}
    publish(project, {"rules": [rule]})
    for number, city in enumerate(["Oslo", "Rome", "Bern"]):
        keep(project, turn(str(number), [user(city)], assistant(ask(city)), after=number))
    found = [call.codes for call in ToolCall.objects.order_by("id")]
    assert [("rule_violated" in codes) for codes in found] == [False, False, True]


def test_judging_again_keeps_the_former_verdict_beside_the_new(db: None) -> None:
    project = make_project()
    keep(project, turn("1", [user("Weather?")], assistant(ask("the moon"))))
    call = ToolCall.objects.get()
    assert call.verdict == "accepted"
    publish(project, MOON)
    assert judge_again(project, [call.conversation_id]) == 1
    call.refresh_from_db()
    assert (call.verdict, json.load(call.former)["verdict"]) == ("rejected", "accepted")
    assert judge_again(project, [call.conversation_id]) == 0


# ---- on the pages


def address(people: People, rest: str = "") -> str:
    return f"/p/{people.project.slug}/tools/get_weather/policy/{rest}"


def test_a_draft_is_kept_published_and_retired(client: Client, people: People) -> None:
    make_tool_version(people.project)
    assert "No policy" in client.get(address(people)).text
    sent = {"document": json.dump(MOON), "note": "S10", "then": "keep"}
    client.post(address(people, "new/"), sent)
    draft = Policy.objects.get()
    assert (draft.state, draft.note, draft.created_by) == ("draft", "S10", people.bob.user)
    client.post(address(people, "1/edit/"), {"document": "{}", "then": "keep"})
    draft.refresh_from_db()
    assert (draft.number, draft.document) == (1, "{}")
    client.post(address(people, "1/publish/"))
    assert "calls are judged by it" in client.get(address(people)).text
    client.post(address(people, "new/"), sent | {"then": "publish"})
    assert list(Policy.objects.order_by("number").values_list("state", flat=True)) == [
        "retired",
        "published",
    ]
    page = client.get(address(people, "diff/")).text
    assert "Changes from policy 1 to 2" in page
    assert "1 stricter" in page and "is new: " in page
    assert "No moon" in page
    client.post(address(people, "2/retire/"))
    assert not Policy.objects.filter(state="published").exists()


def test_a_draft_can_be_discarded_and_a_published_policy_cannot(
    client: Client, people: People
) -> None:
    make_tool_version(people.project)
    client.post(address(people, "new/"), {"document": "{}", "then": "keep"})
    client.post(address(people, "1/discard/"))
    assert not Policy.objects.exists()
    client.post(address(people, "new/"), {"document": "{}", "then": "publish"})
    client.post(address(people, "1/discard/"))
    assert Policy.objects.get().state == "published"
    assert client.get(address(people, "1/edit/")).status_code == 302


def test_a_bad_policy_is_not_saved_and_says_where_it_is_wrong(
    client: Client, people: People
) -> None:
    make_tool_version(people.project)
    bad = '{\n  "rules": [\n    {"name": "x", "expression": "args.city =="}\n  ]\n}'
    response = client.post(address(people, "new/"), {"document": bad, "then": "publish"})
    assert (response.status_code, Policy.objects.count()) == (422, 0)
    assert "it ends too early" in response.text
    check = f"/p/{people.project.slug}/tools/-/policies/check/"
    answer = client.post(check, {"document": bad}).json()
    assert [(one["pointer"], one["line"]) for one in answer["problems"]] == [
        ("/rules/0/expression", 3)
    ]
    assert client.post(check, {"document": "{"}).json()["valid"] is False
    assert client.post(check, {"document": "{}"}).json() == {"valid": True, "problems": []}


def test_a_policy_is_tried_on_recorded_calls(client: Client, people: People) -> None:
    make_tool_version(people.project)
    for number, city in enumerate(["Oslo", "the moon", " the  moon"]):
        keep(people.project, turn(str(number), [user(city)], assistant(ask(city)), after=number))
    verdicts = list(ToolCall.objects.order_by("id").values_list("verdict", flat=True))
    document = MOON | {
        "plausibility": [{"pointer": "/city", "refused": ["the moon"]}],
        "sanitisers": [{"pointer": "/city", "steps": [{"do": "collapse_spaces"}]}],
    }
    sent = {"tool": "get_weather", "document": json.dump(document)}
    page = client.post(f"/p/{people.project.slug}/policies/try/", sent).text
    assert "1 rejected, 1 of them newly" in page
    assert "1 flagged" in page
    assert "No moon" in page
    assert "Sanitisers would change 1 of 3" in page
    moon = ToolCall.objects.get(arguments='{"city":"the moon"}')
    assert f"/calls/{moon.pk}/" in page
    assert list(ToolCall.objects.order_by("id").values_list("verdict", flat=True)) == verdicts


def test_the_page_of_a_policy_shows_hostile_text_as_text(client: Client, people: People) -> None:
    make_tool_version(people.project)
    hostile = {"rules": [{"name": "<script>x</script>", "expression": "true", "message": "<b>"}]}
    client.post(address(people, "new/"), {"document": json.dump(hostile), "then": "publish"})
    page = client.get(address(people)).text
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page
