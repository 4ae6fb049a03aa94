"""What each item of an import would become in a project, before anything is saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from console.accounts.models import Project
from console.lib.fields import to_stored
from tools_registry import diff, registry, spelling
from tools_registry.diff import Change
from tools_registry.importers import Imported
from tools_registry.lint import Dictionary, Problem, lint, name_words, text_words
from tools_registry.lint_settings import LintRules, read_rules
from tools_registry.models import Tool, ToolVersion
from tools_registry.specs import ToolSpec

Fate = Literal["new", "version", "again", "unchanged", "refused"]
_STEP = 10


@dataclass(frozen=True)
class Planned:
    """``new`` is a tool, ``version`` a further one of a tool that is there. ``again`` is a
    version that is there and not in use, ``unchanged`` the one in use. ``number`` is the
    version's; ``changes`` are against the version in use.
    """

    item: Imported
    fate: Fate
    number: int = 0
    changes: Sequence[Change] = ()
    problems: Sequence[Problem] = ()

    def to_json(self) -> dict[str, Any]:
        item = self.item
        return {
            "at": item.at,
            "title": item.title,
            "line": item.line,
            "column": item.column,
            "name": item.spec.name if item.spec else "",
            "is_part": item.is_part,
            "problem": item.problem,
            "problem_at": item.problem_at,
            "notes": [note.to_json() for note in item.notes],
            "definition": item.spec.to_json() if item.spec else None,
            "fate": self.fate,
            "number": self.number,
            "changes": [
                {"kind": one.kind, "what": one.what, "pointer": one.pointer, "reason": one.reason}
                for one in self.changes
            ],
            "lint": [
                {"severity": one.severity, "code": one.code, "pointer": one.pointer}
                | {"message": one.message}
                for one in self.problems
            ],
        }


def plan(
    project: Project, items: Sequence[Imported], tell: Callable[[int], None] = lambda done: None
) -> tuple[list[Planned], str]:
    """What would become of each, and a note where lint could not check all.

    ``tell`` is told now and then how many are done, and may raise to stop.
    """
    specs = [item.spec for item in items if item.spec]
    rules, note = _read_rules(project, specs)
    held = _Held(project, specs)
    planned = []
    for done, item in enumerate(items):
        if done % _STEP == 0:
            tell(done)
        planned.append(_plan(item, held, rules))
    tell(len(items))
    return planned, note


def _read_rules(project: Project, specs: Sequence[ToolSpec]) -> tuple[LintRules, str]:
    """Asked once for all words, so that a dictionary that must be started answers once."""
    rules = read_rules(project)
    asked = set().union(*(name_words(spec) | text_words(spec) for spec in specs))
    try:
        rules.dictionary.correct(asked)
    except spelling.NoDictionary as error:
        plain = LintRules(Dictionary(rules.dictionary.words), rules.providers, rules.limits)
        return plain, f"Spelling is not checked by dictionary: {error}"
    return rules, ""


class _Held:
    """The project's tools of these names, with the version in use of each."""

    def __init__(self, project: Project, specs: Sequence[ToolSpec]) -> None:
        names = {spec.name for spec in specs if to_stored(spec.name) == spec.name}
        tools = list(Tool.objects.filter(project=project, name__in=names))
        self.tools = {tool.name: tool for tool in tools}
        self.current = registry.current_versions(tools)
        self.same = {
            (version.tool.name, version.hash): version
            for version in ToolVersion.objects.select_related("tool").filter(
                tool__in=tools, hash__in={spec.hash for spec in specs}
            )
        }
        numbers = ToolVersion.objects.filter(tool__in=tools).values_list("tool_id", "number")
        self.highest: dict[int, int] = {}
        for tool_id, number in numbers:
            self.highest[tool_id] = max(number, self.highest.get(tool_id, 0))


def _plan(item: Imported, held: _Held, rules: LintRules) -> Planned:
    spec = item.spec
    if spec is None:
        return Planned(item, "refused")
    if to_stored(spec.name) != spec.name:
        problem = "Take NULs and broken characters out of the name"
        refused = Imported(item.at, item.title, None, item.notes, problem, item.at)
        return Planned(refused, "refused")
    tool = held.tools.get(spec.name)
    current = held.current.get(tool.pk) if tool else None
    problems = lint(
        spec,
        previous=current.spec if current else None,
        dictionary=rules.dictionary,
        providers=rules.providers,
        limits=rules.limits,
    )
    if tool is None or current is None:
        return Planned(item, "new", 1, (), problems)
    same = held.same.get((spec.name, spec.hash))
    if same is None:
        changes = diff.compare(current.spec, spec)
        return Planned(item, "version", held.highest[tool.pk] + 1, changes, problems)
    in_use = same.pk == current.pk and same.state == "published" and tool.archived_at is None
    changes = [] if same.pk == current.pk else diff.compare(current.spec, spec)
    return Planned(item, "unchanged" if in_use else "again", same.number, changes, problems)
