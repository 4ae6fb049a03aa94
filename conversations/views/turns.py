"""One turn: what was offered and said, the calls with their findings, the stream and the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from console.accounts.access import ProjectRequest, member
from console.lib import json
from conversations import recording, snippets, timeline, timeline_plot, transcript
from conversations.kept import Kept
from conversations.layout import lay_out
from conversations.models import ToolCall, Turn
from conversations.turn_plans import plan_of
from conversations.views.turn_frame import frame, write
from tools_registry.dialects import read_offer
from tools_registry.models import ToolVersion
from tools_registry.policies import Change, CompiledPolicy, sanitise
from tools_registry.policies.published import policies_for
from tools_registry.validation.syntax import NOTHING, read_arguments

VIEWS = (
    ("messages", "Messages"),
    ("timeline", "Timeline"),
    ("request", "Request JSON"),
    ("response", "Response JSON"),
    ("stream", "Stream"),
)
LARGE_WIRE = 512 * 1024
"""Bytes of a stream beyond which its timeline is drawn on its own view only."""
CHUNKS = 200
ENTRIES = 200
MOST_PLANNED = 100
"""Calls of a turn beyond which no plan is drawn."""


@member("viewer")
@require_GET
def show(request: ProjectRequest, conversation: UUID, number: int) -> HttpResponse:
    turn = _find(request, conversation, number)
    view = request.GET.get("view", "messages")
    if view not in dict(VIEWS):
        raise Http404("no such view")
    kept = Kept(turn)
    context = {
        **frame(turn, kept),
        "view": view,
        "views": VIEWS,
        **_FILL[view](request, turn, kept),
    }
    return render(request, "conversations/turn.html", context)


@member("viewer")
@require_GET
def show_messages(request: ProjectRequest, conversation: UUID, number: int) -> HttpResponse:
    """A stretch of the history that the turn's page folds, for htmx."""
    turn = _find(request, conversation, number)
    start = request.GET.get("from", "0")
    if not start.isdecimal() or len(start) > 9:
        raise Http404("no such message")
    shown = [
        entry
        for entry in transcript.read(recording.rebuild_messages(turn))
        if entry.answers is None
    ]
    begin, end = int(start), len(shown) - transcript.TAIL
    part = shown[begin : min(begin + ENTRIES, end)]
    left = end - begin - len(part)
    context = {
        "turn": turn,
        "entries": part,
        "verdicts": _find_verdicts(turn, part),
        "hidden": max(left, 0),
        "hidden_from": begin + len(part),
    }
    return render(request, "conversations/_history.html", context)


@member("viewer")
@require_GET
def find(request: ProjectRequest, turn: UUID) -> HttpResponse:
    """The page of the turn with this id."""
    found = get_object_or_404(Turn, pk=turn, project=request.project)
    return redirect("conversations:turn", request.project.slug, found.conversation_id, found.number)


@member("viewer")
@require_GET
def show_snippet(request: ProjectRequest, conversation: UUID, number: int) -> HttpResponse:
    """The turn's model call as a cURL command or a Python script, in plain text."""
    write = _SNIPPETS.get(request.GET.get("as", "curl"))
    if write is None:
        raise Http404("no such snippet")
    turn = _find(request, conversation, number)
    kept = Kept(turn)
    body = kept.request
    if kept.raw_request:
        try:
            body = json.load(kept.raw_request)
        except ValueError:  # a provider's own form that is no JSON
            body = kept.request
    text = write(_endpoint(turn), body)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


_SNIPPETS = {"curl": snippets.as_curl, "python": snippets.as_python}


def _find(request: ProjectRequest, conversation: UUID, number: int) -> Turn:
    """The turn with this number; of several that took it at once, the first."""
    rows = Turn.objects.select_related("conversation", "toolset", "connection", "project")
    found = (
        rows.filter(project=request.project, conversation=conversation, number=number)
        .order_by("id")
        .first()
    )
    if found is None:
        raise Http404("no such turn")
    return found


_APIS: dict[str, snippets.Api] = {
    "openai.responses": "responses",
    "anthropic.messages": "anthropic",
    "ollama.chat": "ollama",
}


def _endpoint(turn: Turn) -> snippets.Endpoint:
    connection = turn.connection
    api = _APIS.get(turn.protocol, "chat")
    if connection is None:
        return snippets.Endpoint(api)
    if connection.protocol == "local":
        return snippets.Endpoint(api, settings.LOCAL_MODEL_URL, "LOCAL_MODEL_KEY")
    return snippets.Endpoint(api, connection.base_url, connection.key_variable)


def _fill_messages(request: ProjectRequest, turn: Turn, kept: Kept) -> dict[str, Any]:
    window = transcript.fold(transcript.read(kept.request["messages"]))
    reply = json.load(turn.response) if turn.response else None
    large = kept.stream_size > LARGE_WIRE
    policies = policies_for(request.project)
    return {
        "window": window,
        "verdicts": _find_verdicts(turn, [*window.head, *window.tail]),
        "reply": transcript.read([reply])[0] if reply else None,
        "calls": [_describe_call(call, policies) for call in kept.calls],
        "offered": _describe_offer(turn, kept.calls),
        "planned": _plan(kept.calls, policies),
        "is_large": large,
        **({} if large else _fill_timeline(request, turn, kept)),
    }


def _fill_timeline(request: ProjectRequest, turn: Turn, kept: Kept) -> dict[str, Any]:
    whole = kept.timeline
    if whole is None or not whole.fragments:
        return {"timeline": None}
    thin = timeline.thin(whole)
    return {
        "timeline": whole,
        "plot": timeline_plot.plot(thin),
        "steps": thin.steps,
        "names": {f"{track.choice}.{track.call}": track.name for track in whole.tracks},
        "invalid": [track for track in whole.tracks if track.invalid],
        "joined": len(whole.fragments) - len(thin.fragments),
    }


def _fill_request(request: ProjectRequest, turn: Turn, kept: Kept) -> dict[str, Any]:
    raw = kept.raw_request.decode(errors="replace")
    return {"raw": raw, "rebuilt": json.pretty(kept.request), "raw_size": len(kept.raw_request)}


def _fill_response(request: ProjectRequest, turn: Turn, kept: Kept) -> dict[str, Any]:
    return {
        "message": json.pretty(json.load(turn.response)) if turn.response else "",
        "usage": json.pretty(json.load(turn.usage)) if turn.usage not in ("", "{}") else "",
        "price": json.pretty(json.load(turn.price)) if turn.price else "",
    }


def _fill_stream(request: ProjectRequest, turn: Turn, kept: Kept) -> dict[str, Any]:
    start = request.GET.get("from", "0")
    begin = int(start) if start.isdecimal() and len(start) < 9 else 0
    part = kept.chunks[begin : begin + CHUNKS]
    rows = [
        {
            "number": begin + at,
            "at": moment,
            "size": len(chunk),
            "text": chunk.decode(errors="replace"),
        }
        for at, (moment, chunk) in enumerate(part, 1)
    ]
    more = begin + len(part)
    return {
        "chunks": rows,
        "chunk_total": len(kept.chunks),
        "stream_size": kept.stream_size,
        "more": more if more < len(kept.chunks) else None,
    }


_FILL = {
    "messages": _fill_messages,
    "timeline": _fill_timeline,
    "request": _fill_request,
    "response": _fill_response,
    "stream": _fill_stream,
}


def _describe_call(call: ToolCall, policies: Mapping[str, CompiledPolicy]) -> dict[str, Any]:
    laid = lay_out(call.arguments, call.found)
    return {
        "call": call,
        "lines": laid.lines,
        "general": laid.general,
        "layers": call.layers,
        "findings": call.found,
        "sanitised": _sanitise(call, policies.get(call.name)),
        "execution": _read_execution(call),
    }


def _read_execution(call: ToolCall) -> dict[str, Any]:
    if not call.execution:
        return {}
    kept: dict[str, Any] = json.load(call.execution)
    return kept | ({"sent": write(kept["sent"])} if "sent" in kept else {})


def _plan(calls: Sequence[ToolCall], policies: Mapping[str, CompiledPolicy]) -> Any:
    """The plan of several calls, or of an executed one, as the page draws it."""
    if len(calls) > MOST_PLANNED or not (len(calls) > 1 or any(one.execution for one in calls)):
        return None
    return plan_of(calls, policies).to_json()


def _sanitise(call: ToolCall, policy: CompiledPolicy | None) -> list[tuple[UUID, Change]]:
    """What the sanitisers of the tool's published policy would change; the record stays."""
    if policy is None or not policy.sanitisers:
        return []
    value, _ = read_arguments(call.arguments)
    changes = sanitise(policy, value).changes if value is not NOTHING else ()
    return [(call.pk, change) for change in changes]


def _describe_offer(turn: Turn, calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """The tools of the request and what became of each; called ones first where there are many."""
    wire_tools = turn.toolset.tools if turn.toolset else []
    ids = turn.toolset.versions if turn.toolset else []
    numbers = dict(ToolVersion.objects.filter(pk__in=ids).values_list("pk", "number"))
    called = [call.name for call in calls]
    offered = []
    for at, (name, spec) in enumerate(read_offer(wire_tools).items()):
        version = ids[at] if at < len(ids) else 0
        state = "called" if name in called else "not called" if spec else "no definition"
        offered.append(
            {"name": name, "state": state, "number": numbers.get(version), "version": version}
        )
    known = {tool["name"] for tool in offered}
    offered += [
        {"name": name, "state": "called, not offered", "number": None, "version": 0}
        for name in dict.fromkeys(called)
        if name not in known
    ]
    return sorted(offered, key=lambda tool: tool["state"] not in ("called", "called, not offered"))


def _find_verdicts(turn: Turn, entries: Sequence[transcript.Entry]) -> dict[str, str]:
    """Verdicts of the history's calls by their id, with the turn that made each."""
    ids = [call.id for entry in entries for call in entry.calls if call.id]
    if not ids:
        return {}
    rows = ToolCall.objects.filter(conversation=turn.conversation_id, call_id__in=ids)
    return dict(rows.order_by("id").values_list("call_id", "verdict"))
