"""What the values of a filter stand for in a project: numbers of versions, and ids."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from console.accounts.models import Project
from conversations.models import Conversation, ToolCall, TurnKey
from conversations.search.asked import Names
from conversations.search.query import Query
from conversations.search.sql import find_calls_by_id
from conversations.storage import key_of
from tools_registry.models import ToolVersion

MOST_NAMES = 200
"""Calls that one id may stand for: ids repeat."""


def find_names(project: Project, query: Query) -> Names:
    """What the values of ``version`` and ``id`` stand for in this project."""
    tools = {
        value
        for term in query.of("tool")
        for value in term.values
        if not term.negated and term.prefix(value) is None
    }
    versions = {
        value: _find_versions(project, value, tools)
        for term in query.of("version")
        for value in term.values
    }
    ids = {value: _find_ids(project, value) for term in query.of("id") for value in term.values}
    every = [key for found in ids.values() for key in found]
    calls = ToolCall.objects.filter(project=project, pk__in=every) if every else []
    return Names(versions, ids, {call.pk: call.turn_id for call in calls})


def _find_versions(project: Project, value: str, tools: set[str]) -> list[int]:
    name, _, number = value.rpartition("@")
    digits = number.lower().removeprefix("v")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 9:
        return []
    rows = ToolVersion.objects.filter(project=project, number=int(digits))
    if name or tools:
        rows = rows.filter(tool__name__in=[name] if name else tools)
    return list(rows.values_list("pk", flat=True)[:2000])


def _find_ids(project: Project, value: str) -> list[UUID]:
    try:
        return [UUID(value)]
    except ValueError:
        value = value[:300]
    found = list(Conversation.objects.filter(project=project, key=value).values_list("pk"))
    found += TurnKey.objects.filter(pk=key_of(project.pk, value)).values_list("turn_id")
    return [key for (key,) in found] + _find_calls(project, value)


def _find_calls(project: Project, value: str) -> list[UUID]:
    statement = find_calls_by_id(project.pk, value, MOST_NAMES)
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.values)
        return [key for (key,) in cursor.fetchall()]
