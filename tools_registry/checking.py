"""Lint of what the console holds: a version with its predecessor and neighbours, or a draft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from console.accounts.models import Project
from tools_registry import registry, spelling
from tools_registry.definitions import nearest, translate
from tools_registry.drafts import Draft
from tools_registry.lint import Problem, lint
from tools_registry.lint.edits import edits_of
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
    before = version.tool.versions.filter(number__lt=version.number).order_by("-number").first()
    return _lint(version.spec, version.project, before.spec if before else None)


def lint_draft(project: Project, text: str, draft: Draft, tool: Tool | None) -> dict[str, Any]:
    """What the editor shows of a draft: each problem at its line, with its fix as edits."""
    if draft.spec is None:
        return {"lint": [], "note": ""}
    latest = tool.latest if tool else None
    linted = _lint(draft.spec, project, latest.spec if latest else None)
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


def _lint(spec: ToolSpec, project: Project, previous: ToolSpec | None) -> Linted:
    toolset = _neighbours(project, spec.name)
    try:
        words = spelling.dictionary()
        return Linted(lint(spec, previous=previous, toolset=toolset, dictionary=words))
    except spelling.NoDictionary as error:
        found = lint(spec, previous=previous, toolset=toolset)
        return Linted(found, f"Spelling is not checked by dictionary: {error}")


def _neighbours(project: Project, name: str) -> list[ToolSpec]:
    """The newest versions of the project's other tools in use."""
    tools = Tool.objects.filter(project=project, archived_at=None).exclude(name=name)
    newest = registry.newest_versions(list(tools.order_by("name")[:_NEIGHBOURS]))
    return [version.spec for version in newest.values()]
