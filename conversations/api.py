"""Stored turns, calls and conversations for programs, by the filter of the lists."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from console.accounts.access import ApiRequest, api_key
from console.lib import json
from conversations.models import Conversation, ToolCall, Turn, TurnKey
from conversations.search.fields import Kind
from conversations.search.query import BadQuery, Query, parse
from conversations.search.reading import find
from conversations.search.records import describe_call, describe_turn, read_records, record_of
from conversations.storage import key_of
from tools_registry.bodies import Refused, refusing

PAGE, LARGEST_PAGE = 50, 200


@refusing
def list_turns(request: ApiRequest) -> HttpResponseBase:
    """Of the address to which turns are sent, which checks the key."""
    return _list(request, "turns")


@api_key("read")
@require_safe
@refusing
def list_calls(request: ApiRequest) -> HttpResponseBase:
    return _list(request, "calls")


@api_key("read")
@require_safe
@refusing
def list_conversations(request: ApiRequest) -> HttpResponseBase:
    return _list(request, "conversations")


def _list(request: ApiRequest, kind: Kind) -> HttpResponseBase:
    """One page, newest first. ``next`` is the ``before`` of the page after it; ``reached`` says how
    far back was read where the time was up before the page was full."""
    found = find(
        request.project,
        _read_filter(request),
        kind,
        before=_read_key(request, "before"),
        size=_read_limit(request),
    )
    body = {
        kind: read_records(kind, found.hits),
        "next": str(found.older) if found.older else None,
        "reached": found.reached.isoformat() if found.reached else None,
    }
    return _answer(body)


@api_key("read")
@require_safe
@refusing
def read_turn(request: ApiRequest, turn: str) -> HttpResponseBase:
    """One turn whole, by our id or by the one that it was sent with."""
    key = _as_key(turn)
    if key is None:
        claimed = TurnKey.objects.filter(pk=key_of(request.project.pk, turn))
        key = claimed.values_list("turn_id", flat=True).first()
    found = _first(Turn.objects.select_related("toolset"), request, key, "turn")
    return _answer(describe_turn(found))


@api_key("read")
@require_safe
@refusing
def read_call(request: ApiRequest, call: UUID) -> HttpResponseBase:
    found = _first(ToolCall.objects.select_related("tool_version"), request, call, "call")
    return _answer(describe_call(found))


@api_key("read")
@require_safe
@refusing
def read_conversation(request: ApiRequest, conversation: str) -> HttpResponseBase:
    """A conversation by our id or its own, and its turns in order, a page at a time."""
    key, rows = _as_key(conversation), Conversation.objects.filter(project=request.project)
    if key is None:
        key = rows.filter(key=conversation.replace("\0", "")).values_list("pk", flat=True).first()
    found = _first(rows, request, key, "conversation")
    limit, after = _read_limit(request), _read_number(request, "after", 0, 10**9)
    turns = list(found.turns.filter(number__gt=after).order_by("number", "id")[: limit + 1])
    body = record_of(found, "conversations") | {
        "turns": [record_of(turn, "turns") for turn in turns[:limit]],
        "next": turns[limit - 1].number if len(turns) > limit else None,
    }
    return _answer(body)


# ---- what a request says


def _read_filter(request: ApiRequest) -> Query:
    """``q``, and the times ``from`` and ``to`` as terms beside it."""
    texts = [request.GET.get("q", "")]
    texts += [
        f"time:{sign}{text}"
        for name, sign in (("from", ">="), ("to", "<"))
        if (text := request.GET.get(name, "").strip())
    ]
    terms: list[Any] = []
    for text in texts:
        try:
            terms += parse(text).terms
        except BadQuery as error:
            raise Refused(400, "bad_filter", error.problem, term=error.term) from None
    return Query(tuple(dict.fromkeys(terms)))


def _read_limit(request: ApiRequest) -> int:
    return _read_number(request, "limit", PAGE, LARGEST_PAGE, least=1)


def _read_number(
    request: ApiRequest, name: str, usual: int, largest: int, *, least: int = 0
) -> int:
    text = request.GET.get(name, str(usual))
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else -1
    if not least <= number <= largest:
        raise Refused(400, f"bad_{name}", f"Make {name} a number from {least} to {largest:,}.")
    return number


def _read_key(request: ApiRequest, name: str) -> UUID | None:
    text = request.GET.get(name, "")
    key = _as_key(text)
    if text and key is None:
        raise Refused(400, f"bad_{name}", f"Send as {name} what a page gave as next.")
    return key


def _as_key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _first(rows: QuerySet[Any], request: ApiRequest, key: UUID | None, noun: str) -> Any:
    found: Model | None = None
    if key is not None:
        found = rows.filter(pk=key, project=request.project).first()
    if found is None:
        raise Refused(404, f"{noun}_not_found", f"This project has no such {noun}.")
    return found


def _answer(body: dict[str, Any]) -> HttpResponse:
    return HttpResponse(json.dump(body), content_type="application/json")
