"""Lint of what the console holds: a version with its predecessor and neighbours, or a draft."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from console.accounts.models import Project
from tools_registry import registry, spelling
from tools_registry.definitions import nearest, translate
from tools_registry.drafts import Draft
from tools_registry.lint import Dictionary, Problem, lint, name_words, text_words
from tools_registry.lint.edits import edits_of
from tools_registry.lint.parts import parameters
from tools_registry.lint.words import check_spelling
from tools_registry.models import Tool, ToolVersion
from tools_registry.specs import ToolSpec
from tools_registry.validation.positions import json_positions
from tools_registry.validation.syntax import read_value

_NEIGHBOURS = 100


@dataclass(frozen=True)
class Linted:
    """``note`` says what could not be checked, "" where everything was."""

    problems: list[Problem]
    note: str = ""


def lint_version(version: ToolVersion) -> Linted:
    """A saved version, held against the one before it and the project's other tools."""
    before = version.tool.versions.filter(number__lt=version.number).order_by("-number")[:2]
    return _lint(version.spec, version.project, *(older.spec for older in before))


def lint_draft(project: Project, text: str, draft: Draft, tool: Tool | None) -> dict[str, Any]:
    """What the editor shows of a draft: each problem at its line, with its fix as edits."""
    if draft.spec is None:
        return {"lint": [], "note": ""}
    # The name that a slip of the newest version replaced stands in the one before it.
    earlier = [version.spec for version in tool.versions.order_by("-number")[:2]] if tool else []
    linted = _lint(draft.spec, project, *earlier)
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


def _lint(spec: ToolSpec, project: Project, *earlier: ToolSpec) -> Linted:
    toolset = _neighbours(project, spec.name)
    words, note = spelling.dictionary(), ""
    try:
        words.correct(name_words(spec) | text_words(spec))
    except spelling.NoDictionary as error:
        words, note = Dictionary(), f"Spelling is not checked by dictionary: {error}"
    previous = earlier[0] if earlier else None
    found = lint(spec, previous=previous, toolset=toolset, dictionary=words)
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
    """The newest versions of the project's other tools in use."""
    tools = Tool.objects.filter(project=project, archived_at=None).exclude(name=name)
    newest = registry.newest_versions(list(tools.order_by("name")[:_NEIGHBOURS]))
    return [version.spec for version in newest.values()]
