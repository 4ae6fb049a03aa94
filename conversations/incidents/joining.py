"""The turns of an incident: those that match its filter join by themselves, others by hand."""

from __future__ import annotations

from uuid import UUID

from conversations.incidents.records import Incident


def turns_of(incident: Incident) -> list[UUID]:
    """The ids of the incident's turns, each once, the oldest first. Some may be gone meanwhile."""
    rows = incident.turns.order_by("at", "turn_id").values_list("turn_id", flat=True)
    return list(dict.fromkeys(rows))
