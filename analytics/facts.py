"""What makes a call or a turn count as what: conditions on their own columns, as SQL. Pure.

Rollups sum by them, and alerts count the newest rows by them: each figure has one definition.
"""

from __future__ import annotations

from conversations.search.fields import MISFIRES


def write_list(values: tuple[str, ...]) -> str:
    """An array of codes as SQL."""
    return "ARRAY[" + ", ".join(f"'{value}'" for value in values) + "]::varchar[]"


MISSED_CODES = ("missed_call", "no_call_when_required")
"""Codes of turns in which a call should have been made."""

MISFIRED = f"codes && {write_list(MISFIRES)}"
"""Of calls. The kind of such a call, the first of its codes, is a misfire's too: those go first."""
FLAGGED = "verdict = 'flagged'"
REJECTED = "verdict = 'rejected'"
ERRED = "status = 'error'"

FAILED = "status = 'failed'"
"""Of turns, as is what follows."""
MISSED = f"codes && {write_list(MISSED_CODES)}"
UNPRICED = "cost IS NULL"
COST = "coalesce(sum(cost), 0)"
