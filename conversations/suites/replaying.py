"""The cases of a suite for a replay."""

from __future__ import annotations

import dataclasses

from conversations.replay.cases import Case, Origin
from conversations.suites.keeping import entry_of
from conversations.suites.records import Suite


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
