"""Sanitisers: declared transformations, whose effect is shown and never replaces the record."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

import re2  # type: ignore[import-untyped]

from tools_registry.policies.places import DEEPEST, Place, pointer_of
from tools_registry.policies.spec import Normalise, Replace, Sanitiser, Simple, Step, Truncate

if TYPE_CHECKING:
    from tools_registry.policies.compiled import CompiledPolicy

Transformation = Callable[[str], str]
_LONGEST = 1_000_000
"""Characters of one string; what a replacement makes longer is cut."""
_TAG = r"(?s)<!--.*?-->|<(?i:script|style)\b.*?</(?i:script|style)\s*>|</?[A-Za-z!?][^<>]*>"
_KEPT = "\t\n\r"


@dataclass(frozen=True, slots=True)
class Change:
    """One string before and after; ``by`` are the steps that changed it."""

    pointer: str
    before: str
    after: str
    by: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "pointer": self.pointer,
            "before": self.before,
            "after": self.after,
            "by": list(self.by),
        }


@dataclass(frozen=True, slots=True)
class Sanitised:
    """The value as the sanitisers would leave it, and each string that they changed."""

    value: Any
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class CompiledSanitiser:
    place: Place
    steps: tuple[tuple[str, Transformation], ...]

    def apply(self, text: str) -> tuple[str, tuple[str, ...]]:
        by = []
        for name, transform in self.steps:
            after = transform(text)
            if after != text:
                text = after
                by.append(name)
        return text, tuple(by)


def compile_sanitiser(sanitiser: Sanitiser, place: Place) -> CompiledSanitiser:
    """Raises ``ValueError`` for a pattern that RE2 refuses."""
    return CompiledSanitiser(place, tuple((step.do, _transform(step)) for step in sanitiser.steps))


def sanitise(policy: CompiledPolicy, value: Any) -> Sanitised:
    """What the policy's sanitisers make of a call's arguments; ``value`` itself stays."""
    if not policy.sanitisers:
        return Sanitised(value)
    changes: list[Change] = []
    return Sanitised(_walk(policy.sanitisers, value, (), changes), tuple(changes))


def _walk(
    sanitisers: tuple[CompiledSanitiser, ...],
    value: Any,
    path: tuple[str, ...],
    changes: list[Change],
) -> Any:
    if isinstance(value, str):
        return _sanitise_text(sanitisers, value, path, changes)
    if len(path) < DEEPEST and isinstance(value, dict):
        return {
            name: _walk(sanitisers, item, (*path, name), changes) for name, item in value.items()
        }
    if len(path) < DEEPEST and isinstance(value, list):
        return [
            _walk(sanitisers, item, (*path, str(index)), changes)
            for index, item in enumerate(value)
        ]
    return value


def _sanitise_text(
    sanitisers: tuple[CompiledSanitiser, ...],
    before: str,
    path: tuple[str, ...],
    changes: list[Change],
) -> str:
    text = before
    by: tuple[str, ...] = ()
    for sanitiser in sanitisers:
        if sanitiser.place.holds(path):
            text, more = sanitiser.apply(text)
            by += more
    if text != before:
        changes.append(Change(pointer_of(path), before, text, tuple(dict.fromkeys(by))))
    return text


def _transform(step: Step) -> Transformation:
    match step:
        case Simple():
            return _SIMPLE[step.do]
        case Normalise():
            return partial(unicodedata.normalize, step.form)
        case Truncate():
            return partial(_truncate, step.length)
        case Replace():
            return _replacing(step)
    assert_never(step)


def _truncate(length: int, text: str) -> str:
    return text[:length]


def _replacing(step: Replace) -> Transformation:
    pattern = compile_pattern(step.pattern)
    groups = [int(digit) for digit in re.findall(r"\\(\d)", step.replacement)]
    if any(group > pattern.groups for group in groups):
        raise ValueError(f"The pattern has {pattern.groups} groups, not {max(groups)}")

    def replace(text: str) -> str:
        try:
            return str(pattern.sub(step.replacement, text))[:_LONGEST]
        except UnicodeError:
            return text

    return replace


def compile_pattern(pattern: str) -> Any:
    """A pattern in RE2, whose time is linear in the text. Raises ``ValueError``."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        raise ValueError(f"The pattern cannot be used: {reason}") from None


_MARKUP = compile_pattern(_TAG)


def _collapse(text: str) -> str:
    return " ".join(text.split())


def _strip_controls(text: str) -> str:
    """Without control characters and those that change direction or are invisible."""
    return "".join(
        char for char in text if char in _KEPT or unicodedata.category(char) not in ("Cc", "Cf")
    )


def _strip_markup(text: str) -> str:
    try:
        return str(_MARKUP.sub("", text))
    except UnicodeError:
        return text


_SIMPLE: dict[str, Transformation] = {
    "trim": str.strip,
    "collapse_spaces": _collapse,
    "lower": str.lower,
    "strip_control_characters": _strip_controls,
    "strip_markup": _strip_markup,
}
