"""Keeping suites: making them, adding, editing, moving and deleting cases."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import json
from conversations.replay.cases import Case, Origin, Recorded
from conversations.suites.cases import Entry
from conversations.suites.records import Suite, SuiteCase
from tools_registry.validation.expectation import Expectation

MOST = 10_000
"""Cases of one suite."""
_BATCH = 500


class BadSuite(ValueError):
    """A suite that cannot be kept so; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Added:
    """How many cases were added, were there already by their key, or found the suite full."""

    added: int = 0
    duplicate: int = 0
    beyond: int = 0

    def __add__(self, other: Added) -> Added:
        return Added(
            self.added + other.added,
            self.duplicate + other.duplicate,
            self.beyond + other.beyond,
        )


def create_suite(
    project: Project, name: str, *, description: str = "", user: User | None = None
) -> Suite:
    """A new, empty suite. Raises ``BadSuite``: without a name, or with one that is taken."""
    try:
        with transaction.atomic():
            return Suite.objects.create(
                project=project,
                name=_read_name(name),
                description=_plain(description, 500),
                created_by=user,
            )
    except IntegrityError:
        raise BadSuite(f"There is a suite {name.strip()} already. Choose another name.") from None


def find_or_create(project: Project, name: str, *, user: User | None = None) -> Suite:
    """The suite of this name, made where there is none. Raises ``BadSuite`` without a name."""
    found = Suite.objects.filter(project=project, name=_read_name(name)).first()
    return found or create_suite(project, name, user=user)


def rename_suite(suite: Suite, name: str, description: str) -> None:
    """Raises ``BadSuite`` as ``create_suite`` does."""
    suite.name, suite.description = _read_name(name), _plain(description, 500)
    try:
        with transaction.atomic():
            suite.save(update_fields=["name", "description", "changed_at"])
    except IntegrityError:
        raise BadSuite(f"There is a suite {suite.name} already. Choose another name.") from None


def _read_name(name: str) -> str:
    plain = _plain(name, 120)
    if not plain:
        raise BadSuite("Name the suite.")
    return plain


def _plain(text: str, longest: int) -> str:
    return " ".join(text.replace("\0", "").split())[:longest]


def add_cases(
    suite: Suite,
    entries: Iterable[Entry],
    *,
    origin: str,
    source: str = "",
    user: User | None = None,
) -> Added:
    """Add cases at the end. A case whose key the suite has already is left as it is."""
    with transaction.atomic():
        held = Suite.objects.select_for_update().get(pk=suite.pk)
        known = set(held.cases.exclude(key="").values_list("key", flat=True))
        rows, duplicate, beyond = list[SuiteCase](), 0, 0
        for entry in entries:
            key = entry.case.key
            if key and key in known:
                duplicate += 1
            elif held.case_count + len(rows) >= MOST:
                beyond += 1
            else:
                known.add(key)
                number = held.next_number + len(rows)
                beside = {"origin": origin, "source": source[:300], "created_by": user}
                rows.append(SuiteCase(suite=held, number=number, **beside, **_fields_of(entry)))
        last = held.cases.order_by("-position").values_list("position", flat=True).first() or 0
        for step, row in enumerate(rows, 1):
            row.position = last + step
        SuiteCase.objects.bulk_create(rows, batch_size=_BATCH)
        held.next_number += len(rows)
        _settle(held)
    return Added(len(rows), duplicate, beyond)


def _fields_of(entry: Entry) -> dict[str, Any]:
    case = entry.case
    return {
        "key": case.key[:300],
        "title": case.title,
        "messages": json.dump(list(case.messages)),
        "tools": json.dump(list(case.tools)),
        "parameters": json.dump(dict(case.parameters)),
        "expectation": write_expectation(case.expectation),
        "recorded": json.dump(case.recorded.to_json()) if case.recorded else "",
        "note": entry.note[:500],
        "turn": entry.turn,
        "user": case.origin.user[:300],
    }


def write_expectation(expectation: Expectation | None) -> str:
    """As a row holds it."""
    return json.dump(expectation.to_json()) if expectation else ""


def _settle(suite: Suite) -> None:
    suite.case_count = suite.cases.count()
    suite.save(update_fields=["case_count", "next_number", "changed_at"])


def entry_of(row: SuiteCase) -> Entry:
    """A stored case as a value; its origin is the turn or file that it is from."""
    recorded = Recorded.from_json(json.load(row.recorded)) if row.recorded else None
    case = Case(
        key=row.key,
        title=row.title,
        messages=row.said,
        tools=row.offered,
        parameters=json.load(row.parameters),
        expectation=row.expected,
        recorded=recorded,
        origin=Origin(row.origin, row.key, row.source, row.user),
    )
    return Entry(case, row.note, row.turn)


def cases_of_suite(suite: Suite) -> list[Case]:
    """The cases of a suite in its order, for a replay; their keys are the rows' ids."""
    return [
        dataclasses.replace(
            entry_of(row).case,
            key=str(row.pk),
            origin=Origin("suite", str(row.pk), f"{suite.name} #{row.number}", row.user),
        )
        for row in suite.cases.order_by("position", "number")
    ]


def save_case(row: SuiteCase, entry: Entry, *, revision: int) -> bool:
    """Replace what the case says; False where another wrote since ``revision``.

    Where it came from stays: its turn and its user. Raises ``BadSuite`` for a key that
    another case of the suite has.
    """
    fields = _fields_of(entry)
    del fields["turn"], fields["user"]
    mine = SuiteCase.objects.filter(pk=row.pk, revision=revision)
    try:
        with transaction.atomic():
            written = mine.update(revision=F("revision") + 1, changed_at=timezone.now(), **fields)
    except IntegrityError:
        detail = f"Another case has the id {entry.case.key}. Choose another, or none."
        raise BadSuite(detail) from None
    if written:
        _touch(row.suite_id)
        row.refresh_from_db()
    return bool(written)


def expect(row: SuiteCase, expectation: Expectation | None) -> None:
    """Replace the expectation alone, as a person settled it."""
    mine = SuiteCase.objects.filter(pk=row.pk)
    text = write_expectation(expectation)
    mine.update(expectation=text, revision=F("revision") + 1, changed_at=timezone.now())
    _touch(row.suite_id)


def _touch(suite: int) -> None:
    Suite.objects.filter(pk=suite).update(changed_at=timezone.now())


def delete_cases(suite: Suite, numbers: Sequence[int]) -> int:
    """Delete the cases of these numbers; how many there were."""
    with transaction.atomic():
        held = Suite.objects.select_for_update().get(pk=suite.pk)
        count, _ = held.cases.filter(number__in=numbers).delete()
        _settle(held)
    return count


def move_case(suite: Suite, number: int, to: int) -> None:
    """Put a case at place ``to``, counted from 1; the others close up."""
    with transaction.atomic():
        held = Suite.objects.select_for_update().get(pk=suite.pk)
        rows = list(held.cases.order_by("position", "number").only("pk", "number", "position"))
        moved = next((row for row in rows if row.number == number), None)
        if moved is None:
            return
        rows.remove(moved)
        rows.insert(max(0, to - 1), moved)
        changed = []
        for position, row in enumerate(rows, 1):
            if row.position != position:
                row.position = position
                changed.append(row)
        SuiteCase.objects.bulk_update(changed, ["position"], batch_size=_BATCH)
        held.save(update_fields=["changed_at"])


def forget_user(project: Project, names: Sequence[str]) -> int:
    """Delete the cases that hold words of an application's user; how many."""
    with transaction.atomic():
        held = SuiteCase.objects.filter(suite__project=project, user__in=names)
        suites = dict(held.values_list("pk", "suite_id"))
        SuiteCase.objects.filter(pk__in=list(suites)).delete()
        for suite in Suite.objects.filter(pk__in=set(suites.values())):
            _settle(suite)
    return len(suites)
