"""A replay as it is wanted: what stands in its way, and what it will take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from console.accounts.models import Project
from console.lib import json
from console.lib.fields import to_plain
from conversations.connections import endpoint_of
from conversations.models import Connection
from conversations.parts import Usage
from conversations.price_overrides import read_overrides
from conversations.prices import price
from conversations.providers import ProviderFault
from conversations.replay import plan
from conversations.replay.answers import BadPolicy, Policy
from conversations.replay.cases import Case
from conversations.replay.composition import compose
from conversations.replay.plan import Estimate, with_control
from conversations.replay.records import MODES
from conversations.replay.stage import read_versions
from conversations.replay.turns import with_rest
from conversations.replay.variants import Variant
from tools_registry.dialects import UnreadableTool, read_tool
from tools_registry.models import RouterVersion
from tools_registry.policies import BadPolicy as BadToolPolicy
from tools_registry.policies import PolicySpec, compile_policy

MOST_OUTCOMES = 100_000
MOST_TRIALS = 100
MOST_VARIANTS = 8
MOST_ROUNDS = 200
LEAST_DOLLARS = Decimal("0.0001")
"""The lowest ceiling: what is less is kept as nothing."""
_LONGEST_MODEL = 200


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

    @property
    def everyone(self) -> list[Variant]:
        """The control and the variants."""
        return with_control(self.variants)

    @property
    def asks_model(self) -> bool:
        return self.mode != "no_model"


@dataclass(frozen=True)
class Asking:
    """Who is asked for each case and variant; ``connections`` are those that can be."""

    order: Order
    connections: Mapping[int, Connection]
    _priced: dict[tuple[object, ...], Decimal | None] = field(default_factory=dict)

    def connection_of(self, case: Case, variant: Variant) -> int | None:
        own = self.order.connection.pk if self.order.connection else None
        recorded = case.recorded.connection if case.recorded else None
        return variant.connection or own or recorded

    def model_of(self, case: Case, variant: Variant) -> str:
        recorded = case.recorded.model if case.recorded else ""
        return variant.model or self.order.model or recorded

    def price(self, case: Case, variant: Variant, sent: int, told: int) -> Decimal | None:
        found = self.connections.get(self.connection_of(case, variant) or 0)
        if found is None:
            return None
        model = self.model_of(case, variant)
        key = (found.pk, model, sent, told)
        if key not in self._priced:
            self._priced[key] = price(
                Usage(sent, told),
                model=model,
                protocol=found.protocol,
                base_url=found.base_url,
                overrides=read_overrides(found.settings),
            ).cost
        return self._priced[key]


def asking_of(project: Project, order: Order) -> Asking:
    named = {variant.connection for variant in order.variants}
    named |= {case.recorded.connection for case in order.cases if case.recorded}
    named |= {order.connection.pk} if order.connection else set()
    keys = [key for key in named if key is not None]
    rows = Connection.objects.filter(project=project, archived_at=None, pk__in=keys)
    return Asking(order, {row.pk: row for row in rows})


def check(project: Project, order: Order) -> list[str]:
    """Every reason why it cannot start, each with its cure; none where it can."""
    reasons = _check_counts(order)
    for variant in order.variants:
        reasons += _check_variant(project, variant)
    try:
        Policy.from_json(order.answers)
    except BadPolicy as error:
        reasons.append(str(error))
    if order.asks_model and order.cases:
        reasons += _check_asking(asking_of(project, order))
    if not order.asks_model and not all(case.recorded for case in order.cases):
        reasons.append("Without a model only recorded answers can be judged; some cases have none.")
    if not reasons:
        reasons += _check_requests(project, order)
    return list(dict.fromkeys(reasons))


def _check_counts(order: Order) -> list[str]:
    reasons = []
    if not order.cases:
        reasons.append("There are no cases; widen the filter, or choose other turns.")
    if order.mode not in dict(MODES):
        reasons.append(f"Choose a mode: {', '.join(dict(MODES))}.")
    if not 1 <= order.trials <= MOST_TRIALS:
        reasons.append(f"Choose 1 to {MOST_TRIALS} trials.")
    if not 1 <= order.max_rounds <= MOST_ROUNDS:
        reasons.append(f"Choose 1 to {MOST_ROUNDS} rounds.")
    if len(order.variants) > MOST_VARIANTS:
        reasons.append(f"Compare at most {MOST_VARIANTS} variants at once.")
    if len(order.cases) * len(order.everyone) * order.trials > MOST_OUTCOMES:
        reasons.append(f"These are more than {MOST_OUTCOMES:,} outcomes; take fewer cases.")
    names = [variant.name for variant in order.everyone]
    twice = {name for name in names if names.count(name) > 1}
    reasons += [f"Two variants are called {name}; rename one." for name in sorted(twice)]
    if any(len(variant.model) > _LONGEST_MODEL for variant in order.variants):
        reasons.append(f"A model's name has at most {_LONGEST_MODEL} characters.")
    typed = [order.title, order.model, order.answers, [one.to_json() for one in order.variants]]
    if any(to_plain(text) != text for text in _texts(typed)):
        reasons.append(
            "A text holds NUL or half of a surrogate pair, which is not kept: remove it."
        )
    try:
        json.dump(typed)
    except TypeError:
        reasons.append("A number is larger than any that can be kept.")
    for ceiling in (order.ceiling_dollars, order.ceiling_tokens):
        if ceiling is not None and ceiling <= 0:
            reasons.append("A ceiling is more than nothing; leave it empty for none.")
    return reasons


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names of fields too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        inner = [*value.keys(), *value.values()] if isinstance(value, Mapping) else value
        for one in inner:
            yield from _texts(one)


def _check_variant(project: Project, variant: Variant) -> list[str]:
    told = f"The variant {variant.name}"
    reasons = []
    missing = variant.versions - read_versions(project, [variant]).keys()
    if missing:
        reasons.append(f"{told} names a tool version that is none of this project's.")
    for tool in (*variant.replaced.values(), *variant.added, *(variant.toolset or ())):
        if isinstance(tool, int):
            continue
        try:
            read_tool(tool)
        except UnreadableTool as error:
            reasons.append(f"{told} has a tool that cannot be read: {error}.")
    for name, document in variant.policies.items():
        try:
            if document is not None:
                compile_policy(PolicySpec.from_json(document))
        except BadToolPolicy as error:
            reasons.append(f"{told} has a policy of {name} that cannot be used: {error}")
    routers = RouterVersion.objects.filter(project=project)
    if variant.router is not None and not routers.filter(pk=variant.router).exists():
        reasons.append(f"{told} names a router that is none of this project's.")
    return reasons


def _check_asking(asking: Asking) -> list[str]:
    order, reasons = asking.order, []
    used: set[int] = set()
    for variant in order.everyone:
        for case in order.cases:
            key = asking.connection_of(case, variant)
            if key is None:
                reasons.append("Choose a connection to ask: some cases came from elsewhere.")
            elif key not in asking.connections:
                reasons.append(
                    "Choose a connection to ask: that of some cases or of a variant is gone."
                )
            else:
                used.add(key)
            if not asking.model_of(case, variant):
                reasons.append("Choose a model: some cases do not say which answered.")
    for key in sorted(used):
        try:
            endpoint_of(asking.connections[key])
        except ProviderFault as fault:
            reasons.append(f"{asking.connections[key].name}: {fault.detail}")
    return reasons


def _check_requests(project: Project, order: Order) -> list[str]:
    """Whether each variant changes anything, as far as the first cases show."""
    versions = read_versions(project, order.variants)
    for variant in order.variants:
        for name in variant.replaced:
            if not any(_offers(case, name) for case in order.cases):
                return [
                    f"The variant {variant.name} replaces {name}, which no case offers;"
                    " take it out, or add the tool instead."
                ]
        compose(order.cases[0], variant, versions)
    return []


def _offers(case: Case, name: str) -> bool:
    return any(name in json.dump(tool) for tool in case.tools)


def estimate(project: Project, order: Order) -> Estimate:
    """What it will take: model calls, tokens and dollars."""
    order = complete(project, order)
    return weigh(order, asking_of(project, order))


def weigh(order: Order, asking: Asking) -> Estimate:
    """The estimate of an order that is complete."""
    return plan.estimate(
        order.cases, order.variants, order.trials, mode=order.mode, price=asking.price
    )


def complete(project: Project, order: Order) -> Order:
    """The order with what its mode needs: the rest of conversations; one trial without a model."""
    if order.mode == "conversation":
        return replace(order, cases=with_rest(project, order.cases))
    return order if order.asks_model else replace(order, trials=1)
