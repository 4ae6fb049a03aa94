"""The rule layer: what CEL may say, what it costs, and what becomes of a call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools_registry.policies import BadPolicy, CallContext, PolicySpec, compile_policy
from tools_registry.validation import Verdict, validate


def policy_of(expression: str, **more: Any) -> dict[str, Any]:
    return {"rules": [{"name": "The rule", "expression": expression, **more}]}


def judge(policy: dict[str, Any], arguments: Any, context: CallContext | None = None) -> Verdict:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    compiled = compile_policy(PolicySpec.from_json(policy))
    return validate("cancel", text, offered=None, policy=compiled, context=context)


def told(verdict: Verdict) -> list[tuple[str, str | None]]:
    return [(one.code, one.pointer) for one in verdict.findings if one.layer == "rule"]


VIOLATED = [("rule_violated", "/code")]


@pytest.mark.parametrize(
    ("expression", "arguments", "expected"),
    [
        ('args.code != ""', {"code": "A7"}, []),
        ('args.code != ""', {"code": ""}, VIOLATED),
        ('args.code != ""', {}, VIOLATED),
        ('has(args.code) && args.code != ""', {}, VIOLATED),
        ("args.code > 2", {"code": 2.5}, []),
        ("args.code == 3", {"code": 3.0}, []),
        ("args.code < 5", {"code": 10**40}, VIOLATED),
        ("args.code < 5", {"code": "x"}, VIOLATED),
        ("args.code", {"code": True}, []),
        ("args.code", {"code": "yes"}, VIOLATED),
        ("args.code == null", {"code": None}, []),
        ('args["code"].matches("^[A-Z]\\\\d$")', {"code": "A7"}, []),
        ("args.code.all(c, c.size() < 3)", {"code": ["a", "bb"]}, []),
        ('args.code == "\ufffd"', '{"code": "\\ud800"}', []),
        ("args.code / 0 == 1", {"code": 1}, VIOLATED),
    ],
)
def test_a_rule_that_is_not_true_is_violated(
    expression: str, arguments: Any, expected: list[Any]
) -> None:
    verdict = judge(policy_of(expression), arguments)
    assert told(verdict) == expected
    assert verdict.value == ("rejected" if expected else "accepted")


def test_a_rule_that_gives_no_answer_says_why() -> None:
    [finding] = judge(policy_of('args.code != ""', message="Ask for the code"), {}).findings
    assert finding.message == "Ask for the code (it could not be judged: there is no code)"
    assert finding.detail["rule"] == "The rule"


def test_severity_and_message_are_the_rules_own() -> None:
    verdict = judge(policy_of("false", severity="flagged", message="Never"), {})
    assert (verdict.value, verdict.findings[0].message) == ("flagged", "Never")


@pytest.mark.parametrize(
    ("when", "arguments", "expected"),
    [
        ("args.amount > 100", {"amount": 500, "code": ""}, VIOLATED),
        ("args.amount > 100", {"amount": 5, "code": ""}, []),
        ("args.amount > 100", {"code": ""}, []),
        ("args.amount > 100", {"amount": "much", "code": ""}, VIOLATED),
    ],
)
def test_a_condition_says_when_a_rule_applies(
    when: str, arguments: Any, expected: list[Any]
) -> None:
    assert told(judge(policy_of('args.code != ""', when=when), arguments)) == expected


@pytest.mark.parametrize(
    ("expression", "is_kept"),
    [
        ('conversation.calls.filter(c, c.name == "cancel").size() < 2', False),
        ('conversation.calls.exists(c, c.name == "verify")', True),
        ("conversation.count == 4", True),
        ('conversation.last_user.contains("sure")', True),
        ('user.startsWith("vip-")', True),
        ('environment != "production"', False),
    ],
)
def test_a_rule_knows_the_conversation_and_the_user(expression: str, is_kept: bool) -> None:
    calls = ["verify", "cancel"]
    context = CallContext(calls, None, "I am sure", "vip-7", "production").after(["x", "cancel"])
    assert told(judge(policy_of(expression), {}, context)) == (
        [] if is_kept else [("rule_violated", None)]
    )


CONFIRMED = {"destructive": True, "confirmation": {"argument": "/confirmation/code"}}


@pytest.mark.parametrize(
    ("arguments", "is_confirmed"),
    [
        ({"confirmation": {"code": "A7"}}, True),
        ({"confirmation": {"code": "  "}}, False),
        ({"confirmation": {"code": None}}, False),
        ({"confirmation": {}}, False),
        ({}, False),
    ],
)
def test_a_destructive_call_needs_its_confirmation(arguments: Any, is_confirmed: bool) -> None:
    expected = [] if is_confirmed else [("confirmation_missing", "/confirmation/code")]
    assert told(judge(CONFIRMED, arguments)) == expected


def test_a_rule_can_be_the_confirmation() -> None:
    policy = policy_of('args.code != ""') | {
        "destructive": True,
        "confirmation": {"rule": "The rule", "severity": "flagged"},
    }
    verdict = judge(policy, {"code": ""})
    assert told(verdict) == [("confirmation_missing", "/code")]
    assert verdict.value == "flagged"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("args.code ==", "it ends too early (line 1, column 13)"),
        ("code == 1", "undeclared reference to 'code'"),
        ('"a" < 1', "no matching overload"),
        ('"yes"', "it gives string"),
        ("(" * 40 + "true" + ")" * 40, "nested too deep"),
        ("1" + "+1" * 200 + " == 1", "nested too deep|recursion"),
        ("args.x.map(a, a + a).size() > 0", "map is not offered"),
        ("args.x.matches(args.y)", "a pattern in quotes"),
        ("true // always", "without a comment"),
        ("args.x.all(a, " + " && ".join(["args.x + args.x != []"] * 35) + ")", "it took"),
        ("true" * 300, "at most 1000 characters"),
    ],
)
def test_a_wrong_deep_or_slow_expression_is_refused_with_the_reason(
    expression: str, reason: str
) -> None:
    with pytest.raises(BadPolicy, match=reason.replace("(", "\\(").replace(")", "\\)")) as error:
        compile_policy(PolicySpec.from_json(policy_of(expression)))
    assert error.value.problems[0].pointer == "/rules/0/expression"


@pytest.mark.parametrize(
    "arguments",
    [
        {"x": list(range(2_000))},
        {"x": ["y" * 30_000]},
        '{"x": ' + "[" * 200 + "]" * 200 + "}",
    ],
)
def test_what_is_too_large_for_a_loop_is_not_let_through(arguments: Any) -> None:
    verdict = judge(policy_of("args.x.all(a, true)"), arguments)
    assert told(verdict) == [("rule_violated", "/x")]
    assert "could not be judged" in verdict.findings[0].message


def test_without_rules_the_layer_says_that_it_did_not_run() -> None:
    layers = {one.layer: one for one in validate("cancel", "{}", offered=None).layers}
    assert (layers["rule"].ran, layers["rule"].note) == (False, "no published policy")
    assert [one.layer for one in judge(policy_of("true"), {}).layers][-2:] == ["rule", "content"]
