"""A stored router that narrows what a run of the playground offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.accounts.models import Project
from conversations.ingest.store.results import last_user_of
from conversations.providers import ProviderFault
from conversations.routers.classifying import classify_inputs, known_scores, unknown_inputs
from tools_registry.models import RouterVersion
from tools_registry.routing import Decision, RouterSpec, pick, route


class NotRouted(Exception):
    """The router cannot decide; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Routed:
    """The names of the tools that are offered, and why in one sentence."""

    tools: tuple[str, ...]
    why: str


def offer(
    project: Project, version: int, messages: Sequence[Mapping[str, Any]], tools: Sequence[str]
) -> Routed:
    """Let a router version choose among ``tools`` by the user's last message.

    Its classifier is asked of an input that it was not asked of before. Raises ``NotRouted``.
    """
    rows = RouterVersion.objects.select_related("router").filter(project=project, pk=version)
    found = rows.first()
    if found is None:
        raise NotRouted("The router is none of this project's; choose another, or none.")
    return choose(project, str(found), found.spec, messages, tools)


def choose(
    project: Project,
    name: str,
    spec: RouterSpec,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[str],
) -> Routed:
    """The same for a router version that was read already; ``name`` is what it is called."""
    text = last_user_of(messages)
    _ask(project, spec, text)
    decision = route(spec, text, known_scores(project, spec, [text]))
    offered = pick(spec, decision, tools)
    why = f"{name}: {_tell(decision)}; {len(offered)} of {len(tools)} tools are offered"
    return Routed(tuple(offered), why)


def _ask(project: Project, spec: RouterSpec, text: str) -> None:
    try:
        classify_inputs(project, spec, unknown_inputs(project, spec, [text]), lambda: True)
    except ProviderFault as fault:
        raise NotRouted(f"The router's classifier cannot be asked: {fault.detail}") from None


def _tell(decision: Decision) -> str:
    if decision.everything:
        return "nothing fits"
    told = [f"the word {one.word} adds {one.tool}" for one in decision.added]
    for chosen in decision.groups:
        by = {
            "keyword": f"by the word {chosen.word}",
            "classifier": f"by the classifier, {chosen.score or 0:.2f}",
            "otherwise": "as nothing else fits",
        }
        told.append(f"{chosen.group} {by[chosen.by]}")
    return ", ".join(told) or "no group fits"
