"""Is this call valid? One function judges a call layer by layer, one judges a turn.

Pure: values in, values out. The layers are, in this order, assembly, syntax, offer, schema;
a later one is skipped where an earlier one left it nothing to judge, and says so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tools_registry.validation.findings import Finding, LayerResult, Verdict, worst
from tools_registry.validation.meta import SchemaProblem, check_schema
from tools_registry.validation.offer import Offer, check_offer, check_turn
from tools_registry.validation.positions import json_positions
from tools_registry.validation.schema import check_arguments
from tools_registry.validation.syntax import NOTHING, read_arguments


def validate(
    call_name: str,
    arguments: str,
    *,
    offered: Offer | None,
    known: Collection[str] = (),
    tool_choice: object = None,
    assembly: Sequence[Finding] = (),
) -> Verdict:
    """Judge one call.

    ``arguments`` is the raw text. ``offered`` are the turn's tools by name (None for a
    provider's own tool); None as a whole where they are not recorded. ``known`` are all names
    of the project's tools. ``tool_choice`` is the request's, in any provider's words.
    ``assembly`` are the findings that the call brought from its assembly.
    """
    cut_off = any(finding.code == "truncated_arguments" for finding in assembly)
    value, syntax = read_arguments(arguments, cut_off=cut_off)
    offer = check_offer(call_name, offered, known, tool_choice)
    schema = _check_schema(call_name, value, offered)
    return Verdict((LayerResult("assembly", True, tuple(assembly)), syntax, offer, schema))


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
