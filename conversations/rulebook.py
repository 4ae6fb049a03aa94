"""The redaction rules of a project, ready to use: read from the database every few seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import cast

from console.accounts.models import Project
from conversations.custody import ProjectCustody, RedactionRule
from conversations.redaction import NO_RULES, Kind, Rule, Rules, compile_rules

FRESH = 3.0
"""Seconds for which a process uses rules without looking again."""


@dataclass(frozen=True, slots=True)
class _Read:
    at: float
    written: tuple[Rule, ...]
    rules: Rules


_read: dict[int, _Read] = {}


def rules_for(project: Project) -> Rules:
    """The enabled rules of the project. A change is followed within ``FRESH`` seconds.

    Raises ``BadRule`` where a stored rule cannot be used: then nothing may be stored.
    """
    now, known = time.monotonic(), _read.get(project.pk)
    if known and now - known.at < FRESH:
        return known.rules
    written = tuple(
        Rule(name, cast(Kind, kind), value, replacement)
        for name, kind, value, replacement in RedactionRule.objects.filter(
            project=project, enabled=True
        )
        .order_by("id")
        .values_list("name", "kind", "value", "replacement")
    )
    if known and known.written == written:
        rules = known.rules
    elif written:
        rules = compile_rules(written, salt=salt_of(project))
    else:
        rules = NO_RULES
    _read[project.pk] = _Read(now, written, rules)
    return rules


def salt_of(project: Project) -> bytes:
    """What the project's pseudonyms are keyed with."""
    return bytes.fromhex(ProjectCustody.of(project).salt)


def forget_rules(project: Project) -> None:
    """Read the rules anew in this process: they were just changed here."""
    _read.pop(project.pk, None)
