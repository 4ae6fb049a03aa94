"""Several tools that are offered together: what they weigh, which a model will confuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.accounts.models import Project
from tools_registry import lint, registry, spelling
from tools_registry.lint import (
    Dictionary,
    Problem,
    Severity,
    check_whole,
    look_alikes,
    other_names,
    weigh,
)
from tools_registry.lint_settings import LintRules
from tools_registry.models import Tool, Toolset, ToolVersion
from tools_registry.specs import ToolSpec

MOST = 250
"""Tools that are held against each other: their pairs grow with the square."""


@dataclass(frozen=True)
class Weighed:
    """One tool of the set; ``share`` is its part of all tokens, 0 to 100."""

    version: ToolVersion
    tokens: int
    share: float
    counts: Mapping[Severity, int]
    """Problems that it has by itself, by severity."""


@dataclass(frozen=True)
class ToolsetLint:
    """``whole`` is about the set; ``alike`` has two names and why a model will confuse them.

    ``names`` are things that the tools call differently: each name with the tools that use it.
    ``left_out`` tools were too many.
    """

    tools: Sequence[Weighed]
    whole: Sequence[Problem]
    alike: Sequence[tuple[str, str, str]]
    names: Sequence[Mapping[str, Sequence[str]]]
    left_out: int = 0

    @property
    def tokens(self) -> int:
        return sum(tool.tokens for tool in self.tools)


def lint_project(project: Project, rules: LintRules) -> ToolsetLint:
    """The project's tools in use, each by the version that is not retired."""
    tools = list(Tool.objects.filter(project=project, archived_at=None).order_by("name"))
    versions = [one for one in registry.current_versions(tools).values() if not one.retired_at]
    versions.sort(key=lambda version: version.tool.name)
    return _lint(versions, rules)


def lint_toolset(toolset: Toolset, rules: LintRules) -> ToolsetLint:
    """A set that a model was offered, in its order."""
    rows = ToolVersion.objects.select_related("tool").in_bulk(toolset.versions)
    return _lint([rows[pk] for pk in dict.fromkeys(toolset.versions) if pk in rows], rules)


def _lint(versions: Sequence[ToolVersion], rules: LintRules) -> ToolsetLint:
    held, left_out = versions[:MOST], max(0, len(versions) - MOST)
    specs = [version.spec for version in held]
    tokens = [_weigh(spec) for spec in specs]
    whole = sum(tokens) or 1
    counts = _count_each(specs, rules)
    return ToolsetLint(
        [
            Weighed(version, weight, 100 * weight / whole, count)
            for version, weight, count in zip(held, tokens, counts, strict=True)
        ],
        list(check_whole(specs, rules.limits)),
        look_alikes(specs),
        other_names(specs),
        left_out,
    )


def _weigh(spec: ToolSpec) -> int:
    try:
        return weigh(spec)
    except RecursionError:
        return 0


def _count_each(specs: Sequence[ToolSpec], rules: LintRules) -> list[Counter[Severity]]:
    words = rules.dictionary
    asked = set().union(*(lint.name_words(spec) | lint.text_words(spec) for spec in specs))
    try:
        words.correct(asked)
    except spelling.NoDictionary:
        words = Dictionary(words.words)
    options = {"dictionary": words, "providers": rules.providers, "limits": rules.limits}
    found = [lint.lint(spec, **options) for spec in specs]  # type: ignore[arg-type]
    return [Counter(problem.severity for problem in problems) for problems in found]
