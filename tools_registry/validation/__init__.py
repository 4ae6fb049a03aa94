"""Is this call valid? One function judges a call layer by layer, one judges a turn.

Pure: values in, values out. The layers are, in this order, assembly, syntax, offer, schema,
rule, content; a later one is skipped where an earlier one left it nothing to judge, and says so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from tools_registry.policies.compiled import CompiledPolicy
from tools_registry.policies.context import CallContext
from tools_registry.validation.content import check_content
from tools_registry.validation.findings import Finding, LayerResult, Verdict, worst
from tools_registry.validation.meta import SchemaProblem, check_schema
from tools_registry.validation.offer import Offer, check_offer, check_turn
from tools_registry.validation.positions import json_positions
from tools_registry.validation.rules import check_rules
from tools_registry.validation.schema import check_arguments
from tools_registry.validation.syntax import NOTHING, read_arguments

_ASSEMBLED = LayerResult("assembly", True)
_NO_CONTEXT = CallContext()


def validate(
    call_name: str,
    arguments: str,
    *,
    offered: Offer | None,
    known: Collection[str] = (),
    tool_choice: object = None,
    assembly: Sequence[Finding] = (),
    policy: CompiledPolicy | None = None,
    context: CallContext | None = None,
) -> Verdict:
    """Judge one call.

    ``arguments`` is the raw text. ``offered`` are the turn's tools by name (None for a
    provider's own tool); None as a whole where they are not recorded. ``known`` are all names
    of the project's tools. ``tool_choice`` is the request's, in any provider's words.
    ``assembly`` are the findings that the call brought from its assembly. ``policy`` is the
    tool's published one; ``context`` is what its rules may know beside the arguments.
    """
    cut_off = bool(assembly) and any(one.code == "truncated_arguments" for one in assembly)
    value, syntax = read_arguments(arguments, cut_off=cut_off)
    offer = check_offer(call_name, offered, known, tool_choice)
    schema = _check_schema(call_name, value, offered)
    first = LayerResult("assembly", True, tuple(assembly)) if assembly else _ASSEMBLED
    return Verdict((first, syntax, offer, schema, *_check_policy(value, policy, context)))


def _check_policy(
    value: Any, policy: CompiledPolicy | None, context: CallContext | None
) -> tuple[LayerResult, LayerResult]:
    """What the tool's policy says: business rules, then content."""
    if value is NOTHING:
        note = "there are no readable arguments"
        return LayerResult("rule", False, note=note), LayerResult("content", False, note=note)
    return check_rules(policy, value, context or _NO_CONTEXT), check_content(policy, value)


def _check_schema(name: str, value: object, offered: Offer | None) -> LayerResult:
    if value is NOTHING:
        return LayerResult("schema", False, note="there are no readable arguments")
    spec = offered.get(name) if offered else None
    if spec is None:
        return LayerResult("schema", False, note="the tool has no definition in this turn")
    return check_arguments(spec, value, offered)


def validate_turn(called: Sequence[str], *, tool_choice: object = None) -> list[Finding]:
    """Findings of a turn as a whole; ``called`` are the names of its calls, in order."""
    return check_turn(called, tool_choice)


__all__ = [
    "CallContext",
    "CompiledPolicy",
    "Finding",
    "LayerResult",
    "Offer",
    "SchemaProblem",
    "Verdict",
    "check_schema",
    "json_positions",
    "validate",
    "validate_turn",
    "worst",
]
