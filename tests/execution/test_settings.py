"""Execution settings of a policy: what is refused and where, and that older policies still hold."""

from __future__ import annotations

from typing import Any

import pytest

from tools_registry.policies import BadPolicy, PolicySpec, compile_policy
from tools_registry.policies.execution import TIMEOUT_MS

HTTP = {"kind": "http", "url": "https://api.example.com/w"}
MCP = {"kind": "mcp", "command": "server"}
LAMBDA = {"kind": "lambda", "function": "f", "region": "eu-north-1"}
AT = "/execution/executor"


def header(**fields: str) -> dict[str, Any]:
    return {"executor": HTTP | {"headers": [fields]}}


@pytest.mark.parametrize(
    ("execution", "pointer", "reason"),
    [
        ({"executor": "http"}, AT, "Say how"),
        ({"executor": {"kind": "ftp"}}, AT, "one of mock, http, lambda, mcp"),
        ({"executor": {"url": "https://x.y"}}, AT, "Name its kind"),
        ({"executor": {"kind": "http"}}, f"{AT}/url", "required"),
        ({"executor": HTTP | {"to": 1}}, f"{AT}/to", "no part of a policy"),
        ({"executor": HTTP | {"url": "ftp://x.y/"}}, f"{AT}/url", "begins with https"),
        ({"executor": HTTP | {"url": "https://{host}/"}}, f"{AT}/url", "host stands fast"),
        ({"executor": HTTP | {"url": "https://x.y{host}/"}}, f"{AT}/url", "host stands fast"),
        ({"executor": HTTP | {"url": "https://x.y:{port}/"}}, f"{AT}/url", "no address|stands"),
        ({"executor": HTTP | {"url": "https://a:b@x.y/"}}, f"{AT}/url", "password"),
        ({"executor": HTTP | {"url": "https://x.y/{"}}, f"{AT}/url", "no partner"),
        ({"executor": HTTP | {"url": "https://x.y/{}"}}, f"{AT}/url", "names no argument"),
        ({"executor": HTTP | {"body": {}}}, f"{AT}/body", "GET has no body"),
        ({"executor": HTTP | {"result": "data"}}, f"{AT}/result", "begins with /"),
        (header(name="a b", value="x"), f"{AT}/headers/0/name", "no name of a header"),
        (header(name="Host", value="x"), f"{AT}/headers/0/name", "set by the request"),
        (header(name="Authorization", value="x"), f"{AT}/headers/0/value", "environment variable"),
        (header(name="X-Api-Key", value="x"), f"{AT}/headers/0/value", "environment variable"),
        (header(name="A", value="x", variable="B"), f"{AT}/headers/0", "not both"),
        (header(name="A", value="x\r\nB: y"), f"{AT}/headers/0", "control"),
        (header(name="A", variable="no name"), f"{AT}/headers/0/variable", "pattern"),
        ({"executor": {"kind": "mcp"}}, AT, "either the command or the url"),
        ({"executor": MCP | {"url": "https://x.y"}}, AT, "either the command or the url"),
        ({"executor": {"kind": "mcp", "url": "x"}}, f"{AT}/url", "begins with https"),
        ({"executor": LAMBDA | {"endpoint": "x"}}, f"{AT}/endpoint", "begins with https"),
        ({"executor": LAMBDA | {"region": "x.evil.com/"}}, f"{AT}/region", "pattern"),
        (
            {"executor": {"kind": "mock", "answer": "sampled", "content": "x"}},
            f"{AT}/content",
            "Only a fixed",
        ),
        ({"resource": "id"}, "/execution/resource", "begins with /"),
        ({"retries": 1}, "/execution/retries", "Only what is idempotent"),
        ({"retries": 6, "idempotent": True}, "/execution/retries", "less than or equal to 5"),
        ({"timeouts": {"2": 0}}, "/execution/timeouts/2", "greater"),
        ({"breaker": {"failures": 0}}, "/execution/breaker/failures", "greater"),
        ({"rate": 0}, "/execution/rate", "greater"),
        ({"cost": -1}, "/execution/cost", "greater"),
        ({"cache_ttl": 1, "effect": "write"}, "/execution/cache_ttl", "Only what reads"),
    ],
)
def test_what_cannot_be_used_is_refused_at_its_place(
    execution: dict[str, Any], pointer: str, reason: str
) -> None:
    with pytest.raises(BadPolicy, match=reason) as error:
        compile_policy(PolicySpec.from_json({"execution": execution}))
    assert error.value.problems[0].pointer == pointer


@pytest.mark.parametrize(
    ("execution", "pointer"),
    [
        ({"cache_ttl": 5}, "/execution/cache_ttl"),
        ({"retries": 1, "idempotent": True}, "/execution/retries"),
        ({"effect": "read"}, "/execution/effect"),
    ],
)
def test_a_destructive_tool_is_neither_cached_nor_tried_again(
    execution: dict[str, Any], pointer: str
) -> None:
    policy = {"destructive": True, "confirmation": {"argument": "/code"}, "execution": execution}
    with pytest.raises(BadPolicy) as error:
        compile_policy(PolicySpec.from_json(policy))
    assert [problem.pointer for problem in error.value.problems] == [pointer]


@pytest.mark.parametrize("executor", [HTTP, MCP, LAMBDA, {"kind": "mock"}])
def test_settings_are_their_json(executor: dict[str, Any]) -> None:
    document = {"execution": {"executor": executor, "timeouts": {"2": 10_000}, "breaker": {}}}
    spec = compile_policy(PolicySpec.from_json(document)).spec
    assert spec.to_json() == document and PolicySpec.from_json(spec.to_json()) == spec
    assert spec.execution.runs is not None and spec.execution.runs.kind == executor["kind"]


def test_a_version_may_have_a_timeout_of_its_own() -> None:
    execution = PolicySpec.from_json(
        {"execution": {"timeout_ms": 2_000, "timeouts": {"3": 10_000}}}
    ).execution
    assert [execution.timeout_of(version) for version in (2, 3, None)] == [2_000, 10_000, 2_000]
    assert PolicySpec().execution.timeout_of(1) == TIMEOUT_MS


def test_a_policy_that_named_its_executor_only_still_judges_calls() -> None:
    spec = PolicySpec.from_json({"execution": {"executor": "http", "budget": 5}})
    assert compile_policy(spec, is_tried=True).spec.execution.runs is None
