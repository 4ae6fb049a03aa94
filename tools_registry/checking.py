"""Lint of what the console holds: a version with its predecessor and neighbours, or a draft."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from console.accounts.models import Project
from tools_registry import registry, spelling
from tools_registry.definitions import nearest, translate
from tools_registry.drafts import Draft
from tools_registry.lint import Dictionary, Problem, Severity, lint, name_words, text_words
from tools_registry.lint.edits import edits_of
from tools_registry.lint.parts import parameters
from tools_registry.lint.words import check_spelling
from tools_registry.lint_settings import LintRules, read_rules
from tools_registry.models import Tool, ToolVersion
from tools_registry.specs import ToolSpec
from tools_registry.validation.positions import json_positions
from tools_registry.validation.syntax import read_value

_NEIGHBOURS = 100
_MOST_COUNTED = 4096
_EARLIER = 2
"""The name that a slip of one version replaced stands in the one before it."""

# How many problems a definition has after which earlier ones, by their hashes and the rules.
_counted: dict[tuple[object, ...], Mapping[Severity, int]] = {}


@dataclass(frozen=True)
class Linted:
    """``note`` says what could not be checked, "" where everything was."""

    problems: list[Problem]
    note: str = ""

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity == "error"]


def lint_version(version: ToolVersion) -> Linted:
    """A saved version, held against the one before it and the project's other tools."""
    before = version.tool.versions.filter(number__lt=version.number).order_by("-number")
    return _lint_in_project(version.spec, version.project, before[:_EARLIER])


def lint_next(project: Project, spec: ToolSpec, tool: Tool | None) -> Linted:
    """What would be the next version of ``tool``, or the first of a new one."""
    before = tool.versions.order_by("-number")[:_EARLIER] if tool else ()
    return _lint_in_project(spec, project, before)


def _lint_in_project(spec: ToolSpec, project: Project, before: Collection[ToolVersion]) -> Linted:
    earlier = [older.spec for older in before]
    return _lint(spec, read_rules(project), earlier, _neighbours(project, spec.name))


def lint_draft(project: Project, text: str, draft: Draft, tool: Tool | None) -> dict[str, Any]:
    """What the editor shows of a draft: each problem at its line, with its fix as edits."""
    if draft.spec is None:
        return {"lint": [], "note": ""}
    linted = lint_next(project, draft.spec, tool)
    value, _ = read_value(text)
    places = json_positions(text)
    told = []
    for problem in linted.problems:
        pointer = translate(value, problem.pointer)
        line, column = nearest(pointer, places)
        fix = problem.fix
        edits = edits_of(text, fix, translate(value, fix.pointer)) if fix else []
        shown = problem.to_json() | {"line": line, "column": column, "pointer": pointer}
        shown["fix"] = (
            {"text": fix.text, "edits": [edit.to_json() for edit in edits]}
            if fix and edits
            else None
        )
        told.append(shown)
    return {"lint": told, "note": linted.note}


def count_problems(
    versions: Collection[ToolVersion], rules: LintRules
) -> dict[int, Mapping[Severity, int]]:
    """How many problems of each severity each version has by itself, by the version's id.

    What concerns it among other tools is not counted. What this process counted it keeps.
    """
    found: dict[int, Mapping[Severity, int]] = {}
    by_tool = _rank_newest({version.tool_id for version in versions})
    if len(_counted) > _MOST_COUNTED:
        _counted.clear()
    for version in versions:
        newest = by_tool.get(version.tool_id, ())
        earlier = [one for one in newest if one.number < version.number][:_EARLIER]
        key = (version.hash, *(one.hash for one in earlier), rules)
        if key not in _counted:
            specs = [one.spec for one in earlier]
            problems = _lint(version.spec, rules, specs, ()).problems
            _counted[key] = Counter(problem.severity for problem in problems)
        found[version.pk] = _counted[key]
    return found


def _rank_newest(tools: Collection[int]) -> dict[int, list[ToolVersion]]:
    """The few newest versions of each tool, the newest first."""
    newest = Window(RowNumber(), partition_by=F("tool_id"), order_by=F("number").desc())
    ranked = ToolVersion.objects.filter(tool__in=tools).annotate(rank=newest)
    by_tool: dict[int, list[ToolVersion]] = {}
    for version in ranked.filter(rank__lte=_EARLIER + 2).order_by("-number"):
        by_tool.setdefault(version.tool_id, []).append(version)
    return by_tool


def _lint(
    spec: ToolSpec, rules: LintRules, earlier: Sequence[ToolSpec], toolset: Sequence[ToolSpec]
) -> Linted:
    words, note = rules.dictionary, ""
    try:
        words.correct(name_words(spec) | text_words(spec))
    except spelling.NoDictionary as error:
        words = Dictionary(words.words)
        note = f"Spelling is not checked by dictionary: {error}"
    found = lint(
        spec,
        previous=earlier[0] if earlier else None,
        toolset=toolset,
        dictionary=words,
        providers=rules.providers,
        limits=rules.limits,
    )
    for older in earlier[1:]:
        found = _heed_older(found, spec, older, words)
    return Linted(found, note)


def _heed_older(
    found: list[Problem], spec: ToolSpec, older: ToolSpec, words: Dictionary
) -> list[Problem]:
    """A name that the version before the previous one had is no slip, but its repair; and a slip
    of such a name is one also where the previous version had it already.
    """
    names = {part.pointer for part in parameters(older)}
    alone = {slip.pointer for slip in check_spelling(spec, None, words)}
    kept = [
        problem
        for problem in found
        if problem.code != "param_misspelled"
        or problem.pointer not in names
        or problem.pointer in alone
    ]
    told = {problem.pointer for problem in kept if problem.code == "param_misspelled"}
    slips = [
        replace(slip, tool=spec.name)
        for slip in check_spelling(spec, older, words)
        if slip.code == "param_misspelled" and slip.pointer not in told
    ]
    return slips + kept


def _neighbours(project: Project, name: str) -> list[ToolSpec]:
    """The versions in use of the project's other tools."""
    tools = Tool.objects.filter(project=project, archived_at=None).exclude(name=name)
    found = registry.current_versions(list(tools.order_by("name")[:_NEIGHBOURS]))
    return [version.spec for version in found.values() if not version.retired_at]
