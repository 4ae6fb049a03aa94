"""What pages say of a case: its expectation in a few words, and the answer that was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.lib import json
from conversations.replay.cases import Case
from conversations.suites.cases import judge_answer
from conversations.suites.keeping import entry_of
from conversations.suites.records import SuiteCase
from tools_registry.dialects import read_offer
from tools_registry.validation.expectation import CallMade, Expectation, Judgement
from tools_registry.validation.findings import worst

_MOST = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """An expected call: its tool, and its arguments or acceptable values as text."""

    name: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """A row of the list. ``wanted`` are the first expected calls, ``more`` how many follow;
    ``said`` the words where no call is named. ``recorded`` is the verdict of the answer that was
    recorded, by the expectation; "" where there is none of either."""

    row: SuiteCase
    tools: int
    wanted: tuple[Wanted, ...]
    more: int
    said: str
    recorded: str


def summarise(row: SuiteCase) -> Summary:
    case = entry_of(row).case
    calls = (case.expectation.calls or ()) if case.expectation else ()
    judged = judge_recorded(case)
    return Summary(
        row=row,
        tools=len(read_offer(list(case.tools))),
        wanted=tuple(describe_calls(case.expectation)[:_MOST]),
        more=max(0, len(calls) - _MOST),
        said=tell(case.expectation),
        recorded=worst(judged.findings) if judged else "",
    )


def judge_recorded(case: Case) -> Judgement | None:
    """The recorded answer by the expectation; None where there is none of either."""
    if case.recorded is None:
        return None
    made = [CallMade(call.name, call.arguments) for call in case.recorded.calls]
    return judge_answer(case, made)


def describe_calls(expectation: Expectation | None) -> list[Wanted]:
    calls = (expectation.calls or ()) if expectation else ()
    return [
        Wanted(
            call.name, _write(call.acceptable if call.acceptable is not None else call.arguments)
        )
        for call in calls
    ]


def _write(value: Mapping[str, Any] | None) -> str:
    return "" if value is None else json.dump(dict(value))


def tell(expectation: Expectation | None) -> str:
    """What is expected where no call is named."""
    if expectation is None:
        return "nobody said"
    if expectation.calls is None:
        return "some call, whichever"
    return "" if expectation.calls else "no call"
