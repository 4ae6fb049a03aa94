"""What a backtest judges by: a saved version or a draft, and a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from console.accounts.models import Project
from console.lib import json
from conversations.backtest.comparison import Subject
from conversations.backtest.records import Backtest
from tools_registry.drafts import read_draft
from tools_registry.models import Tool, ToolDraft, ToolVersion
from tools_registry.policies import BadPolicy, PolicySpec, compile_policy
from tools_registry.policies.models import Policy
from tools_registry.specs import ToolSpec

PUBLISHED, NONE = "published", "none"


class BadChoice(ValueError):
    """Nothing can be judged by what was named. ``field`` is tool, version, draft or policy."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field, self.problem = field, problem


@dataclass(frozen=True)
class Choice:
    """What calls of ``tool`` are to be judged by."""

    tool: str
    spec: ToolSpec
    version: ToolVersion | None = None
    draft: ToolDraft | None = None
    policy: PolicySpec | None = None
    policy_name: str = ""


def choose(
    project: Project,
    tool: str,
    *,
    version: int | None = None,
    draft: ToolDraft | str = "",
    policy: str | Mapping[str, Any] = PUBLISHED,
) -> Choice:
    """What is named, ready to start with. Raises ``BadChoice``.

    ``draft`` is a kept one or a definition as JSON text in any dialect, and goes before
    ``version``; without both it is the newest version. ``policy`` is "published", "none", a
    number, or a document.
    """
    found = Tool.objects.filter(project=project, name=tool).first() if "\0" not in tool else None
    kept = draft if isinstance(draft, ToolDraft) else None
    spec, chosen = _read_spec(draft.text if isinstance(draft, ToolDraft) else draft), None
    if spec is None:
        chosen = _find_version(found, tool, version)
        spec = chosen.spec
    wanted, name = _find_policy(found, policy)
    try:
        if wanted:
            compile_policy(wanted)
    except BadPolicy as error:
        raise BadChoice("policy", f"The policy cannot be used. {error}") from None
    return Choice(tool, spec, chosen, kept, wanted, name)


def _read_spec(text: str) -> ToolSpec | None:
    if not text.strip():
        return None
    draft = read_draft(text)
    if draft.spec is None or draft.errors:
        first = draft.errors[0]
        where = f"line {first.line}, column {first.column}"
        raise BadChoice("draft", f"The draft cannot be used: {first.message} ({where}).")
    return draft.spec


def _find_version(tool: Tool | None, name: str, number: int | None) -> ToolVersion:
    if tool is None:
        raise BadChoice("tool", f"This project has no tool {name or 'without a name'}.")
    versions = tool.versions.order_by("-number")
    found = versions.first() if number is None else versions.filter(number=number).first()
    if found is None:
        told = "no version" if number is None else f"no version {number}"
        raise BadChoice("version", f"{name} has {told}.")
    return found


def _find_policy(
    tool: Tool | None, policy: str | Mapping[str, Any]
) -> tuple[PolicySpec | None, str]:
    if not isinstance(policy, str):
        try:
            return PolicySpec.from_json(policy), "a draft policy"
        except BadPolicy as error:
            raise BadChoice("policy", f"The policy cannot be used. {error}") from None
    if policy == NONE:
        return None, "no policy"
    stored = Policy.objects.filter(tool=tool) if tool else Policy.objects.none()
    if policy == PUBLISHED:
        found = stored.filter(state="published").first()
        return (found.spec, f"policy {found.number}") if found else (None, "no policy")
    found = stored.filter(number=policy).first() if _is_number(policy) else None
    if found is None:
        raise BadChoice("policy", f"There is no policy {policy[:40]} of this tool.")
    return found.spec, f"policy {found.number}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def subject_of(row: Backtest) -> Subject:
    """What the backtest judges by, compiled once in a process."""
    return _compile(row.definition, row.policy)


@lru_cache(maxsize=16)
def _compile(definition: str, policy: str) -> Subject:
    spec = ToolSpec.from_json(json.load(definition))
    if not policy:
        return Subject(spec)
    compiled = compile_policy(PolicySpec.from_json(json.load(policy)), is_tried=True)
    return Subject(spec, compiled)
