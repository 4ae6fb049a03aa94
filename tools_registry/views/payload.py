"""Try a payload: arguments judged layer by layer as one types, by a version or draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.lib import json
from tools_registry.definitions import nearest
from tools_registry.drafts import read_draft
from tools_registry.gate import Judgement, judge_payload
from tools_registry.models import OPEN, Tool, ToolVersion
from tools_registry.policies import BadPolicy, CallContext, CompiledPolicy, compile_policy
from tools_registry.policies.context import LONGEST_TEXT, MOST_CALLS
from tools_registry.policies.published import policy_for
from tools_registry.samples import CannotSample, sample
from tools_registry.specs import ToolSpec
from tools_registry.validation.positions import json_positions

LONGEST = 200_000
"""Characters of arguments that the page judges."""
_SHOWN = 200


class _Refused(ValueError):
    """What was chosen cannot judge; the text says what to do."""


@dataclass(frozen=True)
class _Judge:
    """What was chosen to judge by, and its version where it is one."""

    spec: ToolSpec
    policy: CompiledPolicy | None
    version: ToolVersion | None = None


@member("viewer")
@require_safe
def show_payload(request: ProjectRequest, name: str) -> HttpResponse:
    """The page, with the payload that the address names, or one made for the definition."""
    tool = get_object_or_404(Tool, project=request.project, name=name)
    drafts = tool.drafts.filter(OPEN).order_by("-pk")[:_SHOWN]
    given = request.GET
    context: dict[str, Any] = {
        "tool": tool,
        "tab": "payload",
        "versions": tool.versions.order_by("-number")[:_SHOWN],
        "drafts": drafts,
        "draft_chosen": _read_number(given.get("judge", "").removeprefix("draft-")),
        "policies": tool.policies.order_by("-number")[:_SHOWN],
        "values": {
            "judge": given.get("judge", ""),
            "policy": given.get("policy", "published"),
            **{part: given.get(part, "") for part in ("calls", "last_user", "user", "environment")},
        },
    }
    try:
        judge = _choose(request, tool, given)
        text = given.get("arguments", "")[:LONGEST] or _sample(judge.spec)
        context |= _describe(judge, text, _context(given)) | {"text": text}
    except _Refused as error:
        context |= {"refused": str(error), "text": given.get("arguments", "")[:LONGEST]}
    return render(request, "tools_registry/payload.html", context)


@member("viewer")
@require_POST
def check_payload(request: ProjectRequest, name: str) -> HttpResponse:
    """What each layer says of the payload, for htmx."""
    tool = get_object_or_404(Tool, project=request.project, name=name)
    given = request.POST
    context: dict[str, Any] = {"tool": tool}
    try:
        text = given.get("arguments", "")
        if len(text) > LONGEST:
            raise _Refused(f"Shorten the arguments to {LONGEST:,} characters.")
        context |= _describe(_choose(request, tool, given), text, _context(given))
    except _Refused as error:
        context |= {"refused": str(error)}
    return render(request, "tools_registry/_payload.html", context)


def _choose(request: ProjectRequest, tool: Tool, given: Mapping[str, str]) -> _Judge:
    """``judge`` is a version's number or a draft's as ``draft-12``; the current one if none."""
    chosen, policy = given.get("judge", ""), _find_policy(request, tool, given.get("policy", ""))
    if number := _read_number(chosen.removeprefix("draft-")) if chosen else None:
        if chosen.startswith("draft-"):
            return _Judge(_read_draft(tool, number), policy)
        found = tool.versions.filter(number=number).first()
    else:
        found = tool.current or tool.latest
    if found is None:
        raise _Refused(f"{tool.name} has no version {chosen}. Choose another.".replace("  ", " "))
    return _Judge(found.spec, policy, found)


def _read_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _read_draft(tool: Tool, number: int) -> ToolSpec:
    row = tool.drafts.filter(pk=number).first()
    draft = read_draft(row.text) if row else None
    if draft is None or draft.spec is None or draft.errors:
        raise _Refused(f"Draft {number} cannot be used. Mend it, or choose a version.")
    return draft.spec


def _find_policy(request: ProjectRequest, tool: Tool, chosen: str) -> CompiledPolicy | None:
    if chosen in ("", "published"):
        return policy_for(request.project, tool.pk)
    if chosen == "none":
        return None
    number = _read_number(chosen)
    found = tool.policies.filter(number=number).first() if number else None
    if found is None:
        raise _Refused(f"There is no policy {chosen[:20]}. Choose another.")
    try:
        return compile_policy(found.spec, number=found.number)
    except BadPolicy as error:
        raise _Refused(f"Policy {found.number} cannot be used: {error}") from None


def _context(given: Mapping[str, str]) -> CallContext:
    calls = [name for name in given.get("calls", "").replace(",", " ").split() if name]
    return CallContext(
        calls[-MOST_CALLS:],
        None,
        given.get("last_user", "")[:LONGEST_TEXT],
        given.get("user", "")[:300],
        given.get("environment", "")[:60],
    )


def _sample(spec: ToolSpec) -> str:
    try:
        return json.pretty(sample(spec.parameters or {}, seed=1))
    except (CannotSample, TypeError):
        return "{}"


def _describe(judge: _Judge, text: str, context: CallContext) -> dict[str, Any]:
    judged = judge_payload(judge.spec, text, judge.policy, context)
    return {
        "version": judge.version,
        "policy": judge.policy,
        "verdict": judged.verdict.value,
        "layers": [
            layer.to_json() | {"found": layer.findings}
            for layer in judged.verdict.layers
            if layer.layer != "assembly"
        ],
        "marks": json.dump(_mark(judged, text)),
        "sanitised": judged.sanitised,
        "sanitised_text": json.pretty(judged.sanitised.value)
        if judged.sanitised and judged.sanitised.changes
        else "",
    }


def _mark(judged: Judgement, text: str) -> list[dict[str, Any]]:
    """Findings as the editor shows them, each at the line of its value."""
    places = json_positions(text)
    marks = []
    for finding in judged.verdict.findings:
        line, column = nearest(finding.pointer or "", places)
        line, column = finding.detail.get("line", line), finding.detail.get("column", column)
        severity = "error" if finding.severity == "rejected" else "warning"
        message = f"{finding.code}: {finding.message}"
        marks.append({"line": line, "column": column, "severity": severity, "message": message})
    return marks
