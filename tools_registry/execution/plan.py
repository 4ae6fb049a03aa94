"""The plan of a turn's calls: which wait for which, and why. Pure.

Dependencies are found by rule. Two carry values: a *reference* to another call's result in the
arguments, and an *output* that another tool declares for an input that was left open. The others
keep order where order may matter: a *write after a read* and a *conflict* over one resource, and
*destructive last*. They are left out where the calls are in that order anyway. All else runs at
once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from tools_registry.execution.effects import Effect, meet, read_effect
from tools_registry.execution.openings import Opening, find_openings
from tools_registry.execution.references import find_references, label_of
from tools_registry.policies.spec import PolicySpec
from tools_registry.specs import ToolSpec

Kind = Literal["reference", "output", "write_after_read", "conflict", "destructive_last", "person"]
CARRYING: frozenset[Kind] = frozenset(["reference", "output"])
"""Dependencies by which a value comes."""


@dataclass(frozen=True)
class Step:
    """One call of the turn. ``key`` names it within the turn, ``arguments`` are parsed,
    ``version`` is the number of the tool's version; ``label`` is what references call it."""

    key: str
    name: str
    arguments: Any
    spec: ToolSpec | None = None
    policy: PolicySpec | None = None
    version: int | None = None
    label: str = ""

    @property
    def identity(self) -> str:
        """The tool version's hash; of a tool without a definition, that of its name."""
        return (self.spec or ToolSpec(self.name)).hash

    @cached_property
    def effect(self) -> Effect:
        return read_effect(self.name, self.arguments, self.spec, self.policy)


@dataclass(frozen=True, slots=True)
class Dependency:
    """``key`` waits for ``on``; ``reason`` is a sentence. ``opening`` says what an output fills."""

    key: str
    on: str
    kind: Kind
    reason: str
    opening: Opening | None = None

    def to_json(self) -> dict[str, str]:
        return {"call": self.key, "on": self.on, "kind": self.kind, "reason": self.reason}


class BadPlan(ValueError):
    """A change that a plan cannot take; the text says why."""


@dataclass(frozen=True)
class Plan:
    """``problems`` are the calls that cannot run, with the reason."""

    steps: tuple[Step, ...]
    dependencies: tuple[Dependency, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def by_key(self) -> Mapping[str, Step]:
        return {step.key: step for step in self.steps}

    def find_labelled(self, key: str, label: str) -> str | None:
        """The call that a reference with this label names in the arguments of the call ``key``."""
        return _find_labelled(self.steps, label, list(self.by_key).index(key))

    def waits_for(self, key: str) -> list[Dependency]:
        return [one for one in self.dependencies if one.key == key]

    @cached_property
    def stages(self) -> tuple[tuple[str, ...], ...]:
        """The calls that could begin together, stage after stage, each in the turn's order."""
        depth: dict[str, int] = {}
        for key in _sort(self.steps, self.dependencies):
            before = [depth[one.on] for one in self.dependencies if one.key == key]
            depth[key] = max(before, default=-1) + 1
        count = max(depth.values(), default=-1) + 1
        keys = [step.key for step in self.steps]
        return tuple(tuple(key for key in keys if depth[key] == n) for n in range(count))

    def change(
        self, *, remove: Iterable[tuple[str, str]] = (), add: Iterable[tuple[str, str]] = ()
    ) -> Plan:
        """The plan as a person wants it: pairs of who waits and for whom.

        Raises ``BadPlan`` for calls that are not there, for one that would wait for itself, and
        where a value comes by what is taken out.
        """
        gone, fresh = set(remove), list(dict.fromkeys(add))
        for one in self.dependencies:
            if (one.key, one.on) in gone and one.kind in CARRYING:
                raise BadPlan(f"{self._tell(one.key)} needs a value of {self._tell(one.on)}")
        kept = [one for one in self.dependencies if (one.key, one.on) not in gone]
        for key, on in fresh:
            if not {key, on} <= self.by_key.keys():
                raise BadPlan(f"There is no call {key if key not in self.by_key else on}")
            reason = f"waits for {self._tell(on)} because somebody said so"
            kept.append(Dependency(key, on, "person", reason))
        if circle := _find_circle(self.steps, kept):
            names = ", ".join(self._tell(key) for key in circle)
            raise BadPlan(f"These calls would wait for each other: {names}")
        return replace(self, dependencies=tuple(kept))

    def _tell(self, key: str) -> str:
        return _tell(self.steps, key)

    def to_json(self) -> dict[str, Any]:
        return {
            "calls": [
                {"key": step.key, "name": step.name, "effect": step.effect.kind or "unknown"}
                for step in self.steps
            ],
            "dependencies": [one.to_json() for one in self.dependencies],
            "stages": [list(stage) for stage in self.stages],
            "problems": dict(self.problems),
        }


def make_plan(steps: Sequence[Step]) -> Plan:
    """The plan of the calls of one turn, in the order in which the model made them."""
    problems: dict[str, str] = {}
    carrying = [*_references(steps, problems), *_outputs(steps)]
    while circle := _find_circle(steps, carrying):
        names = ", ".join(_tell(steps, key) for key in circle)
        problems |= dict.fromkeys(circle, f"These calls wait for each other: {names}")
        carrying = [one for one in carrying if one.key not in circle]
    return Plan(tuple(steps), tuple(_order(steps, carrying)), problems)


def _find_labelled(steps: Sequence[Step], label: str, index: int) -> str | None:
    """The key of the call that a reference in the call at ``index`` names. ``varN`` counts only
    where no call has a label of its own; of several with one label, the nearest before is meant.
    """
    if any(step.label for step in steps):
        keys = [(n, step.key) for n, step in enumerate(steps) if label in (step.label, step.key)]
    else:
        numbered = ((n, step.key, label_of(n + 1)) for n, step in enumerate(steps))
        keys = [(n, key) for n, key, number in numbered if label in (key, number)]
    before = [key for n, key in keys if n < index]
    return before[-1] if before else next((key for _, key in keys), None)


def _tell(steps: Sequence[Step], key: str) -> str:
    """A call by its name, with its place in the turn where there are several of it."""
    index, step = next((n, step) for n, step in enumerate(steps, 1) if step.key == key)
    alone = sum(other.name == step.name for other in steps) == 1
    return step.name if alone else f"{step.name} (call {index})"


def _references(steps: Sequence[Step], problems: dict[str, str]) -> Iterator[Dependency]:
    for index, step in enumerate(steps):
        seen = set()
        for one in find_references(step.arguments):
            on = _find_labelled(steps, one.label, index)
            if on == step.key:
                problems[step.key] = f"{one.text} refers to the call's own result"
            elif on is not None and on not in seen:
                seen.add(on)
                place = one.pointer or "the arguments"
                reason = f"{place} refers to the result of {_tell(steps, on)}: {one.text}"
                yield Dependency(step.key, on, "reference", reason)
            elif on is None and one.is_numbered:
                problems[step.key] = f"{one.text} refers to a call that this turn does not have"


def _outputs(steps: Sequence[Step]) -> Iterator[Dependency]:
    """Inputs that were left open, and the other tools that declare them as their output."""
    for index, step in enumerate(steps):
        others = [*reversed(steps[:index]), *steps[index + 1 :]]
        sources = [(other.key, other.name, other.spec) for other in others]
        for opening in find_openings(step.arguments, step.spec, sources):
            source = _tell(steps, opening.source)
            reason = f"{source} gives {opening.field}, which {opening.pointer} waits for"
            yield Dependency(step.key, opening.source, "output", reason, opening)


def _order(steps: Sequence[Step], carrying: Sequence[Dependency]) -> list[Dependency]:
    """What carries values, and what keeps order beside it."""
    place = {step.key: index for index, step in enumerate(steps)}
    before = [0] * len(steps)
    """For each call the set of those that it waits for, through others too, as bits."""
    for key in _sort(steps, carrying):
        for one in carrying:
            if one.key == key:
                before[place[key]] |= 1 << place[one.on] | before[place[one.on]]
    found = list(carrying)

    def wait(late: int, early: int, kind: Kind, reason: str) -> None:
        if before[late] >> early & 1 or before[early] >> late & 1:
            return
        found.append(Dependency(steps[late].key, steps[early].key, kind, reason))
        gained = before[early] | 1 << early
        for index in range(len(steps)):
            if index == late or before[index] >> late & 1:
                before[index] |= gained

    for late, step in enumerate(steps):
        # The nearest first: what stands before it follows from it.
        for early in range(late - 1, -1, -1):
            kind_and_reason = _clash(steps, steps[early], step)
            if kind_and_reason:
                wait(late, early, *kind_and_reason)
    for late, step in enumerate(steps):
        if step.effect.kind == "destructive":
            for early in reversed(range(len(steps))):
                other = steps[early]
                if other.effect.kind != "destructive" or early < late:
                    reason = f"destructive calls come last: after {_tell(steps, other.key)}"
                    wait(late, early, "destructive_last", reason)
    return found


def _clash(steps: Sequence[Step], early: Step, late: Step) -> tuple[Kind, str] | None:
    """Why two calls keep their order although no value goes from one to the other."""
    if not (early.effect.writes or late.effect.writes):
        return None
    shared = meet(early.effect, late.effect)
    if not shared:
        return None
    name = _tell(steps, early.key)
    if early.effect.writes:
        does = "writes" if late.effect.writes else "reads"
        return "conflict", f"{does} {shared}, which {name} writes"
    return "write_after_read", f"writes {shared}, which {name} reads"


def _waiting(
    steps: Sequence[Step], dependencies: Iterable[Dependency]
) -> tuple[list[str], dict[str, set[str]]]:
    """The calls so that each comes after those that it waits for, and what is left over: calls
    in a circle or behind one, with what they wait for."""
    waiting = {step.key: set[str]() for step in steps}
    for one in dependencies:
        waiting[one.key].add(one.on)
    done: list[str] = []
    while ready := [key for key, on in waiting.items() if not on & waiting.keys()]:
        done += ready
        for key in ready:
            del waiting[key]
    return done, waiting


def _sort(steps: Sequence[Step], dependencies: Iterable[Dependency]) -> list[str]:
    return _waiting(steps, dependencies)[0]


def _find_circle(steps: Sequence[Step], dependencies: Iterable[Dependency]) -> list[str]:
    """Calls that wait for each other, the first such circle; none where there is none."""
    _, waiting = _waiting(steps, dependencies)
    path: list[str] = []
    key = next(iter(waiting), "")
    while key and key not in path:
        path.append(key)
        key = min(waiting[key] & waiting.keys())
    return path[path.index(key) :] if key else []
