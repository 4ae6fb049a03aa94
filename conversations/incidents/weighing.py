"""What a definition itself says of a suspect: could its change do what went wrong?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tools_registry import diff
from tools_registry.checking import lint_version
from tools_registry.diff import Change
from tools_registry.lint import Problem
from tools_registry.models import ToolVersion

BREAKING, HARMLESS, WORDING = 1.25, 0.5, 0.95
LINTED = 1.1
_RULES = ("rule", "content")
_OF_WORDING = "expectation"
"""The layer that a description alone can fill: the wrong tool was chosen."""
_HALF = 0.5


@dataclass(frozen=True)
class Definition:
    """A version against the one before it, None for the first."""

    version: ToolVersion
    previous: ToolVersion | None

    @cached_property
    def changes(self) -> list[Change]:
        """The breaking ones first."""
        return diff.compare(self.previous.spec, self.version.spec) if self.previous else []

    @cached_property
    def problems(self) -> list[Problem]:
        """What lint has against it and had not against the one before."""
        found = lint_version(self.version).problems
        if self.previous is None:
            return found
        before = {(one.code, one.pointer) for one in lint_version(self.previous).problems}
        return [one for one in found if (one.code, one.pointer) not in before]

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity == "error"]

    @property
    def is_breaking(self) -> bool:
        return any(change.kind == "breaking" for change in self.changes)


def read_definition(version: ToolVersion) -> Definition:
    earlier = version.tool.versions.filter(number__lt=version.number)
    return Definition(
        version, earlier.select_related("tool", "project").order_by("-number").first()
    )


def weigh_version(version: ToolVersion, layers: Mapping[str, int]) -> float:
    """More than 1 where the change can spoil calls as they are spoiled. ``layers`` counts the
    findings of the bad calls by layer; none where people say that they are bad."""
    found = read_definition(version)
    weight = LINTED if found.errors else 1.0
    if found.previous is None:
        return weight
    if found.is_breaking:
        return weight * BREAKING
    is_wording = layers.get(_OF_WORDING, 0) >= _HALF * sum(layers.values())
    return weight * (WORDING if is_wording else HARMLESS)


def weigh_policies(layers: Mapping[str, int]) -> float:
    """A policy's rules speak in layers of their own."""
    ruled = sum(layers.get(layer, 0) for layer in _RULES)
    return 1.5 if ruled and ruled >= _HALF * sum(layers.values()) else 0.5
