"""The traffic of every day: what people ask, what the model calls, and what goes wrong a little.

In the first fourteen days all 47 functions are in every prompt; then a router offers those of the
domain. Calls that were made wrongly fall from 7.5 to 2 in a hundred, a fall of 73.4%. Pure.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from console.demo.toolbox import DOMAINS, EVERYTHING, VAGUE_WEATHER, swapped
from console.demo.writing import Call, Desk, Record, Talk

DAYS = 30
GROUPED_AFTER = 14
"""Days with all functions in one prompt."""
WRONG_BEFORE, WRONG_AFTER = 0.0752, 0.02
CITIES = ["Oslo", "Bergen", "Lisbon", "Tokyo", "Toronto", "Nairobi", "Lima", "Madrid", "Vienna"]
_ASKED = {
    "weather": ("What is it like in {city} right now?", "How warm is {city} at the moment?"),
    "forecast": ("Will it rain in {city} this week?", "The next {days} days in {city}, please"),
    "invoice": ("What did I pay on {invoice}?", "Can you show me invoice {invoice}?"),
    "pay": ("Please pay {invoice} now", "Charge my card for {invoice}"),
    "rate": ("How many dollars is a euro?", "What is the rate from EUR to USD?"),
    "plan": ("Which plan is {account} on?", "What plan do I have? My account is {account}"),
    "email": ("My new address is {email}, account {account}",),
    "cancel": ("Cancel the subscription of {account}, the code is {code}",),
}
_WEIGHTS = {
    "weather": 32, "forecast": 12, "invoice": 16, "pay": 10, "rate": 10, "plan": 12, "email": 5,
    "cancel": 3,
}  # fmt: skip
_DOMAIN = {
    "weather": "weather", "forecast": "weather", "invoice": "billing", "pay": "billing",
    "rate": "billing", "plan": "account", "email": "account", "cancel": "account",
}  # fmt: skip
_ANSWERS = {
    "weather": "It is {temperature} degrees and {sky} in {city}.",
    "forecast": "Mostly {sky} in {city}, around {temperature} degrees.",
}


def everyday(until: datetime, chance: random.Random, *, a_day: int = 200) -> Iterator[Record]:
    """The turns of thirty days before ``until``, day by day."""
    desk, due = Desk("day", chance), 0.0
    for day in range(DAYS):
        grouped = day >= GROUPED_AFTER
        begun = until - timedelta(days=DAYS - day)
        busy = 0.6 if begun.weekday() >= 5 else 1.0
        for hour in range(24):
            share = busy * (1 + 0.8 * math.sin((hour - 9) / 24 * 2 * math.pi)) / 24
            for _ in range(round(a_day * share * chance.uniform(0.7, 1.3))):
                at = begun + timedelta(hours=hour, seconds=chance.uniform(0, 3600))
                if at < until - timedelta(minutes=10):
                    # Spread evenly, so that the shares come out whatever the seed is.
                    due += WRONG_AFTER if grouped else WRONG_BEFORE
                    wrong, due = due >= 1, due % 1
                    yield from talk(desk, at, grouped=grouped, wrong=wrong).records


def talk(desk: Desk, at: datetime, *, grouped: bool, wrong: bool) -> Talk:
    """One conversation about one thing."""
    chance = desk.chance
    about = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    facts = {
        "city": chance.choice(CITIES),
        "days": chance.randint(2, 6),
        "invoice": f"INV-{chance.randint(2000, 2999)}",
        "account": f"A-{chance.randint(1000, 1999)}",
        "email": f"user{chance.randint(1, 900)}@example.com",
        "code": f"{chance.randint(0, 9999):04}",
        "temperature": chance.randint(-8, 31),
        "sky": chance.choice(["clear", "cloudy", "rainy"]),
    }
    right = _right_call(about, facts, chance)
    tools = DOMAINS[_DOMAIN[about]] if grouped else swapped(EVERYTHING, VAGUE_WEATHER)
    said = desk.open(at, tools).say(chance.choice(_ASKED[about]).format(**facts))
    said.tags = [*said.tags, "prompt:grouped" if grouped else "prompt:everything"]
    expected = [replace(right, result=None)] if chance.random() < 0.08 else None
    if wrong:
        said.call(_wrong_call(right, about, facts, chance, grouped), expected=expected)
        return said.answer("Sorry, that did not work. Could you say it in other words?")
    said.call(right, expected=expected)
    if right.status != "ok":
        return said.answer("The service took too long. Please try again in a moment.")
    return said.answer(_ANSWERS.get(about, "Here it is.").format(**facts))


def _right_call(about: str, facts: dict[str, object], chance: random.Random) -> Call:
    city = {"city": facts["city"]}
    match about:
        case "weather":
            found = {"temperature": facts["temperature"], "sky": facts["sky"]}
            return _looked_up(Call("get_weather", city, found), chance, 420)
        case "forecast":
            days = {**city, "days": facts["days"]}
            return _looked_up(Call("get_forecast", days, {"sky": facts["sky"]}), chance, 610)
        case "invoice":
            found = {"invoice": facts["invoice"], "amount": 42.5, "status": "paid"}
            return Call("get_invoice", {"invoice": facts["invoice"]}, found, latency_ms=140)
        case "pay":
            return _payment(facts, chance)
        case "rate":
            pair = {"base": "EUR", "quote": "USD"}
            return _looked_up(Call("get_exchange_rate", pair, {"rate": 1.08}), chance, 210)
        case "plan":
            return Call("get_plan", {"account": facts["account"]}, {"plan": "team"}, latency_ms=90)
        case "email":
            sent = {"account": facts["account"], "email": facts["email"]}
            return Call("update_email", sent, {"changed": True}, latency_ms=160)
        case _:
            sent = {"account": facts["account"], "confirmation_code": facts["code"]}
            return Call("cancel_subscription", sent, {"cancelled": True}, latency_ms=310)


def _looked_up(call: Call, chance: random.Random, usual: float) -> Call:
    """A function whose answers are cached: 42 in a hundred come from there; two seconds at most."""
    if chance.random() < 0.42:
        return replace(call, cached=True, latency_ms=chance.uniform(1, 4), cost=0.0)
    took = chance.lognormvariate(math.log(usual), 0.5)
    if took > 2000:
        said = "timed out after 2 s"
        return replace(call, latency_ms=2000, status="timeout", result={"error": said}, cost=0.002)
    return replace(call, latency_ms=took, cost=0.002)


def _payment(facts: dict[str, object], chance: random.Random) -> Call:
    """Cards of other countries take seven to eight seconds; ten is the limit."""
    abroad = chance.random() < 0.3
    took = chance.gauss(7600, 900) if abroad else chance.lognormvariate(math.log(1900), 0.35)
    sent = {"account": facts["account"], "amount": 42.5, "currency": "EUR" if abroad else "USD"}
    if took > 10_000:
        said = {"error": "timed out after 10 s"}
        return Call("process_payment", sent, said, "timeout", 10_000)
    return Call("process_payment", sent, {"charged": True}, latency_ms=took)


def _wrong_call(
    right: Call, about: str, facts: dict[str, object], chance: random.Random, grouped: bool
) -> Call:
    """What a model does with too many functions: names that are none, others' parameters."""
    kinds = ["misspelt", "shape"] if grouped else ["invented", "misspelt", "foreign", "shape"]
    arguments = dict(right.arguments) if isinstance(right.arguments, dict) else {}
    said = {"error": "no such function or parameter"}
    failed = replace(right, status="error", result=said, cached=False, cost=None)
    match chance.choice(kinds):
        case "invented":
            return replace(failed, name="make_user_happy", arguments={"mood": "better"})
        case "misspelt":
            return replace(failed, name=right.name.replace("_", "", 1))
        case "foreign":
            more = {"invoice": facts["invoice"], "amount": 42.5}
            return replace(failed, arguments={**arguments, **more})
        case _:
            key = next(iter(arguments))
            return replace(failed, arguments={**arguments, key: [arguments[key]]})
