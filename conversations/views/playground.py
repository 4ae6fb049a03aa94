"""The playground: its page, its setup, and what the page asks for on the way."""

from __future__ import annotations

import uuid
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from console.accounts.access import ProjectRequest, member
from console.accounts.models import Project
from console.lib import json
from console.lib.pages import BadCursor, Page, read_page
from console.lib.problems import problem
from conversations import answers, connections, recording, setups
from conversations.carrying import carry
from conversations.models import Conversation, Run, Turn
from tools_registry.dialects import UnreadableTool, read_tools
from tools_registry.models import RouterVersion, ToolVersion

ANY = uuid.UUID(int=0)
RECENT = 40
MOST_VERSIONS = 5000


@member("viewer")
@require_GET
def show(request: ProjectRequest) -> HttpResponse:
    """The page with what this person last had, or what the address asks for."""
    saved = setups.read_saved(request.project, request.user)
    setup = _find_asked(request, saved) or saved
    return _render(request, setup, [])


@member("viewer")
@require_GET
def show_run(request: ProjectRequest, run: UUID) -> HttpResponse:
    """The page with the runs that one press started, live or replayed."""
    found = get_object_or_404(Run, pk=run, project=request.project)
    runs = list(
        Run.objects.filter(project=request.project, group=found.group).order_by("column", "trial")
    )
    saved = setups.read_saved(request.project, request.user)
    is_mine = saved.get("group") == str(found.group)
    setup = saved if is_mine else setups.of_runs(request.project, runs)
    return _render(request, setup, runs)


def _render(request: ProjectRequest, setup: setups.Setup, runs: list[Run]) -> HttpResponse:
    project = request.project
    found = connections.find_open(project)
    data = {
        "urls": _urls(project),
        "anyRun": str(ANY),
        "setup": setup,
        "connections": [connections.choices_of(connection) for connection in found],
        "routers": _list_routers(project),
        "catalogue": setups.catalogue(_find_versions(project)),
        "runs": [_describe_run(run) for run in runs],
        "from": (setup.get("origin") or {}).get("turn"),
        "mayRun": request.member.may("responder"),
    }
    context = {
        "data": data,
        "origin": setup.get("origin"),
        "run": runs[0] if runs else None,
        "recent": _find_recent(project),
        "group": str(runs[0].group) if runs else "",
        "connections": found,
    }
    return render(request, "conversations/playground.html", context)


def _list_routers(project: Project) -> list[dict[str, Any]]:
    """The newest version of each router in use."""
    rows = RouterVersion.objects.select_related("router").filter(
        project=project, router__archived_at=None
    )
    newest = rows.order_by("router__name", "-number").distinct("router__name")
    return [{"id": version.pk, "name": str(version)} for version in newest[:200]]


def _urls(project: Project) -> dict[str, str]:
    def url(name: str, *args: object) -> str:
        return reverse(f"conversations:{name}", args=[project.slug, *args])

    return {
        "save": url("setup-save"),
        "tools": url("playground-tools"),
        "version": url("playground-version", 0),
        "recorded": url("playground-recorded"),
        "recent": url("run-list"),
        "run": url("run", ANY),
        "turn": url("turn-find", ANY),
        "conversation": url("conversation", ANY),
        "playground": url("playground"),
        "toolList": reverse("tools_registry:tool-list", args=[project.slug]),
        "signIn": reverse("accounts:sign-in"),
        "socket": f"/ws/playground/?project={project.slug}",
    }


def _describe_run(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.pk),
        "column": run.column,
        "trial": run.trial,
        "group": str(run.group),
        "model": run.model,
        "conversation": str(run.conversation_id) if run.conversation_id else None,
    }


def _find_versions(project: Project) -> list[ToolVersion]:
    rows = ToolVersion.objects.filter(project=project, tool__archived_at=None, retired_at=None)
    return list(rows.select_related("tool").order_by("tool__name", "-number")[:MOST_VERSIONS])


# ---- what an address may ask for


def _find_asked(request: ProjectRequest, saved: setups.Setup) -> setups.Setup | None:
    asked = request.GET
    if "tool" in asked:
        return _with_tool(request.project, saved, asked["tool"])
    if "from" in asked:
        return _of_turn(_find_turn(request.project, pk=_read_uuid(asked["from"])))
    if "fork" in asked:
        turn = _find_turn(
            request.project,
            conversation_id=_read_uuid(asked["fork"]),
            number=_read_number(asked.get("turn", "")),
        )
        return _of_turn(turn, keep=_read_number(asked.get("message", "")))
    return None


def _with_tool(project: Project, saved: setups.Setup, version: str) -> setups.Setup:
    """The saved setup with this tool version in place of the tool's other ones."""
    row = get_object_or_404(
        ToolVersion.objects.select_related("tool"), pk=_read_number(version), project=project
    )
    tool = {"version": row.pk, "number": row.number, "name": row.tool.name}
    others = [one for one in saved.get("tools") or [] if one.get("name") != row.tool.name]
    return {**saved, "tools": [*others, tool], "origin": None, "group": None}


def _find_turn(project: Project, **of: Any) -> Turn:
    return get_object_or_404(
        Turn.objects.select_related("conversation", "toolset"), project=project, **of
    )


def _of_turn(turn: Turn, keep: int | None = None) -> setups.Setup:
    """The request of a turn; with ``keep`` only its first messages, the reply counted after."""
    request = recording.rebuild_request(turn)
    if keep is not None:
        reply = json.load(turn.response) if turn.response else None
        request["messages"] = [*request["messages"], *([reply] if reply else [])][:keep]
    ids = turn.toolset.versions if turn.toolset else []
    carried = carry(request, ids, json.load(turn.notes))
    if turn.connection_id is None:
        asked = f"{turn.provider}'s {turn.model}" if turn.provider else turn.model
        carried.left.insert(
            0, f"The connection: {asked} was asked. Choose one that has a like model."
        )
    setup = setups.of_request(
        {
            "messages": carried.messages,
            "model": request["model"],
            "tool_choice": carried.tool_choice,
            "parameters": carried.parameters,
            "connection": turn.connection_id,
        },
        setups.pick(turn.project, carried.tools, carried.versions),
    )
    conversation = turn.conversation
    page = reverse("conversations:turn", args=[turn.project.slug, conversation.pk, turn.number])
    label = f"turn {turn.number} of {str(conversation)[:60]}"
    setup["origin"] = {"url": page, "label": label, "turn": str(turn.pk), "left": carried.left}
    # What an application said stays as it was recorded: only our own conversations go on.
    if conversation.source == "playground":
        setup["conversation"] = str(conversation.pk)
    return setup


def _read_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404("no such id") from None


def _read_number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise Http404("no such number")
    return int(text)


# ---- what the page asks for


@member("viewer")
@require_POST
def save_setup(request: ProjectRequest) -> HttpResponse:
    """Keep the page's setup for this person."""
    if len(request.body) > setups.LARGEST:
        return problem(413, "too_large", "The setup is larger than 8 MB; take messages out.")
    setup = _read_body(request)
    if setup is None:
        return problem(400, "not_json", "Send the setup as a JSON object.")
    setups.save(request.project, request.user, setup)
    return HttpResponse(status=204)


@member("viewer")
@require_POST
def read_pasted(request: ProjectRequest) -> HttpResponse:
    """Tool definitions of any dialect in ``{"text"}``, as the console would store them."""
    body = _read_body(request) or {}
    try:
        specs = read_tools(json.load(str(body.get("text", ""))))
    except UnreadableTool as error:
        return problem(422, "unreadable_tool", f"{error}")
    except ValueError as error:
        return problem(422, "not_json", f"This is not JSON: {error}")
    if not specs or None in specs:
        detail = "Only functions can be offered here; take a provider's own tools out."
        return problem(422, "no_function", detail)
    found = [{"name": spec.name, "definition": spec.to_json()} for spec in specs if spec]
    return JsonResponse({"tools": found})


@member("viewer")
@require_GET
def show_version(request: ProjectRequest, version: int) -> HttpResponse:
    """The definition of one tool version, to be edited as a copy."""
    row = get_object_or_404(ToolVersion, pk=version, project=request.project)
    return JsonResponse({"number": row.number, "definition": json.load(row.definition)})


@member("viewer")
@require_POST
def find_recorded(request: ProjectRequest) -> HttpResponse:
    """The last stored result of a tool, for the same ``arguments`` if there is one."""
    body = _read_body(request) or {}
    name, arguments = str(body.get("name", "")), str(body.get("arguments", ""))
    found = answers.recorded(request.project, name, arguments)
    if found.error:
        return JsonResponse({"result": None})
    return JsonResponse({"result": {"content": found.content, "note": found.note}})


def _read_body(request: HttpRequest) -> dict[str, Any] | None:
    try:
        body = json.load(request.body)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


# ---- runs


@member("viewer")
@require_GET
def list_runs(request: ProjectRequest) -> HttpResponse:
    """All runs of the project, newest first; for htmx the short list of the playground."""
    if request.htmx:
        context = {"recent": _find_recent(request.project), "group": request.GET.get("group", "")}
        return render(request, "conversations/_recent_runs.html", context)
    rows = Run.objects.filter(project=request.project).select_related("user")
    try:
        page: Page[Run] = read_page(rows, ["id"], request.GET.get("older", ""))
    except BadCursor:
        raise Http404("no such page") from None
    return render(request, "conversations/runs.html", {"page": page})


def _find_recent(project: Project) -> list[dict[str, Any]]:
    """The latest presses of Run, each with its runs summed up."""
    groups: dict[UUID, dict[str, Any]] = {}
    for run in Run.objects.filter(project=project).order_by("-id")[:RECENT]:
        group = groups.setdefault(run.group, {"run": run, "runs": [], "title": ""})
        group["runs"].append(run)
    for group in groups.values():
        first = min(group["runs"], key=lambda run: (run.column, run.trial))
        group["run"] = first
        group["title"] = first.title or _first_words(first)
        group["verdict"] = _worst([run.verdict for run in group["runs"]])
        group["status"] = _state([run.status for run in group["runs"]])
    return list(groups.values())[:8]


def _state(statuses: list[str]) -> str:
    """What is worth saying of runs before their verdict; nothing where all came to their end."""
    telling = ("failed", "interrupted", "waiting", "running")
    return next((one for one in telling if one in statuses), "")


def _first_words(run: Run) -> str:
    if run.conversation_id:
        title = Conversation.objects.filter(pk=run.conversation_id).values_list("title", flat=True)
        return next(iter(title), "") or run.model
    return run.model


def _worst(verdicts: list[str]) -> str:
    return next((one for one in ("rejected", "flagged", "accepted") if one in verdicts), "")
