"""What an application says on the night of the misspelled parameter. Pure, by seed.

A new definition of ``get_weather`` has ``temprature`` where it had ``temperature``. In 87 of 100
calls the model goes on writing what it always wrote, the definition refuses them, and the
application lets it try three times before it gives up. A decoy is something else that happens then.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Stage = Literal["calm", "bad", "fixed"]
Decoy = Literal["none", "version", "model", "spike", "nothing"]
DECOYS: dict[Decoy, str] = {
    "none": "nothing else happens",
    "version": "another tool gets a new version at the same time, which is harmless",
    "model": "most requests go to another model from that time on, which is no worse",
    "spike": "three times as many requests come from that time on",
    "nothing": "no definition changes: the model alone behaves otherwise, and no record says why",
}
TOOL = "get_weather"
FAILING = 0.87
USUAL = 0.02
"""Shares of calls that the definition refuses: in the outage, and always."""
TRIES = 3
SPIKE = 3.0
_CITIES = ("Oslo", "Porto", "Lyon", "Graz", "Turku", "Gdynia", "Bern", "Cork", "Ghent", "Malmö")
_ENVIRONMENT = "production"
_MODELS = ("gpt-4o-mini", "gpt-4o")
_NEXT_MODEL = "gpt-4.1-mini"
_SYSTEM = "You answer travellers. Look things up with the tools; never guess."


def define(name: str, description: str, **parameters: dict[str, Any]) -> dict[str, Any]:
    """A tool in OpenAI's form whose parameters are all required, and no others allowed."""
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": parameters,
                "required": list(parameters),
                "additionalProperties": False,
            },
        },
    }


_CITY = {"type": "string", "description": "City name, such as Oslo"}
_UNIT = {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "Unit of the answer"}
_DAYS = {"type": "integer", "minimum": 1, "maximum": 7, "description": "Days from today on"}
_NOW = "The weather in a city right now. Not for forecasts."
GOOD = define(TOOL, _NOW, city=_CITY, temperature=_UNIT)
BAD = define(TOOL, _NOW, city=_CITY, temprature=_UNIT)
FIXED = define(TOOL, f"{_NOW} Temperature is the unit.", city=_CITY, temperature=_UNIT)
FORECAST = define("get_forecast", "The forecast for a city.", city=_CITY, days=_DAYS)
FORECAST_NEXT = define(
    "get_forecast", "The forecast for a city, day by day, up to a week.", city=_CITY, days=_DAYS
)
TRAIN = define("find_train", "The next train between two cities.", origin=_CITY, destination=_CITY)


@dataclass(frozen=True, slots=True)
class Call:
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """One model call. ``begins`` is in seconds after its request began, ``lasts`` how long the
    model took. ``result`` is what the application made of the call; an error where it refused."""

    begins: float
    lasts: float
    model: str
    tools: tuple[dict[str, Any], ...]
    messages: tuple[dict[str, Any], ...]
    text: str
    call: Call | None
    result: str = ""
    refused: bool = False
    tokens: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """What one user asked, and every model call that it took."""

    conversation: str
    user: str
    environment: str
    exchanges: tuple[Exchange, ...]

    @property
    def lasts(self) -> float:
        """Seconds until its last answer."""
        last = self.exchanges[-1]
        return last.begins + last.lasts

    def count(self, tool: str) -> tuple[int, int]:
        """How many of its calls of the tool were refused, and how many there were."""
        made = [one for one in self.exchanges if one.call and one.call.name == tool]
        return sum(one.refused for one in made), len(made)


@dataclass
class Traffic:
    """Requests, one after the other. The same seed gives the same ones."""

    seed: int
    decoy: Decoy = "none"
    rate: float = 2.0
    """Requests a second."""
    _count: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(f"{self.seed}:{self.decoy}")

    def pause(self, stage: Stage) -> float:
        """Seconds until the next request: they come as they please."""
        rate = self.rate * (SPIKE if self.decoy == "spike" and stage != "calm" else 1.0)
        return self._random.expovariate(rate)

    def request(self, stage: Stage) -> Request:
        chance = self._random
        self._count += 1
        tool = chance.choices((TOOL, "get_forecast", "find_train"), (6, 2, 2))[0]
        model = chance.choices(_MODELS, (8, 2))[0]
        if self.decoy == "model" and stage != "calm" and chance.random() < 0.7:
            model = _NEXT_MODEL
        name = f"drill-{self.seed}-{self._count}"
        exchanges = tuple(self._talk(name, tool, model, stage))
        return Request(name, f"u_{chance.randrange(400)}", _ENVIRONMENT, exchanges)

    def _talk(self, name: str, tool: str, model: str, stage: Stage) -> Iterator[Exchange]:
        """The model tries until a call passes, three times at most, and then says something."""
        chance, tools = self._random, tools_of(stage, self.decoy)
        city, other = chance.sample(_CITIES, 2)
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": _SYSTEM},
            {"role": "user", "content": _ask(tool, city, other)},
        ]
        at, result = 0.0, ""
        for attempt in range(TRIES):
            fails = chance.random() < self._failing(tool, stage)
            given = _write_arguments(chance, tool, city, other, stage, fails, self.decoy)
            call = Call(f"call_{name}_{attempt}", tool, json.dumps(given))
            lasts = chance.uniform(0.15, 0.4)
            result = _REFUSAL if fails else _answer(chance, tool, city)
            yield Exchange(
                at, lasts, model, tools, tuple(messages), "", call, result, fails, _count(messages)
            )
            at += lasts + chance.uniform(0.02, 0.06)
            messages += [_say(call), {"role": "tool", "tool_call_id": call.id, "content": result}]
            if not fails:
                break
        said = f"{result}." if result != _REFUSAL else "I could not look that up, sorry."
        lasts = chance.uniform(0.15, 0.3)
        yield Exchange(
            at, lasts, model, tools, tuple(messages), said, None, "", False, _count(messages)
        )

    def _failing(self, tool: str, stage: Stage) -> float:
        return FAILING if tool == TOOL and stage == "bad" else USUAL


def tools_of(stage: Stage, decoy: Decoy) -> tuple[dict[str, Any], ...]:
    """The definitions that are offered."""
    if decoy == "nothing":
        return GOOD, FORECAST, TRAIN
    weather = {"calm": GOOD, "bad": BAD, "fixed": FIXED}[stage]
    forecast = FORECAST_NEXT if decoy == "version" and stage != "calm" else FORECAST
    return weather, forecast, TRAIN


_REFUSAL = "Refused: the arguments do not fit the definition. Correct them and call again."


def _write_arguments(
    chance: random.Random,
    tool: str,
    city: str,
    other: str,
    stage: Stage,
    fails: bool,
    decoy: Decoy,
) -> dict[str, Any]:
    if tool == "find_train":
        return {"origin": city} | ({} if fails else {"destination": other})
    if tool == "get_forecast":
        days = chance.randint(1, 7)
        return {"city": city, "days": str(days) if fails else days}
    unit = chance.choice(("celsius", "fahrenheit"))
    if stage != "bad":
        return {"city": city, "temperature": "kelvin" if fails else unit}
    asked = "temperature" if decoy == "nothing" else "temprature"
    written = {"temperature": "temprature", "temprature": "temperature"}[asked]
    return {"city": city, (written if fails else asked): unit}


def _ask(tool: str, city: str, other: str) -> str:
    if tool == "find_train":
        return f"When is the next train from {city} to {other}?"
    if tool == "get_forecast":
        return f"What will the weather be in {city} this week?"
    return f"How is the weather in {city}?"


def _answer(chance: random.Random, tool: str, city: str) -> str:
    if tool == "find_train":
        return (
            f"The next train leaves {city} at {chance.randrange(24):02d}:{chance.randrange(60):02d}"
        )
    return f"{city}: {chance.randint(-5, 30)} degrees, {chance.choice(('rain', 'sun', 'clouds'))}"


def _say(call: Call) -> dict[str, Any]:
    said = {"name": call.name, "arguments": call.arguments}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": call.id, "type": "function", "function": said}],
    }


def _count(messages: list[dict[str, Any]]) -> tuple[int, int]:
    """Tokens in and out, as if four characters were one."""
    return 150 + sum(len(json.dumps(one)) for one in messages) // 4, 24
