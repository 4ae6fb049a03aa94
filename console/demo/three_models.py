"""One suite asked of three models, four times in thirty days: how right each is, and what changed.

The models are scripts that answer by what the user said, played through the replay engine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from console.accounts.models import Project, User
from console.demo.everyday import CITIES
from console.demo.stories import at
from console.demo.toolbox import DOMAINS, Definition
from console.lib import json
from conversations.models import Connection
from conversations.replay import engine
from conversations.replay.orders import Order
from conversations.replay.records import Replay
from conversations.replay.starting import start
from conversations.replay.variants import Variant
from conversations.suites.keeping import add_cases, cases_of_suite, create_suite
from conversations.suites.reading import read_file
from conversations.suites.records import Suite

NAME = "What people ask"
CONNECTION = "Three models"
DAYS_AGO = (24, 17, 10, 3)
WRONG = {"gpt-4": (2, 1, 1, 1), "llama-3-70b": (5, 4, 3, 3), "mistral": (11, 10, 8, 8)}
"""Cases of 28 that each model gets wrong, by replay."""
_PACE = {"gpt-4": (130, 4), "llama-3-70b": (70, 2), "mistral": (30, 1)}
"""Milliseconds until the first piece of an answer, and between pieces."""
_PRICES = {"gpt-4": "60", "llama-3-70b": "0.9", "mistral": "0.25"}
_AT_ONCE = 28
_PATIENCE = 60.0
Ask = tuple[str, str, dict[str, Any], list[Definition]]


def asks() -> Iterator[Ask]:
    """What is said, the call that should be made, and what is offered; the hardest come first."""
    weather, billing, account = (DOMAINS[name] for name in ("weather", "billing", "account"))
    for days, city in zip((2, 3, 4, 5, 6, 7, 3), CITIES, strict=False):
        said = f"Will I need an umbrella in {city} on one of the next {days} days?"
        yield said, "get_forecast", {"city": city, "days": days}, weather
    for number in range(6):
        said = f"What did I pay on INV-23{number}1?"
        yield said, "get_invoice", {"invoice": f"INV-23{number}1"}, billing
    for number in range(6):
        said = f"Which plan is A-10{number}7 on?"
        yield said, "get_plan", {"account": f"A-10{number}7"}, account
    for city in CITIES:
        yield f"How warm is {city} at the moment?", "get_weather", {"city": city}, weather


def compare(project: Project, user: User, until: datetime) -> None:
    """Make the suite and replay it on four days."""
    suite = create_suite(project, NAME, description="Twenty-eight questions of all domains.")
    lines = [json.dump(_case(number, *one)) for number, one in enumerate(asks(), 1)]
    read = read_file("\n".join(lines).encode())
    add_cases(suite, read.entries, origin="file", source="what-people-ask.jsonl", user=user)
    connection = Connection.objects.create(
        project=project, name=CONNECTION, protocol="scripted", model_names=[*WRONG]
    )
    for run, days in enumerate(DAYS_AGO):
        connection.settings = _describe(run)
        connection.save()
        _date(_replay(suite, connection, user), at(until, days, "09:30"))


def _case(number: int, said: str, name: str, sent: dict[str, Any], tools: list[Definition]) -> Any:
    return {
        "id": f"ask-{number:02}",
        "messages": [{"role": "user", "content": said}],
        "tools": tools,
        "expected": {"calls": [{"name": name, "arguments": sent}]},
    }


def _describe(run: int) -> dict[str, Any]:
    """The connection's settings as the models answer at that time."""
    prices = [
        {"model": name, "since": "2023-01-01", "input": price, "output": price, "note": "As listed"}
        for name, price in _PRICES.items()
    ]
    scripts = {name: _script(name, wrong[run]) for name, wrong in WRONG.items()}
    return {"scripts": scripts, "prices": prices, "concurrency": _AT_ONCE}


def _script(model: str, wrong: int) -> dict[str, Any]:
    first, gap = _PACE[model]
    pace = {"first_ms": first, "delay_ms": gap, "fragment": 12}
    answers = []
    for number, (said, name, sent, _) in enumerate(asks()):
        if number >= wrong:
            told: dict[str, Any] = {"calls": [{"name": name, "arguments": sent}]}
        elif name == "get_forecast" and number % 2 == 0:
            told = {"calls": [{"name": "get_weather", "arguments": {"city": sent["city"]}}]}
        else:
            told = {"text": "I am not sure. It should be fine, I think."}
        answers.append([said, told | pace])
    return {"when": answers, "otherwise": {"text": "How can I help?"} | pace}


def _replay(suite: Suite, connection: Connection, user: User) -> Replay:
    first, *others = WRONG
    order = Order(
        cases=cases_of_suite(suite),
        variants=[Variant(name, model=name) for name in others],
        trials=1,
        connection=connection,
        model=first,
        title="Three models on what people ask",
        source=f"the suite {suite.name}",
    )
    row = start(suite.project, order, suite=suite, by=user, enqueue=False)
    end = time.monotonic() + _PATIENCE
    while not (step := engine.run(row.pk)).is_over and time.monotonic() < end:
        time.sleep(min(step.wait, 1.0))
    return row


def _date(row: Replay, when: datetime) -> None:
    """It was so when the story says, not when the demo was made."""
    row.refresh_from_db()
    if row.finished_at is not None:
        ended = when + (row.finished_at - row.created_at)
        Replay.objects.filter(pk=row.pk).update(
            created_at=when, touched_at=ended, finished_at=ended
        )
