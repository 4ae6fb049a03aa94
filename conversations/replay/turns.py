"""Cases made of stored turns."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from console.accounts.models import Project
from conversations.replay.cases import Case


def cases_of_turns(project: Project, turn_ids: Sequence[UUID]) -> list[Case]:
    """The cases of these turns in their order; those that are gone are left out."""
    raise NotImplementedError
