"""How well a router would have served recorded inputs. Pure; no model is asked for an answer.

A case counts where it is known what should have been called: by an expectation, by a label, or
by a call that was accepted as right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from console.lib.proportions import wilson
from tools_registry.routing.choosing import Classify, Decision, pick, route
from tools_registry.routing.spec import RouterSpec

NO_CALL = "(no call)"
NO_GROUP = "(no group)"
NOTHING = "(nothing fits)"


@dataclass(frozen=True, slots=True)
class Case:
    """A recorded input: its text, the tools that were offered, and those that were needed."""

    id: str
    text: str
    offered: tuple[str, ...]
    needed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Routed:
    """What the router would have done with a case. Weights are tokens of definitions."""

    case: Case
    decision: Decision
    tools: tuple[str, ...]
    missed: tuple[str, ...]
    intent: str
    wanted: tuple[str, ...]
    weight_before: int
    weight_after: int

    @property
    def is_confused(self) -> bool:
        """The router named a group, and it is none of those that were wanted."""
        return self.intent != NOTHING and bool(self.wanted) and self.intent not in self.wanted

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows of the matrix that it counts in."""
        return self.wanted or (NO_GROUP if self.case.needed else NO_CALL,)


@dataclass(slots=True)
class Assessment:
    """``matrix`` counts cases by (wanted group, the router's intent)."""

    cases: list[Routed] = field(default_factory=list)
    matrix: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def in_need(self) -> list[Routed]:
        """The cases that needed a tool."""
        return [routed for routed in self.cases if routed.case.needed]

    @property
    def served(self) -> tuple[int, int]:
        """(cases in which every needed tool would have been offered, cases that needed one)."""
        need = self.in_need
        return sum(not routed.missed for routed in need), len(need)

    @property
    def confused(self) -> tuple[int, int]:
        """(cases whose intent was taken for another, cases in which a group was wanted)."""
        wanted = [routed for routed in self.cases if routed.wanted]
        return sum(routed.is_confused for routed in wanted), len(wanted)

    @property
    def weights(self) -> tuple[int, int]:
        """Tokens of definitions sent as recorded, and as routed."""
        before = sum(routed.weight_before for routed in self.cases)
        return before, sum(routed.weight_after for routed in self.cases)


def assess(
    spec: RouterSpec,
    cases: Iterable[Case],
    weights: Mapping[str, int],
    classify: Classify | None = None,
) -> Assessment:
    """Route each case. ``weights`` are tokens by tool; a tool without one weighs 0."""
    found = Assessment()
    for case in cases:
        routed = _route_case(spec, case, weights, route(spec, case.text, classify))
        found.cases.append(routed)
        for wanted in routed.rows:
            found.matrix[wanted, routed.intent] += 1
    return found


def _route_case(
    spec: RouterSpec, case: Case, weights: Mapping[str, int], decision: Decision
) -> Routed:
    tools = tuple(pick(spec, decision, case.offered))
    wanted = dict.fromkeys(group for tool in case.needed for group in spec.groups_of(tool))
    return Routed(
        case=case,
        decision=decision,
        tools=tools,
        missed=tuple(tool for tool in case.needed if tool in case.offered and tool not in tools),
        intent=decision.intent or NOTHING,
        wanted=tuple(wanted),
        weight_before=sum(weights.get(tool, 0) for tool in case.offered),
        weight_after=sum(weights.get(tool, 0) for tool in tools),
    )


def tell_share(part: int, whole: int) -> str:
    """A share with its base and its 95% Wilson interval, in words."""
    if not whole:
        return "no case"
    low, high = wilson(part, whole)
    return f"{part:,} of {whole:,} ({part / whole:.1%}, 95% CI {low * 100:.1f}–{high * 100:.1f})"


def differing(old: Assessment, new: Assessment) -> Sequence[tuple[Routed, Routed]]:
    """Cases, in their order, in which the two routers offer other tools."""
    by_id = {routed.case.id: routed for routed in new.cases}
    pairs = ((one, by_id[one.case.id]) for one in old.cases if one.case.id in by_id)
    return [(one, two) for one, two in pairs if one.tools != two.tools]
