"""A policy as somebody typed it: read and compiled, each problem at its line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tools_registry.definitions import nearest
from tools_registry.policies.compiled import CompiledPolicy, compile_policy
from tools_registry.policies.parts import BadPolicy
from tools_registry.policies.spec import PolicySpec
from tools_registry.validation.positions import json_positions
from tools_registry.validation.syntax import read_value

LARGEST = 200_000
"""Characters of a policy's JSON."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a policy cannot be saved, and where: a pointer into it, line and column from 1."""

    message: str
    pointer: str = ""
    line: int = 1
    column: int = 1

    def to_json(self) -> dict[str, Any]:
        return {
            "pointer": self.pointer,
            "line": self.line,
            "column": self.column,
            "severity": "error",
            "message": self.message,
        }


def read_policy(text: str) -> tuple[CompiledPolicy | None, tuple[Fault, ...]]:
    """The policy ready to use, or what keeps it from being used. Never raises."""
    if len(text) > LARGEST:
        return None, (Fault(f"Shorten the policy to {LARGEST:,} characters"),)
    value, finding = read_value(text)
    if finding:
        detail = finding.detail
        place = int(detail.get("line", 1)), int(detail.get("column", 1))
        reason = detail.get("reason") or finding.message
        return None, (Fault(f"This is not JSON: {reason}", "", *place),)
    try:
        return compile_policy(PolicySpec.from_json(value)), ()
    except BadPolicy as error:
        places = json_positions(text)
        faults = (
            Fault(one.reason, one.pointer, *nearest(one.pointer, places)) for one in error.problems
        )
        return None, tuple(faults)
