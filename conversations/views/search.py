"""The lists of conversations, turns and calls: filter, facets, saved views, what is newer, export.

All state is in the address: ``q`` the filter, ``cols`` the details, ``older`` the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import (
    Http404,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from console.accounts.access import ProjectRequest, RoleTooLow, member
from console.lib import uuid7
from console.lib.problems import problem
from conversations.layout import lay_out
from conversations.models import SavedView, ToolCall, Turn
from conversations.search import facets, rows, suggestions
from conversations.search.export import FORMATS, export
from conversations.search.fields import FIELDS, KINDS, Kind
from conversations.search.query import BadQuery, Query, parse
from conversations.search.reading import find
from conversations.views.conversations import describe, with_calls

PAGES = {
    "conversations": "conversation-list",
    "turns": "turn-list",
    "calls": "call-list",
}
SPANS = {
    "15m": "Last 15 minutes",
    "1h": "Last hour",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
}
USUAL_VIEWS = (
    ("All", ""),
    ("Rejected", "verdict:rejected"),
    ("Errors", "has:error"),
    ("To label", "verdict:rejected -has:label"),
)
NEWER = 100


class Address:
    """The address of a list with some of its values changed."""

    def __init__(self, request: ProjectRequest, kind: Kind, query: str) -> None:
        self.slug, self.kind = request.project.slug, kind
        self.values = {"q": query, "cols": request.GET.get("cols", "")}

    def with_(self, kind: Kind | None = None, **changes: str) -> str:
        page = reverse(f"conversations:{PAGES[kind or self.kind]}", args=[self.slug])
        return page + write_query(self.values | changes)

    def of(self, name: str, **changes: str) -> str:
        page = reverse(f"conversations:list-{name}", args=[self.slug])
        return page + write_query({"kind": self.kind} | self.values | changes)


def write_query(values: Mapping[str, str]) -> str:
    kept = {name: value for name, value in values.items() if value}
    return f"?{urlencode(kept)}" if kept else ""


@member("viewer")
@require_GET
def list_conversations(request: ProjectRequest) -> HttpResponse:
    return _show(request, "conversations")


@member("viewer")
@require_GET
def list_turns(request: ProjectRequest) -> HttpResponse:
    return _show(request, "turns")


@member("viewer")
@require_GET
def list_calls(request: ProjectRequest) -> HttpResponse:
    return _show(request, "calls")


def _show(request: ProjectRequest, kind: Kind) -> HttpResponse:
    text, added = request.GET.get("q", ""), _read_added(request)
    try:
        query = parse(text)
        if named := request.GET.getlist("col"):
            return redirect(Address(request, kind, query.text).with_(cols=",".join(named)[:300]))
        if added:
            whole = _add(query, parse(added))
            return redirect(Address(request, kind, whole.text).with_())
    except BadQuery as error:
        return _refuse(request, kind, text, added, error)
    address = Address(request, kind, query.text)
    return render(request, "conversations/list.html", _describe(request, kind, query, address))


def _read_added(request: ProjectRequest) -> str:
    """What the form adds to the filter: typed terms, or the two ends of a time."""
    first, last = (request.GET.get(name, "").strip() for name in ("from", "to"))
    if first and last:
        return f"time:{first}..{last}"
    if first or last:
        return f"time:>={first}" if first else f"time:<={last}"
    return request.GET.get("add", "").strip()


def _add(query: Query, more: Query) -> Query:
    """A time takes the place of the one before it; other terms are added."""
    for term in more.terms:
        query = query.replacing("time", term) if term.field == "time" else query.having(term)
    return query


def _refuse(
    request: ProjectRequest, kind: Kind, text: str, added: str, error: BadQuery
) -> HttpResponse:
    """The frame of the page, what is wrong, and the filter with it put right."""
    try:
        kept = parse(text)
    except BadQuery:
        kept, added = Query(), text
    instead = added.replace(error.term, error.instead, 1) if error.instead else ""
    address = Address(request, kind, kept.text)
    context = _frame(request, kind, kept, address) | {
        "error": error,
        "instead": address.with_(add=instead) if instead else "",
        "instead_text": instead,
        "typed": added,
        "fields": FIELDS.values(),
    }
    return render(request, "conversations/list.html", context)


def _describe(
    request: ProjectRequest, kind: Kind, query: Query, address: Address
) -> dict[str, Any]:
    older = request.GET.get("older", "")
    found = find(request.project, query, kind, before=_read_key(older))
    columns = rows.choose(kind, request.GET.get("cols", ""))
    newest = found.hits[0].id if found.hits else uuid7.floor(timezone.now())
    return _frame(request, kind, query, address) | {
        "rows": rows.read_rows(request.project, kind, found.hits, columns),
        "found": found,
        "older": address.with_(older=str(found.older)) if found.older else "",
        "is_first": not older,
        "newest_address": address.with_(),
        "newer_address": "" if older else address.of("newer", since=str(newest)),
        "facets_address": address.of("facets"),
    }


def _frame(request: ProjectRequest, kind: Kind, query: Query, address: Address) -> dict[str, Any]:
    """What stands around the rows, whatever they are."""
    chosen = {column.name for column in rows.choose(kind, request.GET.get("cols", ""))}
    return {
        "kind": kind,
        "kinds": [(one, address.with_(one, cols="")) for one in reversed(KINDS)],
        "query": query,
        "cols": request.GET.get("cols", ""),
        "chips": [(term, address.with_(q=query.without(term).text)) for term in query.terms],
        "has_words": bool(query.of("text")),
        "columns": [(column, column.name in chosen) for column in rows.COLUMNS[kind]],
        "span": _name_span(query),
        "spans": [(label, _at_span(address, query, span)) for span, label in SPANS.items()],
        "all_times": address.with_(q=query.replacing("time").text),
        "views": _list_views(request, kind, query),
        "exports": [(form, address.of("export", form=form)) for form in FORMATS],
        "suggestions_address": address.of("suggestions", q="", cols=""),
        "save_address": reverse("conversations:list-save", args=[request.project.slug]),
        "may_share": request.member.may("responder"),
    }


def _at_span(address: Address, query: Query, span: str) -> str:
    return address.with_(q=query.replacing("time", *parse(f"time:{span}").terms).text)


def _name_span(query: Query) -> str:
    times = query.of("time")
    if not times:
        return "All time"
    return SPANS.get(times[0].values[0], times[0].text.removeprefix("time:"))


def _list_views(request: ProjectRequest, kind: Kind, query: Query) -> list[dict[str, Any]]:
    page = reverse(f"conversations:{PAGES[kind]}", args=[request.project.slug])
    usual = [
        {"name": name, "url": page + write_query({"q": text}), "current": query.text == text}
        for name, text in USUAL_VIEWS
    ]
    saved = SavedView.objects.filter(project=request.project, kind=kind)
    own = saved.filter(user=request.user) | saved.filter(user=None)
    return usual + [
        {
            "name": view.name,
            "url": page + write_query({"q": view.query, "cols": view.columns}),
            "current": query.text == view.query,
            "shared": view.user_id is None,
            "remove": reverse("conversations:view-remove", args=[request.project.slug, view.pk])
            if view.user_id or request.member.may("responder")
            else "",
        }
        for view in own.order_by("name")[:100]
    ]


def _read_key(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise Http404("no such page") from None


def _read_kind(request: ProjectRequest) -> Kind:
    kind = (request.POST or request.GET).get("kind", KINDS[-1])
    for known in KINDS:
        if kind == known:
            return known
    raise Http404("no such list")


def _read_query(request: ProjectRequest) -> Query:
    """The filter of a part of the page; one that the page refused finds no part."""
    try:
        return parse(request.GET.get("q", ""))
    except BadQuery:
        raise Http404("no such filter") from None


# ---- parts of the page


@member("viewer")
@require_GET
def show_facets(request: ProjectRequest) -> HttpResponse:
    """How the newest matches divide, and how many there are."""
    query, listed = _read_query(request), _read_kind(request)
    address = Address(request, listed, query.text)
    divided = facets.divide(request.project, query, listed)
    context = {
        "divided": divided,
        "kind": listed,
        "groups": [
            (facet, [(value, address.with_(q=value.query)) for value in facet.values])
            for facet in divided.facets
        ],
    }
    return render(request, "conversations/_facets.html", context)


@member("viewer")
@require_GET
def count_newer(request: ProjectRequest) -> HttpResponse:
    """How many matches came since the page was read; nothing where none did."""
    query, listed = _read_query(request), _read_kind(request)
    since = _read_key(request.GET.get("since", ""))
    found = find(request.project, query, listed, since=since, size=NEWER, budget=0.5)
    context = {
        "count": len(found.hits),
        "is_more": found.older is not None,
        "newest_address": Address(request, listed, query.text).with_(),
    }
    return render(request, "conversations/_newer.html", context)


@member("viewer")
@require_GET
def suggest(request: ProjectRequest) -> JsonResponse:
    asked = [name for name in request.GET.get("fields", "").split(",") if name in FIELDS]
    found = suggestions.suggest(request.project, request.GET.get("typed", ""), asked or FIELDS)
    return JsonResponse({"items": [one.to_json() for one in found]})


@member("viewer")
@require_GET
def export_list(request: ProjectRequest) -> HttpResponseBase:
    """All that the filter finds, as it is read."""
    listed, form = _read_kind(request), request.GET.get("form", "ndjson")
    if form not in FORMATS:
        return problem(400, "unknown_format", f"form is one of {', '.join(FORMATS)}.")
    try:
        query = parse(request.GET.get("q", ""))
    except BadQuery as error:
        return problem(400, "bad_filter", error.problem, term=error.term)
    name = f"{request.project.slug}-{listed}-{timezone.now():%Y%m%d-%H%M}.{form}"
    return StreamingHttpResponse(
        export(request.project, query, listed, form),
        content_type=FORMATS[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


# ---- saved views


@member("viewer")
@require_POST
def save_view(request: ProjectRequest) -> HttpResponse:
    """Keep the filter under a name; a view of the same name takes the new filter."""
    listed, name = _read_kind(request), request.POST.get("name", "").strip()
    shared = bool(request.POST.get("shared"))
    if shared and not request.member.may("responder"):
        raise RoleTooLow(request.member, "responder")
    try:
        query = parse(request.POST.get("q", "")).text
    except BadQuery as error:
        return problem(400, "bad_filter", error.problem)
    columns = request.POST.get("cols", "")
    page = reverse(f"conversations:{PAGES[listed]}", args=[request.project.slug])
    if not name or len(name) > 40 or "\0" in name or len(columns) > 300 or "\0" in columns:
        messages.error(request, "The view was not saved: its name has 1 to 40 characters.")
    else:
        SavedView.objects.update_or_create(
            project=request.project,
            user=None if shared else request.user,
            kind=listed,
            name=name,
            defaults={"query": query, "columns": columns},
        )
        messages.success(request, f"The view {name} is saved.")
    return redirect(page + write_query({"q": query, "cols": columns}))


@member("viewer")
@require_POST
def remove_view(request: ProjectRequest, view: int) -> HttpResponse:
    """Own views, and shared ones for those who may share."""
    found = get_object_or_404(SavedView, pk=view, project=request.project)
    if found.user_id not in (None, request.user.pk):
        raise Http404("no such view")
    if found.user_id is None and not request.member.may("responder"):
        messages.error(request, "The view is shared: responders of the project can remove it.")
    else:
        found.delete()
        messages.success(request, f"The view {found.name} is removed.")
    return redirect(f"conversations:{PAGES[found.kind]}", request.project.slug)


# ---- beside the list


@member("viewer")
@require_GET
def peek_call(request: ProjectRequest, call: UUID) -> HttpResponse:
    """A call beside the list; by itself, its place on the page of its turn."""
    rows = ToolCall.objects.select_related("tool_version", "conversation")
    found = get_object_or_404(rows, pk=call, project=request.project)
    page = reverse("conversations:turn-find", args=[request.project.slug, found.turn_id])
    url = f"{page}#call-{found.position}"
    if not request.htmx:
        return redirect(url)
    laid = lay_out(found.arguments, found.found)
    item = {
        "call": found,
        "lines": laid.lines,
        "general": laid.general,
        "layers": found.layers,
        "findings": found.found,
    }
    context = {"item": item, "calls": [found], "url": url}
    return render(request, "conversations/_call_peek.html", context)


@member("viewer")
@require_GET
def peek_turn(request: ProjectRequest, turn: UUID) -> HttpResponse:
    """A turn beside the list; by itself, its page."""
    turns = Turn.objects.select_related("conversation", "project")
    found = get_object_or_404(turns, pk=turn, project=request.project)
    if not request.htmx:
        return redirect("conversations:turn-find", request.project.slug, found.pk)
    item = describe(with_calls([found])[0])
    return render(request, "conversations/_turn_peek.html", {"turn": found, "item": item})
