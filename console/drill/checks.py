"""What the drill must see, and whether it did. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.drill.story import TOOL, Decoy

DETECTION = 90.0
"""Seconds from the first refused call until the alert must fire."""
_SUSPECTED = ("likely", "possible")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was to be seen; ``seconds`` is how long it took, None where that says
    nothing."""

    name: str
    passed: bool
    seconds: float | None = None
    detail: str = ""


@dataclass
class Report:
    """The steps so far, each told as it comes."""

    steps: list[Step] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return bool(self.steps) and all(step.passed for step in self.steps)


def first_suspect(suspects: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The best of an incident's suspects, as the API tells them; None where none is one."""
    best = suspects[0] if suspects else None
    return best if best and best["grade"] in _SUSPECTED else None


def name_suspect(suspect: Mapping[str, Any] | None) -> str:
    if suspect is None:
        return "no suspect"
    number = f" v{suspect['version']}" if suspect.get("version") else ""
    return f"{suspect['kind']} {suspect['name']}{number}, {suspect['grade']}"


def is_right(suspect: Mapping[str, Any] | None, decoy: Decoy, number: int = 2) -> bool:
    """Is it the version that the drill sent, or nobody where no record says why?"""
    if decoy == "nothing":
        return suspect is None
    return suspect is not None and (suspect["kind"], suspect["name"], suspect["version"]) == (
        "version",
        TOOL,
        number,
    )
