"""What a semantic diff says: changes, their closed list of codes, and the effects behind them.

An effect speaks of the set of values that a schema admits. Whether it breaks depends on who
reads: callers of a tool send arguments (narrowing breaks), readers take results (widening does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Kind = Literal["breaking", "compatible", "wording"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Effect = Literal["narrows", "widens", "both", "unknown", "none", "wording"]
Direction = Literal["arguments", "results"]

CODES: dict[str, str] = {
    "tool_renamed": "The tool has another name",
    "tool_description_changed": "The tool's description reads otherwise",
    "strict_set": "Strict mode was switched on",
    "strict_unset": "Strict mode was switched off",
    "promise_withdrawn": "An MCP hint that callers may rely on is gone",
    "promise_made": "An MCP hint promises more than before",
    "annotation_changed": "Another annotation of the tool differs",
    "parameter_renamed": "A parameter has another name and the same schema",
    "parameter_removed": "A parameter is gone",
    "parameter_added": "A parameter is new",
    "parameter_required": "A parameter must now be given",
    "parameter_optional": "A parameter may now be left out",
    "type_changed": "Other JSON types are allowed",
    "values_changed": "Another list of values is allowed",
    "range_changed": "A bound of a number, length or count moved",
    "multiple_changed": "Numbers must be multiples of something else",
    "pattern_changed": "Texts must match another pattern",
    "format_changed": "Texts must be of another format",
    "uniqueness_changed": "Items may, or may no longer, repeat",
    "closed": "Parameters that are not named are no longer allowed",
    "opened": "Parameters that are not named are allowed now",
    "alternative_removed": "One of several alternatives is gone",
    "alternative_added": "There is one more alternative",
    "condition_changed": "A condition between parts of the value differs",
    "draft_changed": "The schema is of another draft of JSON Schema",
    "schema_changed": "The schema differs in a way that cannot be decided",
    "parameter_description_changed": "The description of a part reads otherwise",
    "default_changed": "The default that a model is told differs",
    "note_changed": "A keyword that is not checked differs",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference of two definitions.

    ``what`` is one of ``CODES``. ``pointer`` leads into the new definition's ``to_json()``, or
    into the old one's where ``detail`` has ``{"in": "old"}``. ``old`` and ``new`` are the JSON
    values that differ, None where there is none. ``reason`` is one or two sentences.
    """

    kind: Kind
    what: str
    pointer: str
    old: Any
    new: Any
    reason: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "what": self.what,
            "pointer": self.pointer,
            "old": self.old,
            "new": self.new,
            "reason": self.reason,
            "detail": dict(self.detail),
        }


@dataclass(frozen=True, slots=True)
class Found:
    """A difference of two schemas before anybody asked whom it concerns.

    ``lost`` breaks whatever the effect: a name that callers or readers use is gone.
    """

    effect: Effect
    what: str
    pointer: str
    old: Any
    new: Any
    fact: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    lost: bool = False

    @property
    def may_narrow(self) -> bool:
        """Whether a value that the old schema admits may be refused by the new one."""
        return self.effect in ("narrows", "both", "unknown")

    @property
    def may_widen(self) -> bool:
        return self.effect in ("widens", "both", "unknown")


def judge(found: Found, direction: Direction) -> Change:
    """The change that a found difference is for callers or for readers."""
    breaks = found.may_narrow if direction == "arguments" else found.may_widen
    kind: Kind = "breaking" if breaks or found.lost else "compatible"
    if found.effect == "wording":
        kind = "wording"
    reason = f"{found.fact}. {_tell(found, kind, direction)}"
    detail = {**found.detail, "direction": direction, "effect": found.effect}
    return Change(kind, found.what, found.pointer, found.old, found.new, reason, detail)


def _tell(found: Found, kind: Kind, direction: Direction) -> str:
    if kind == "wording":
        return "Nothing is checked otherwise; a model may act otherwise"
    if found.lost:
        known = "Callers that send it" if direction == "arguments" else "Readers that use it"
        return f"{known} are not understood any more"
    if found.effect == "unknown" and kind == "breaking":
        what = "call" if direction == "arguments" else "reader"
        return f"Not provably compatible, so it counts as breaking for every {what}"
    return {
        ("breaking", "arguments"): "A call that was valid may now be refused",
        ("breaking", "results"): "A result may now be what readers do not expect",
        ("compatible", "arguments"): "Every call that was valid stays valid",
        ("compatible", "results"): "Every result still fits the old schema",
    }[kind, direction]
