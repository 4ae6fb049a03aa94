"""Trying a policy on the calls that were recorded last: changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils import timezone

from console.accounts.models import Project
from conversations.backtest.comparison import Subject, compare
from conversations.backtest.contexts import read_contexts
from conversations.backtest.reading import Stored, query_of, read_batch
from tools_registry.policies import Change, CompiledPolicy, sanitise
from tools_registry.specs import ToolSpec
from tools_registry.validation.findings import Finding, Severity
from tools_registry.validation.syntax import NOTHING, read_arguments

LAST = 300
_EXAMPLES = 3
_CHANGES = 5
_LAYERS = frozenset(["rule", "content"])


@dataclass
class Caught:
    """One rule or content check, and the calls that it would catch; ``calls`` are the newest."""

    name: str
    code: str
    severity: Severity
    count: int = 0
    calls: list[tuple[UUID, str]] = field(default_factory=list)


@dataclass
class Tried:
    """What a policy would make of recorded calls. ``newly`` were not rejected when they came."""

    looked_at: int = 0
    rejected: int = 0
    flagged: int = 0
    newly: int = 0
    caught: list[Caught] = field(default_factory=list)
    sanitised: int = 0
    changes: list[tuple[UUID, Change]] = field(default_factory=list)


def try_policy(project: Project, spec: ToolSpec, policy: CompiledPolicy) -> Tried:
    """Judge the tool's last calls by its definition and this policy."""
    subject = Subject(spec, policy)
    batch = read_batch(project, query_of(spec.name, ""), None, LAST, timezone.now())
    contexts = read_contexts(batch.calls, subject) if subject.needs_context else {}
    tried, caught = Tried(len(batch.calls)), dict[tuple[str, str], Caught]()
    for call in batch.calls:
        outcome = compare(call.arguments, call.findings, subject, contexts.get(call.id))
        tried.rejected += outcome.now == "rejected"
        tried.flagged += outcome.now == "flagged"
        tried.newly += outcome.kind == "newly_rejected"
        _count(call, outcome.after, caught)
        _sanitise(call, policy, tried)
    tried.caught = sorted(caught.values(), key=lambda one: -one.count)
    return tried


def _count(
    call: Stored, findings: Sequence[Finding], caught: dict[tuple[str, str], Caught]
) -> None:
    """Count a call once for each rule and each content check that catches it."""
    seen = set()
    for one in findings:
        name = str(one.detail.get("rule") or one.pointer or "")
        key = (one.code, name)
        if one.layer not in _LAYERS or key in seen:
            continue
        seen.add(key)
        held = caught.setdefault(key, Caught(name, one.code, one.severity or "flagged"))
        held.count += 1
        if len(held.calls) < _EXAMPLES:
            held.calls.append((call.id, one.message))


def _sanitise(call: Stored, policy: CompiledPolicy, tried: Tried) -> None:
    if not policy.sanitisers:
        return
    value, _ = read_arguments(call.arguments)
    changes = sanitise(policy, value).changes if value is not NOTHING else ()
    tried.sanitised += bool(changes)
    room = max(0, _CHANGES - len(tried.changes))
    tried.changes += [(call.id, change) for change in changes[:room]]
