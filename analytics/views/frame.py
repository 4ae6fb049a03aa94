"""What stands around every page of analytics: time, filter, comparison, tabs, links and exports.

All state is in the address: ``range`` or ``from`` and ``to``, ``q`` the filter, ``compare``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from analytics import marks, spans
from analytics.filters import COLUMNS, Filter, read_filter, write_term
from analytics.spans import BadSpan, Span
from analytics.views.exports import FORMATS, export
from console.accounts.access import ProjectRequest
from console.accounts.models import Project
from console.lib.charts import Chart, Marker, mark
from conversations.search.fields import FIELDS
from conversations.search.query import BadQuery, Query, Term, parse, read_moment
from tools_registry.publishing import Publication, publications

TABS = (
    ("misfires", "Misfires"),
    ("rejections", "Rejections"),
    ("tools", "Tools"),
    ("cost", "Cost"),
    ("latency", "Latency"),
    ("conduct", "Conduct"),
    ("models", "Models"),
)
"""Names of addresses of this app, and what their tabs are called, in order."""
USUAL = "7d"
_MOST_MARKERS = 8
_WORDS = {"published": "published", "retired": "retired", "first_seen": "first seen"}


@dataclass(frozen=True, slots=True)
class Frame:
    """One request's time, filter and comparison. ``range`` is "" for a time given by its ends.

    ``error`` says what is wrong with the address; then the filter is empty and the time is usual.
    """

    project: Project
    page: str
    path: str
    now: datetime
    span: Span
    range: str
    filter: Filter
    compares: bool
    error: BadQuery | None = None
    typed: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    """What this page alone keeps in its address."""
    usual: str = USUAL
    """The range that the address need not name."""

    # ---- addresses

    @property
    def values(self) -> dict[str, str]:
        """The address' values; those of the usual page are left out."""
        time = {"range": "" if self.range == self.usual else self.range}
        if not self.range:
            ends = {"from": self.span.since, "to": self.span.until}
            time = {name: spans.write_moment(at) for name, at in ends.items()}
        compare = "1" if self.compares else ""
        return time | {"q": self.filter.query.text, "compare": compare} | dict(self.extra)

    def url(self, page: str = "", **changes: str) -> str:
        """This page, or another one, with some of the values changed; "" takes one out."""
        path = _path(f"analytics:{page}", self.project.slug) if page else self.path
        kept = self.values if not page else self.values | dict.fromkeys(self.extra, "")
        return path + write_query(kept | changes)

    @property
    def compare_url(self) -> str:
        """This page with the comparison turned on, or off."""
        return self.url(compare="" if self.compares else "1")

    @property
    def permalink(self) -> str:
        """The address of what is shown now, which stays the same as time goes on."""
        ends = {"from": self.span.since, "to": min(self.span.until, self.now)}
        return self.url(range="", **{k: spans.write_moment(v) for k, v in ends.items()})

    def calls(self, *terms: str, span: Span | tuple[datetime, datetime] | None = None) -> str:
        """The list of calls with this filter, more terms, and the time (all of it by default)."""
        return self.listed("call-list", terms, span)

    def turns(self, *terms: str, span: Span | tuple[datetime, datetime] | None = None) -> str:
        """The list of turns, as ``calls``."""
        return self.listed("turn-list", terms, span)

    def listed(
        self, page: str, terms: Iterable[str], span: Span | tuple[datetime, datetime] | None = None
    ) -> str:
        ends = (self.span.since, self.span.until) if span is None else span
        if isinstance(ends, Span):
            ends = ends.since, ends.until
        kept = [self.filter.query.text, *terms, spans.write_times(*ends)]
        text = " ".join(term for term in kept if term)
        return f"{_path(f'conversations:{page}', self.project.slug)}?q={quote(text)}"

    # ---- what the template shows

    @property
    def tabs(self) -> list[tuple[str, str, bool]]:
        return [(self.url(name), label, name == self.page) for name, label in TABS]

    @property
    def ranges(self) -> list[tuple[str, str, bool]]:
        """Each range's label and address; a range takes the place of given ends."""
        ends = {"from": "", "to": ""}
        return [
            (
                label,
                self.url(**(ends | {"range": "" if name == USUAL else name})),
                name == self.range,
            )
            for name, (label, _, _) in spans.RANGES.items()
        ]

    @property
    def time(self) -> str:
        """The time as the page's head says it."""
        if self.range:
            return spans.RANGES[self.range][0]
        first, last = self.span.since, self.span.until
        return f"{_write_day(first)} to {_write_day(last)}"

    @property
    def dates(self) -> str:
        """From when to when, whatever the range is called."""
        return f"{_write_day(self.span.since)} to {_write_day(min(self.span.until, self.now))} UTC"

    @property
    def step(self) -> str:
        return spans.NAMES[self.span.grain]

    @property
    def is_live(self) -> bool:
        """Does the time go on?"""
        return bool(self.range) and self.error is None

    @property
    def chips(self) -> list[tuple[Term, str]]:
        query = self.filter.query
        return [(term, self.url(q=query.without(term).text)) for term in query.terms]

    def beyond(self, fields: Iterable[str]) -> str:
        """What the filter asks for beside the fields: "model and source", or ""."""
        return " and ".join(sorted(self.filter.columns - {*fields}))

    def within(self, fields: Iterable[str]) -> Frame:
        """The frame with what its filter asks of these fields alone."""
        kept = self.filter.only(fields)
        return self if kept is self.filter else replace(self, filter=kept)

    @property
    def fields(self) -> str:
        """What its filter may ask for, as an address lists them."""
        return ",".join(COLUMNS)

    @property
    def labels(self) -> list[str]:
        return [spans.label(start, self.span.grain) for start in self.span.starts]

    @property
    def rows(self) -> list[str]:
        return [spans.whole_label(start, self.span.grain) for start in self.span.starts]

    @staticmethod
    def tool_term(name: str) -> str:
        """The lists' term for the calls of one tool."""
        return write_term("tool", name)

    def having(self, text: str) -> str:
        """This page with a term added to the filter."""
        return self.url(q=self.filter.query.having(*parse(text).terms).text)

    def read_markers(self, tools: Iterable[str] = ()) -> list[Marker]:
        """Versions, policies and routers that were published, retired or first seen in the time; of
        the tools that the filter names, else of all. Of many, the latest."""
        wanted = set(tools) or {
            value
            for term in self.filter.query.of("tool")
            if not term.negated
            for value in term.values
        }
        found = publications(self.project, self.span.since, min(self.span.until, self.now))
        kept = [one for one in found if not wanted or one.tool in wanted]
        return self._mark(_once(kept))[-_MOST_MARKERS:]

    def _mark(self, found: Sequence[Publication]) -> list[Marker]:
        """One marker a step, named by the first of what happened in it."""
        starts, by_step = self.span.starts, dict[int, list[Publication]]()
        for one in found:
            place = mark(starts, one.at)
            if place is not None:
                by_step.setdefault(place, []).append(one)
        marked = []
        for place, held in by_step.items():
            first = held[0]
            more = f" and {len(held) - 1} more" if len(held) > 1 else ""
            text = f"{first.name}{more} {_WORDS[first.kind]}"
            tone = "rejected" if first.kind == "retired" else "ink-2"
            marked.append(Marker(place, text, first.url, tone))
        return marked


def _once(found: Iterable[Publication]) -> list[Publication]:
    """One marker a version and time: one that was published is not also first seen then."""
    kept: dict[tuple[str, int, bool], Publication] = {}
    for one in found:
        kept.setdefault((one.subject, one.row, one.kind == "retired"), one)
    return sorted(kept.values(), key=lambda one: one.at)


def _write_day(at: datetime) -> str:
    text = f"{at.day} {at:%b %Y}"
    return text if at.hour == at.minute == 0 else f"{text}, {at:%H:%M}"


@lru_cache(maxsize=1000)
def _path(name: str, slug: str) -> str:
    return reverse(name, args=[slug])


def write_query(values: Mapping[str, str]) -> str:
    kept = {name: value for name, value in values.items() if value}
    return f"?{urlencode(kept)}" if kept else ""


# ---- reading an address


def read_frame(
    request: ProjectRequest, page: str, *, keep: Sequence[str] = (), usual: str = USUAL
) -> Frame:
    """The frame of a request; one that cannot be read has its error. ``keep`` names what the page
    keeps in its address beside what all do."""
    now, error, typed = timezone.now(), None, ""
    name, span, kept = usual, spans.of_range(usual, now), Filter()
    try:
        name, span = _read_span(request, now, usual)
    except BadSpan as problem:
        error = BadQuery("", str(problem))
    text, added = request.GET.get("q", ""), request.GET.get("add", "").strip()
    try:
        whole = _add(parse(text), parse(added)) if added else parse(text)
        kept = read_filter(request.project, whole.text)
    except BadQuery as problem:
        error, typed = problem, added or text
    compares = request.GET.get("compare") == "1"
    extra = {name: request.GET.get(name, "")[:300] for name in keep}
    return Frame(
        request.project, page, request.path, now, span, name, kept, compares, error, typed, extra,
        usual,
    )  # fmt: skip


def _add(query: Query, more: Query) -> Query:
    return query.having(*more.terms)


def _read_span(request: ProjectRequest, now: datetime, usual: str) -> tuple[str, Span]:
    first, last = (request.GET.get(name, "").strip() for name in ("from", "to"))
    if first or last:
        since, until = read_moment(first), read_moment(last) if last else now
        if since is None or until is None:
            raise BadSpan("Give both ends as a day or a time, such as 2024-02-03T02:40.")
        return "", spans.of_times(since, until, now)
    name = request.GET.get("range", "") or usual
    if name not in spans.RANGES:
        raise BadSpan(f"The range is one of {', '.join(spans.RANGES)}.")
    return name, spans.of_range(name, now)


def show(
    request: ProjectRequest,
    frame: Frame,
    template: str,
    charts: Mapping[str, Chart],
    context: Mapping[str, Any],
) -> HttpResponse:
    """The page, or the numbers of its charts where ``form`` asks for a file.

    ``charts`` are by the name that the template has them under.
    """
    if request.GET.get("add"):
        return redirect(frame.url())
    form = request.GET.get("form", "")
    if form:
        return export(frame.project, frame.page, form, request.GET.get("of", ""), charts)
    files = [
        (chart, [(kind, frame.url(form=kind, of=chart.name)) for kind in FORMATS])
        for chart in charts.values()
    ]
    whole = {
        "frame": frame,
        "files": files,
        "permalink": request.build_absolute_uri(frame.permalink),
        "waiting": marks.count_waiting(frame.project),
    }
    return render(request, template, {**whole, **charts, **context})


def refuse(request: ProjectRequest, frame: Frame) -> HttpResponse:
    """The frame with what is wrong with its address."""
    fields = [FIELDS[name] for name in COLUMNS]
    return render(request, "analytics/refused.html", {"frame": frame, "fields": fields})
