"""Where cases come from: an incident, a suite, a filter, chosen turns, a former replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from console.accounts.models import Project
from conversations.incidents.joining import turns_of
from conversations.incidents.records import Incident
from conversations.incidents.selection import read_selection
from conversations.models import ToolCall
from conversations.replay.cases import Case
from conversations.replay.records import Replay
from conversations.replay.turns import cases_of_turns
from conversations.search.fields import KINDS, Kind
from conversations.search.query import BadQuery, parse
from conversations.suites.gathering import find_turns
from conversations.suites.keeping import cases_of_suite
from conversations.suites.records import Suite

USUAL = 100
MOST = 10_000


class BadSource(ValueError):
    """No cases can be taken from there; ``field`` is the one to correct, the text says how."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(problem)
        self.field, self.problem = name, problem


@dataclass(frozen=True)
class Source:
    """Cases and where they come from. ``name`` is for people, ``query`` the filter where it was
    one. ``found`` is how many there were before ``last`` cut them; ``values`` name the source
    again, as fields of an address or a form."""

    cases: Sequence[Case]
    name: str
    found: int
    values: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    incident: Incident | None = None
    suite: Suite | None = None
    former: Replay | None = None

    @property
    def gone(self) -> int:
        """Turns that were found and are deleted since."""
        last = int(self.values.get("last", MOST))
        return min(self.found, last) - len(self.cases)

    def count_tools(self) -> Counter[str]:
        """By tool, in how many cases it is offered."""
        return Counter(name for case in self.cases for name in {*map(name_of, case.tools)} - {""})

    def misfired_tool(self) -> str:
        """The tool whose recorded calls went wrong most; "" where none did."""
        counts = Counter(
            call.name
            for case in self.cases
            if case.recorded
            for call in case.recorded.calls
            if call.verdict != "accepted"
        )
        return next((name for name, _ in counts.most_common(1)), "")


def name_of(tool: Mapping[str, object]) -> str:
    """The name in a definition of any usual form; "" where it is elsewhere."""
    inner = tool.get("function", tool)
    name = inner.get("name") if isinstance(inner, Mapping) else None
    return name if isinstance(name, str) else ""


def is_named(given: Mapping[str, str]) -> bool:
    """Whether an address or a form names a source at all."""
    return any(given.get(name) for name in ("incident", "suite", "replay", "turns")) or "q" in given


def find_source(project: Project, given: Mapping[str, str]) -> Source:
    """The source that these fields name: ``incident``, ``suite`` or ``replay`` by number, ``turns``
    as ids with commas, or ``q`` with ``kind``; ``last`` is how many cases at most, the newest.

    Raises ``BadSource``.
    """
    last = _read_last(given.get("last") or "")
    if given.get("incident"):
        return _of_incident(project, given["incident"], last)
    if given.get("suite"):
        return _of_suite(project, given["suite"], last)
    if given.get("replay"):
        return _of_replay(project, given["replay"], last)
    if given.get("turns"):
        return _of_turns(project, given["turns"])
    return _of_filter(project, given.get("q") or "", given.get("kind") or "calls", last)


def turns_of_rows(project: Project, kind: str, ids: Sequence[str], query: str = "") -> str:
    """The turns of rows that were checked in a list, as the field ``turns`` has them. Raises
    ``BadSource``."""
    try:
        selection = read_selection(project, kind, query, ids)
    except ValueError:
        raise BadSource("turns", "These rows are none of a list. Check them again.") from None
    keys = [hit.id for hit in selection.hits]
    if selection.of_calls:
        rows = ToolCall.objects.filter(project=project, pk__in=keys).order_by("pk")
        keys = list(rows.values_list("turn_id", flat=True))
    return ",".join(map(str, dict.fromkeys(keys)))


def _read_last(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MOST):
        raise BadSource("last", f"Replay from 1 to {MOST:,} cases.")
    return int(text)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _of_incident(project: Project, number: str, last: int | None) -> Source:
    incident = Incident.objects.filter(project=project, number=_number(number)).first()
    if incident is None:
        raise BadSource("incident", f"There is no incident INC-{number[:12]} in this project.")
    turns, last = turns_of(incident), last or USUAL
    cases = cases_of_turns(project, turns[-last:])
    values = {"incident": str(incident.number), "last": str(last)}
    return Source(cases, incident.name, len(turns), values, incident.query, incident=incident)


def _of_suite(project: Project, key: str, last: int | None) -> Source:
    suite = Suite.objects.filter(project=project, pk=_number(key)).first()
    if suite is None:
        raise BadSource("suite", "There is no such suite in this project.")
    cases, last = cases_of_suite(suite), last or MOST
    values = {"suite": str(suite.pk), "last": str(last)}
    return Source(cases[:last], f"suite {suite.name}", len(cases), values, suite=suite)


def _of_replay(project: Project, number: str, last: int | None) -> Source:
    former = Replay.objects.filter(project=project, number=_number(number)).first()
    if former is None:
        raise BadSource("replay", f"There is no replay RPL-{number[:12]} in this project.")
    last = last or MOST
    cases = [row.value for row in former.cases.all()[:last]]
    values = {"replay": str(former.number), "last": str(last)}
    name = former.source or former.name
    return Source(
        cases,
        name,
        former.cases.count(),
        values,
        former.query,
        former.incident,
        former.suite,
        former,
    )


def _of_turns(project: Project, text: str) -> Source:
    try:
        turns = [UUID(one) for one in text.split(",") if one][:MOST]
    except ValueError:
        raise BadSource("turns", "Name turns by their ids, with commas between.") from None
    name = f"{len(turns)} chosen turn{'' if len(turns) == 1 else 's'}"
    return Source(cases_of_turns(project, turns), name, len(turns), {"turns": text})


def _of_filter(project: Project, text: str, kind: str, last: int | None) -> Source:
    if kind not in KINDS:
        raise BadSource("kind", f"Make kind one of {', '.join(KINDS)}.")
    chosen: Kind = kind
    last = last or USUAL
    try:
        query = parse(text)
        turns = find_turns(project, chosen, query.text, last)
    except BadQuery as error:
        raise BadSource("q", error.problem) from None
    values = {"q": query.text, "kind": kind, "last": str(last)}
    name = f"{kind} that match {query.text}" if query.text else f"the newest {kind}"
    return Source(cases_of_turns(project, turns), name[:300], len(turns), values, query.text)
