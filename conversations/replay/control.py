"""Starting a replay, and its way between running, paused and over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from console.accounts.models import Project, User
from conversations.incidents.records import Incident
from conversations.models import Connection
from conversations.replay.cases import Case
from conversations.replay.plan import Estimate
from conversations.replay.records import Replay
from conversations.replay.variants import Variant
from conversations.suites.records import Suite

MOST_OUTCOMES = 100_000
MOST_TRIALS = 100
MOST_VARIANTS = 8


class NotReady(Exception):
    """The replay cannot start; ``reasons`` are all that stand in its way, each with its cure."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Order:
    """A replay as it is wanted. ``variants`` are those beside the control, which comes by itself;
    none is a replay of the control alone.

    ``connection`` and ``model`` are asked where a variant names none; without them it is what the
    case was recorded with. ``answers`` is ``{"*": {"mode": "recorded"}, "<tool>": {"mode":
    "fixed", "content": "…"}, "miss": "stop"}`` with the modes recorded, fixed, mock and stop, and
    stop or ask on a miss. ``source`` says for people where the cases are from, ``query`` is the
    filter where they are from one.
    """

    cases: Sequence[Case]
    variants: Sequence[Variant] = ()
    mode: str = "next_call"
    trials: int = 3
    connection: Connection | None = None
    model: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    max_rounds: int = 20
    ceiling_dollars: Decimal | None = None
    ceiling_tokens: int | None = None
    title: str = ""
    source: str = ""
    query: str = ""


def check(project: Project, order: Order) -> list[str]:
    """Every reason why it cannot start, each with its cure; none where it can."""
    raise NotImplementedError


def estimate(project: Project, order: Order) -> Estimate:
    """What it will take: model calls, tokens and dollars."""
    raise NotImplementedError


def start(
    project: Project,
    order: Order,
    *,
    incident: Incident | None = None,
    suite: Suite | None = None,
    by: User | None = None,
    sender: str = "",
    enqueue: bool = True,
) -> Replay:
    """Make the rows and, where ``enqueue``, set workers to it. Raises ``NotReady``."""
    raise NotImplementedError


def pause(replay: Replay) -> bool:
    """Ask nothing more for now; what is under way is kept. False where it does not run."""
    raise NotImplementedError


def resume(replay: Replay) -> bool:
    """Go on with a paused one, or one that its ceiling stopped. False where it cannot."""
    raise NotImplementedError


def cancel(replay: Replay) -> bool:
    """End it; outcomes so far stay. False where it is over already."""
    raise NotImplementedError
