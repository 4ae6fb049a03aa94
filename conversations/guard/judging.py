"""Which tools a guarded request may offer, and which calls of its answer are rejected.

What asks nobody runs on the event loop. A router's classifier may ask a model.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from console.accounts.models import Project
from console.lib import json
from conversations.call_context import context_of
from conversations.guard.dialects import DIALECTS
from conversations.guard.records import Terms
from conversations.guard.wording import Body, Rejected, without
from conversations.ingest.native import HOSTED, REQUESTS
from conversations.ingest.native.canonical import NativeRequest
from conversations.parts import Answer, Call, WireProtocol
from conversations.routers.offering import NotRouted, choose
from tools_registry.dialects import read_offer
from tools_registry.models import Tool
from tools_registry.policies import CompiledPolicy
from tools_registry.validation import Offer, validate
from tools_registry.validation.findings import Finding

_FREE_FORM = ("custom", "custom_tool_call")


def offer_tools(
    project: int, terms: Terms, protocol: WireProtocol, body: Mapping[str, Any]
) -> tuple[Body, str]:
    """The request with the tools that the router chooses and those of the provider's own, and
    what was changed, "" for nothing.

    Where its classifier cannot be asked, all tools stay.
    """
    dialect = DIALECTS[protocol]
    tools = [(dialect.name_of(tool), tool) for tool in _tools(body)]
    names = list(dict.fromkeys(name for name, _ in tools if name))
    if terms.router is None or not names:
        return dict(body), ""
    messages = _read_request(protocol, body).messages
    try:
        routed = choose(Project(pk=project), terms.router_name, terms.router, messages, names)
    except NotRouted as error:
        return dict(body), f"The guard sent all {len(names)} tools. {error}"
    demanded = dialect.name_of(body.get("tool_choice"))
    kept = [name for name in names if name in routed.tools or name == demanded]
    if len(kept) == len(names):
        return dict(body), ""
    left = [tool for name, tool in tools if name in (*kept, "")]
    narrowed = {**body, "tools": left} if left else dialect.without_tools(body)
    return narrowed, f"The guard sent {len(kept)} of {len(names)} tools. {routed.why}"


def own_calls(answer: Answer) -> list[Call]:
    """The calls that the application is to make."""
    return [call for call in answer.calls if call.type not in HOSTED]


def find_unknown(body: Mapping[str, Any], answer: Answer) -> bool:
    """Whether a call is of a tool that the request did not offer."""
    offered = _read_offer(json.dump(_tools(body)))
    return any(call.name not in offered for call in own_calls(answer))


def read_names(project: int) -> list[str]:
    """The names of the project's tools."""
    return list(Tool.objects.filter(project=project).values_list("name", flat=True))


def judge_answer(
    protocol: WireProtocol,
    body: Mapping[str, Any],
    answer: Answer,
    policies: Mapping[str, CompiledPolicy],
    known: Sequence[str] = (),
    *,
    user: str,
    environment: str,
) -> Rejected:
    """The rejected calls of an answer to the request. Free-form calls are not judged. Pure."""
    offered = _read_offer(json.dump(_tools(body)))
    asked = _read_request(protocol, body)
    context = context_of(asked.messages, user=user or asked.user, environment=environment)
    found: dict[int, list[Finding]] = {}
    for place, call in enumerate(own_calls(answer)):
        if call.type in _FREE_FORM:
            continue
        verdict = validate(
            call.name,
            call.arguments,
            offered=offered,
            known=known,
            tool_choice=asked.tool_choice,
            assembly=call.findings,
            policy=policies.get(call.name),
            context=context,
        )
        if grave := [one for one in verdict.findings if one.severity == "rejected"]:
            found[place] = grave
    return found


def _read_request(protocol: WireProtocol, body: Mapping[str, Any]) -> NativeRequest:
    """What is asked, without the tools, which are read once for many requests."""
    return REQUESTS[protocol](without(body, "tools"))


def _tools(body: Mapping[str, Any]) -> list[Any]:
    tools = body.get("tools")
    return tools if isinstance(tools, list) else []


@functools.lru_cache(maxsize=256)
def _read_offer(tools: str) -> Offer:
    return read_offer(json.load(tools))
