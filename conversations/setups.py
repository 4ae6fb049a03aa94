"""The playground's setup: its JSON as the page edits it, made from turns, runs and requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from console.accounts.models import Project, User
from console.lib import json
from conversations.models import PlaygroundSetup, Run
from tools_registry.dialects import UnreadableTool, read_tool
from tools_registry.models import ToolVersion

Setup = dict[str, Any]
NUMBERS = ("temperature", "max_tokens", "top_p", "seed")
LARGEST = 8 * 1024 * 1024
"""Bytes of a setup that is kept."""


def read_saved(project: Project, user: User) -> Setup:
    """What this person last had in the project's playground; empty at first."""
    found = PlaygroundSetup.objects.filter(project=project, user=user).first()
    setup = json.load(found.body) if found else {}
    return setup if isinstance(setup, dict) else {}


def save(project: Project, user: User, setup: Setup) -> None:
    PlaygroundSetup.objects.update_or_create(
        project=project, user=user, defaults={"body": json.dump(setup)}
    )


def of_request(request: Mapping[str, Any], tools: list[dict[str, Any]]) -> Setup:
    """The setup that would send this request; ``tools`` are its tools as ``pick`` gives them."""
    parameters = dict(request.get("parameters") or {})
    numbers = {name: str(parameters.pop(name)) for name in NUMBERS if name in parameters}
    parallel, strict = parameters.pop("parallel_tool_calls", None), parameters.pop("strict", None)
    return {
        "title": request.get("title") or "",
        "messages": list(request.get("messages") or []),
        "tools": tools,
        "connection": request.get("connection"),
        "model": request.get("model") or "",
        "parameters": numbers,
        "extra": json.pretty(parameters) if parameters else "",
        "tool_choice": _choice(request.get("tool_choice")),
        "parallel": parallel if isinstance(parallel, bool) else None,
        "strict": strict if isinstance(strict, bool) else None,
        "answers": dict(request.get("answers") or {}),
        # Its tools are those that a router left.
        "router": None,
        "pause": request.get("pause"),
        "columns": [{"letter": "A"}],
        "trials": 1,
        "group": None,
        "conversation": None,
        "origin": None,
    }


def _choice(choice: Any) -> str:
    if isinstance(choice, Mapping):
        name = (choice.get("function") or {}).get("name") or choice.get("name")
        return f"tool:{name}" if name else "auto"
    return choice if choice in ("auto", "none", "required") else "auto"


def pick(
    project: Project, entries: Sequence[Mapping[str, Any]], ids: Sequence[int] = ()
) -> list[dict[str, Any]]:
    """A request's tools for the setup: by version where there is one, else by definition.

    ``entries`` are wire definitions, or a run's ``{"version"}`` and ``{"definition"}``; ``ids``
    are the versions of wire definitions in the same order, 0 where there is none.
    """
    wanted = [_version_id(entry, at, ids) for at, entry in enumerate(entries)]
    rows = ToolVersion.objects.filter(project=project, pk__in=[pk for pk in wanted if pk])
    versions = {row.pk: row for row in rows.select_related("tool")}
    found = []
    for pk, entry in zip(wanted, entries, strict=True):
        if pk in versions:
            row = versions[pk]
            found.append({"version": row.pk, "number": row.number, "name": row.tool.name})
        elif "version" not in entry:
            found.append(_by_definition(entry.get("definition", entry)))
    return found


def _version_id(entry: Mapping[str, Any], at: int, ids: Sequence[int]) -> int:
    given = entry.get("version", ids[at] if at < len(ids) else 0)
    return given if isinstance(given, int) else 0


def _by_definition(definition: Any) -> dict[str, Any]:
    try:
        spec = read_tool(definition)
    except UnreadableTool:
        spec = None
    if spec is None:
        return {"definition": definition, "name": "", "base": None}
    return {"definition": spec.to_json(), "name": spec.name, "base": None}


def of_runs(project: Project, runs: Sequence[Run]) -> Setup:
    """The setup of one press of Run: column A's request, and what the others change."""
    requests = {run.column: json.load(run.request) for run in reversed(runs)}
    letters = sorted(requests)
    first = requests[letters[0]]
    base = of_request(first, pick(project, first.get("tools") or []))
    base["columns"] = [
        {"letter": letter, **_changes(project, base, first, requests[letter])} for letter in letters
    ]
    # A page shows its columns from A on, also when only B was run again.
    for letter, column in zip("ABCD", base["columns"], strict=False):
        column["letter"] = letter
    base["trials"] = max(run.trial for run in runs)
    base["group"] = str(runs[0].group)
    return base


def _changes(
    project: Project, base: Setup, first: Mapping[str, Any], other: Mapping[str, Any]
) -> dict[str, Any]:
    if other is first:
        return {}
    found: dict[str, Any] = {
        key: other.get(key) for key in ("connection", "model") if other.get(key) != first.get(key)
    }
    system = _system(other)
    if system != _system(first):
        found["system"] = system or ""
    common = {tool["name"]: tool for tool in base["tools"]}
    versions = {
        tool["name"]: {"id": tool["version"], "number": tool["number"]}
        for tool in pick(project, other.get("tools") or [])
        if "version" in tool and tool != common.get(tool["name"])
    }
    return found | ({"versions": versions} if versions else {})


def _system(request: Mapping[str, Any]) -> str | None:
    messages = request.get("messages") or [{}]
    content = messages[0].get("content") if messages[0].get("role") == "system" else None
    return content if isinstance(content, str) else None


def catalogue(versions: Iterable[ToolVersion]) -> list[dict[str, Any]]:
    """The project's tools for picking: each with its versions, newest first, and a summary."""
    tools: dict[str, dict[str, Any]] = {}
    for version in versions:
        tool = tools.get(version.tool.name)
        if tool is None:
            summary = version.spec.description.strip().split("\n")[0][:160]
            tool = {"name": version.tool.name, "summary": summary, "versions": []}
            tools[version.tool.name] = tool
        tool["versions"].append(
            {"id": version.pk, "number": version.number, "origin": version.origin}
        )
    return list(tools.values())
