"""A policy made ready to judge calls: its expressions, patterns and pointers compiled."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from tools_registry.policies.execution import find_problems
from tools_registry.policies.expressions import CONTEXT_NAMES, BadExpression, Expression
from tools_registry.policies.parts import BadPolicy, Problem
from tools_registry.policies.places import Place, pointer_of, read_place
from tools_registry.policies.sanitisers import (
    CompiledSanitiser,
    compile_pattern,
    compile_sanitiser,
)
from tools_registry.policies.spec import CONTENT, Plausible, PolicySpec, Rule, Severity

LONGEST_TRIAL_S = 2.0
"""Processor time in which all rules of a policy must have been tried."""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    rule: Rule
    expression: Expression
    when: Expression | None
    confirms: bool = False
    """Whether it is the confirmation of a destructive call."""

    @property
    def pointer(self) -> str | None:
        """The one argument that the rule speaks of, None where it speaks of several or none."""
        named = self.expression.named
        return pointer_of(named) if len(named) == 1 else None


@dataclass(frozen=True, slots=True)
class CompiledPlausible:
    plausible: Plausible
    place: Place
    allowed: frozenset[Any]
    refused: frozenset[Any]
    pattern: Any = None


@dataclass(frozen=True)
class CompiledPolicy:
    """``confirmed_at`` is the argument that must hold something before a destructive call.
    ``number`` is the policy's where it is stored."""

    spec: PolicySpec
    rules: tuple[CompiledRule, ...] = ()
    confirmed_at: Place | None = None
    sanitisers: tuple[CompiledSanitiser, ...] = ()
    excluded: tuple[Place, ...] = ()
    plausible: tuple[CompiledPlausible, ...] = ()
    number: int | None = None

    def asks(self, word: str) -> bool:
        """Whether the text of some rule holds the word."""
        texts = (text for one in self.rules for text in (one.rule.expression, one.rule.when))
        return any(word in text for text in texts)

    @cached_property
    def context_names(self) -> frozenset[str]:
        """What rules may ask for beside the arguments."""
        return frozenset(filter(self.asks, CONTEXT_NAMES))

    @cached_property
    def weights(self) -> Mapping[str, str]:
        """The detectors of content that run, and how much a finding of each weighs."""
        weights = ((name, getattr(self.spec.content, name)) for name in CONTENT)
        return {name: weight for name, weight in weights if weight != "off"}

    @property
    def confirmation_severity(self) -> Severity:
        return self.spec.confirmation.severity if self.spec.confirmation else "rejected"


def compile_policy(
    spec: PolicySpec, *, number: int | None = None, is_tried: bool = False
) -> CompiledPolicy:
    """The policy ready to use. Raises ``BadPolicy`` with every pointer and reason.

    An expression is refused where it is wrong, nested too deep, or slow on the largest call;
    the last is not measured again where ``is_tried`` says that it was.
    """
    compiling = _Compiling(spec, is_tried)
    compiling.execution()
    compiled = CompiledPolicy(
        spec,
        tuple(compiling.rules()),
        compiling.confirmed_at(),
        tuple(compiling.sanitisers()),
        tuple(compiling.excluded()),
        tuple(compiling.plausible()),
        number,
    )
    if compiling.problems:
        raise BadPolicy(compiling.problems)
    return compiled


def comparable(value: Any) -> Any:
    """What makes two values of a list one: texts without regard to case and outer spaces."""
    if isinstance(value, str):
        return " ".join(value.casefold().split())
    if isinstance(value, bool):
        return ("bool", value)
    return value


class _Compiling:
    def __init__(self, spec: PolicySpec, is_tried: bool) -> None:
        self._spec, self._is_tried = spec, is_tried
        self.problems: list[Problem] = []

    def _refuse(self, pointer: str, reason: object) -> None:
        self.problems.append(Problem(pointer, str(reason)))

    def rules(self) -> Iterator[CompiledRule]:
        named = self._spec.confirmation.rule if self._spec.confirmation else ""
        seen: set[str] = set()
        began = time.thread_time()
        for index, rule in enumerate(self._spec.rules):
            at = f"/rules/{index}"
            if not self._is_tried and time.thread_time() - began > LONGEST_TRIAL_S:
                self._refuse(at, "The rules before it take too long already: make them simpler")
                return
            if rule.name in seen:
                self._refuse(f"{at}/name", f"An earlier rule is called {rule.name}")
            seen.add(rule.name)
            expression = self._expression(f"{at}/expression", rule.expression)
            when = self._expression(f"{at}/when", rule.when) if rule.when else None
            if expression is not None:
                confirms = self._spec.destructive and rule.name == named
                yield CompiledRule(rule, expression, when, confirms)

    def _expression(self, at: str, source: str) -> Expression | None:
        try:
            return _compile_expression(source, self._is_tried)
        except BadExpression as error:
            self._refuse(at, f"The expression cannot be used: {error}")
            return None

    def confirmed_at(self) -> Place | None:
        confirmation = self._spec.confirmation
        if confirmation is None or not (confirmation.argument or confirmation.rule):
            if self._spec.destructive:
                self._refuse(
                    "/confirmation",
                    "A destructive tool needs a confirmation: name an argument or a rule",
                )
            return None
        if not self._spec.destructive:
            self._refuse("/confirmation", "Only a destructive tool has a confirmation")
        if confirmation.rule and confirmation.rule not in {one.name for one in self._spec.rules}:
            self._refuse("/confirmation/rule", f"There is no rule called {confirmation.rule}")
        if not confirmation.argument:
            return None
        return self._place("/confirmation/argument", confirmation.argument)

    def sanitisers(self) -> Iterator[CompiledSanitiser]:
        for index, sanitiser in enumerate(self._spec.sanitisers):
            at = f"/sanitisers/{index}"
            place = self._place(f"{at}/pointer", sanitiser.pointer)
            if place is not None:
                try:
                    yield compile_sanitiser(sanitiser, place)
                except ValueError as error:
                    self._refuse(f"{at}/steps", error)

    def excluded(self) -> Iterator[Place]:
        for index, pointer in enumerate(self._spec.content.exclude):
            place = self._place(f"/content/exclude/{index}", pointer)
            if place is not None:
                yield place

    def plausible(self) -> Iterator[CompiledPlausible]:
        for index, one in enumerate(self._spec.plausibility):
            at = f"/plausibility/{index}"
            place, pattern = self._place(f"{at}/pointer", one.pointer), None
            if not one.model_fields_set & {"allowed", "refused", "minimum", "maximum", "pattern"}:
                self._refuse(at, "Say what is plausible: values, a range or a pattern")
            if None not in (low := one.minimum, high := one.maximum) and low > high:  # type: ignore[operator]
                self._refuse(f"{at}/minimum", "The minimum is above the maximum")
            try:
                pattern = compile_pattern(one.pattern) if one.pattern else None
            except ValueError as error:
                self._refuse(f"{at}/pattern", error)
            if place is not None:
                allowed, refused = (
                    frozenset(map(comparable, v)) for v in (one.allowed, one.refused)
                )
                yield CompiledPlausible(one, place, allowed, refused, pattern)

    def execution(self) -> None:
        """A policy that was saved before a check was there goes on judging calls."""
        if not self._is_tried:
            spec = self._spec
            self.problems += find_problems(spec.execution, destructive=spec.destructive)

    def _place(self, at: str, pointer: str) -> Place | None:
        try:
            return read_place(pointer)
        except ValueError as error:
            self._refuse(at, error)
            return None


@lru_cache(maxsize=2_000)
def _compile_expression(source: str, is_tried: bool) -> Expression:
    return Expression(source, is_tried=is_tried)
