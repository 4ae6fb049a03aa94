"""What a call does to the world, and to which part of it: read or write, of what. Pure.

The policy's word counts first, then the definition's annotations, then the tool's name. Whether
a tool is destructive is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tools_registry.lint.words import split
from tools_registry.policies.places import pointer_of, read_place, values_at
from tools_registry.policies.spec import PolicySpec
from tools_registry.specs import ToolSpec
from tools_registry.validation.absence import promises_value

_WRITING = re.compile(
    r"add|apply|approve|archive|assign|book|buy|cancel|change|charge|clear|close|complete|copy|"
    r"create|delete|disable|drop|edit|enable|exchange|grant|insert|merge|modify|move|open|order|"
    r"patch|pay|place|play|post|publish|purchase|put|refund|register|reject|remove|rename|"
    r"replace|reserve|reset|restore|revoke|save|schedule|send|set|start|stop|store|submit|"
    r"subscribe|transfer|turn|unsubscribe|update|upload|write"
)
_APPENDING = re.compile(r"add|append|create|insert|log|post|send|submit|upload")
_IDENTIFYING = re.compile(r"ids?|uuid|guid|key|number|email|path|file|filename|url|sku")


@dataclass(frozen=True, slots=True)
class Effect:
    """``kind`` is read, write or destructive, "" where nothing tells. ``nouns`` are the words of
    the tool's name but its verb, ``identity`` the arguments that say which one is meant."""

    kind: str
    verb: str = ""
    nouns: tuple[str, ...] = ()
    identity: Mapping[str, Any] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        return self.kind in ("write", "destructive")


def read_effect(
    name: str, arguments: Any, spec: ToolSpec | None, policy: PolicySpec | None
) -> Effect:
    words = [word.casefold() for word in split(name.rpartition(".")[2])]
    verb = words[0] if words else ""
    nouns = tuple(word.removesuffix("s") for word in words[1:])
    return Effect(_kind(name, verb, spec, policy), verb, nouns, _identity(arguments, nouns, policy))


def is_destructive(spec: ToolSpec | None, policy: PolicySpec | None) -> bool:
    """Whether the policy or the definition says so; a policy cannot take it back."""
    annotations = (spec.annotations if spec else None) or {}
    return bool(policy and policy.destructive) or annotations.get("destructiveHint") is True


def is_idempotent(spec: ToolSpec | None, policy: PolicySpec | None) -> bool:
    """Whether calling twice is declared to do no more than calling once."""
    annotations = (spec.annotations if spec else None) or {}
    hinted = annotations.get("idempotentHint") is True or annotations.get("readOnlyHint") is True
    run = policy.execution if policy else None
    return hinted or bool(run and (run.idempotent or run.effect == "read"))


def meet(one: Effect, other: Effect) -> str:
    """What both calls touch, in words; "" where they touch nothing together, as far as is known."""
    shared = one.identity.keys() & other.identity.keys()
    if shared:
        if any(one.identity[name] != other.identity[name] for name in shared):
            return ""
        name = min(shared)
        return f"{name} {_short(one.identity[name])}"
    if not one.nouns or one.nouns != other.nouns or one.identity or other.identity:
        return ""
    is_appending = one.verb == other.verb and _APPENDING.fullmatch(one.verb)
    return "" if is_appending else f"the {' '.join(one.nouns)}"


def _kind(name: str, verb: str, spec: ToolSpec | None, policy: PolicySpec | None) -> str:
    if is_destructive(spec, policy):
        return "destructive"
    if policy and policy.execution.effect:
        return policy.execution.effect
    hint = ((spec.annotations if spec else None) or {}).get("readOnlyHint")
    if isinstance(hint, bool):
        return "read" if hint else "write"
    if promises_value(name):
        return "read"
    return "write" if _WRITING.fullmatch(verb) else ""


def _identity(arguments: Any, nouns: tuple[str, ...], policy: PolicySpec | None) -> dict[str, Any]:
    """Arguments that name one of many, by their names; a plain ``id`` is that of the noun."""
    if policy and policy.execution.resource:
        place = read_place(policy.execution.resource)
        return {pointer_of(path): value for path, value in values_at(arguments, place)}
    found: dict[str, Any] = {}
    for name, value in arguments.items() if isinstance(arguments, dict) else ():
        words = [word.casefold() for word in split(name)]
        if words and _IDENTIFYING.fullmatch(words[-1]) and value not in (None, ""):
            key = [*nouns, *words] if len(words) == 1 and words[0] in ("id", "uuid") else words
            found["_".join(key)] = value
    return found


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
