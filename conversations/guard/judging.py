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
from conversations.guard import chat
from conversations.guard.records import Terms
from conversations.parts import Answer
from conversations.routers.offering import NotRouted, choose
from tools_registry.dialects import read_offer
from tools_registry.models import Tool
from tools_registry.policies import CompiledPolicy
from tools_registry.validation import Offer, validate
from tools_registry.validation.findings import Finding


def offer_tools(project: int, terms: Terms, body: Mapping[str, Any]) -> tuple[chat.Body, str]:
    """The request with the tools that the router chooses, and what was changed, "" for nothing.

    Where its classifier cannot be asked, all tools stay.
    """
    names = chat.names_of(body)
    if terms.router is None or not names:
        return dict(body), ""
    try:
        routed = choose(
            Project(pk=project), terms.router_name, terms.router, body["messages"], names
        )
    except NotRouted as error:
        return dict(body), f"The guard sent all {len(names)} tools. {error}"
    demanded = chat.demanded_by(body)
    kept = [name for name in names if name in routed.tools or name == demanded]
    if len(kept) == len(names):
        return dict(body), ""
    return chat.narrow(
        body, kept
    ), f"The guard sent {len(kept)} of {len(names)} tools. {routed.why}"


def find_unknown(body: Mapping[str, Any], answer: Answer) -> bool:
    """Whether a call is of a tool that the request did not offer."""
    offered = _read_offer(json.dump(body.get("tools") or []))
    return any(call.name not in offered for call in answer.calls)


def read_names(project: int) -> list[str]:
    """The names of the project's tools."""
    return list(Tool.objects.filter(project=project).values_list("name", flat=True))


def judge_answer(
    body: Mapping[str, Any],
    answer: Answer,
    policies: Mapping[str, CompiledPolicy],
    known: Sequence[str] = (),
    *,
    user: str,
    environment: str,
) -> chat.Rejected:
    """The rejected calls of an answer to the request. Free-form calls are not judged. Pure."""
    offered = _read_offer(json.dump(body.get("tools") or []))
    context = context_of(body["messages"], user=user, environment=environment)
    found: dict[int, list[Finding]] = {}
    for place, call in enumerate(answer.calls):
        if call.type == "custom":
            continue
        verdict = validate(
            call.name,
            call.arguments,
            offered=offered,
            known=known,
            tool_choice=body.get("tool_choice"),
            assembly=call.findings,
            policy=policies.get(call.name),
            context=context,
        )
        if grave := [one for one in verdict.findings if one.severity == "rejected"]:
            found[place] = grave
    return found


@functools.lru_cache(maxsize=256)
def _read_offer(tools: str) -> Offer:
    return read_offer(json.load(tools))
