"""For whom a plan is run, and what a person is asked before a destructive call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools_registry.execution.confirmation import Subject
from tools_registry.execution.executors import Preview
from tools_registry.execution.executors.base import Recorded
from tools_registry.execution.plan import Step
from tools_registry.validation.findings import Verdict


@dataclass(frozen=True)
class Proposal:
    """A destructive call that waits for a person: what would be sent, and what a token for it is
    made of (``confirmation.confirm``)."""

    key: str
    name: str
    preview: Preview
    subject: Subject


Confirm = Callable[[Proposal], Awaitable[str | None]]
"""Gives the token of a confirmed call, None for one that is refused."""
Judge = Callable[[Step, Mapping[str, Any]], Verdict]
"""The verdict on a call with the arguments that would be sent."""


@dataclass(frozen=True)
class Caller:
    """For whom a plan is run, and how.

    ``confirm`` is asked for the token of each destructive call; without it none runs, and none
    ever runs while ``replaying``. What ``judge`` rejects is not run. ``bounded`` and ``cached``
    switch these steps off. ``hosts`` are the private hosts that the project's tools may reach.
    ``seed`` makes sampled values repeatable.
    """

    project: int
    user: str = ""
    conversation: str = ""
    replaying: bool = False
    bounded: bool = True
    cached: bool = True
    hosts: Sequence[str] = ()
    recorded: Recorded | None = None
    confirm: Confirm | None = None
    judge: Judge | None = None
    seed: int = 0
