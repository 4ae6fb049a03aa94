"""Descriptions: there, long enough, saying something; and what they say that a schema should."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tools_registry.lint.parts import Part, parameters, top_parameters
from tools_registry.lint.problems import Problem, problem
from tools_registry.lint.words import split
from tools_registry.specs import ToolSpec
from tools_registry.validation.pointers import append

SHORTEST = 10


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EMPTY = _words(
    "a an the this that it is of for to and or with in on by from tool function method call "
    "calls called use used uses using do does get gets set sets run runs execute executes will "
    "helper api endpoint description todo tbd fixme placeholder test"
)
_VERBS = _words(
    "cancel delete destroy drop erase pay purge refund remove revoke terminate wipe "
    "charge uninstall reset overwrite"
)
_CONFIRM = frozenset(
    ["confirm", "confirmed", "confirmation", "confirmations", "approve", "approved", "approval"]
)
_CONFIRM_EXACT = frozenset(["dry_run", "dryrun", "force", "otp", "mfa_code"])
_LISTED = re.compile(
    r"(?:\bone of|\beither|\bmust be|\bvalid (?:values|options)(?: are)?|\ballowed values(?: are)?"
    r"|\bpossible values(?: are)?|\boptions(?: are)?|\bvalues(?: are)?)\s*:?\s*"
    r"[\[({]?((?:[\"'`]?[\w.-]+[\"'`]?\s*(?:,\s*(?:or\s+|and\s+)?|\s+or\s+|\s*\|\s*))+"
    r"[\"'`]?[\w.-]+[\"'`]?)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"'`]([\w.-]+)[\"'`]")


def check_texts(spec: ToolSpec) -> Iterator[Problem]:
    yield from _check_description(spec)
    for part in parameters(spec):
        if part.pointer.startswith("/parameters"):
            yield from _check_part(part)
    yield from _check_destruction(spec)


def _check_description(spec: ToolSpec) -> Iterator[Problem]:
    text = spec.description.strip()
    if not text:
        message = "A model has only the name to decide by when to call it. Say what it does"
        yield problem("description_missing", "/name", message)
    elif len(text) < SHORTEST:
        message = f"{len(text)} characters. Say what the tool does and when to use it"
        yield problem("description_short", "/description", message)
    elif not _says_more(text, spec.name):
        message = "It repeats the name. Say what the tool does, and when not to use it"
        yield problem("description_empty_words", "/description", message)


def _says_more(text: str, name: str) -> bool:
    """Whether a word is left without those of the name and those that say nothing."""
    known = {_stem(word) for word in split(name)} | {_stem(word) for word in _EMPTY}
    words = re.findall(r"\w+", text)
    return any(_stem(word) not in known for word in words)


def _stem(word: str) -> str:
    word = word.casefold()
    for ending in ("ing", "es", "s", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            return word[: -len(ending)]
    return word


def _check_part(part: Part) -> Iterator[Problem]:
    text = part.schema.get("description")
    if not isinstance(text, str) or not text.strip():
        if "$ref" not in part.schema:
            message = f"{part.name} has no description: say what to put there, with an example"
            yield problem("param_undescribed", part.pointer, message)
        return
    if part.schema.get("type") == "string" and not _is_limited(part.schema):
        values = listed_values(text)
        if values:
            shown = ", ".join(values[:6])
            message = f"The description lists values ({shown}), and any text is allowed"
            # The list may only be examples: the person decides.
            yield problem("values_in_text", append(part.pointer, "description"), message)


def _is_limited(schema: Mapping[str, Any]) -> bool:
    return any(word in schema for word in ("enum", "const", "pattern", "format", "anyOf", "oneOf"))


def listed_values(text: str) -> list[str]:
    """The values that a description lists as the only ones; [] where it lists none."""
    match = _LISTED.search(text)
    if not match:
        return []
    quoted = _QUOTED.findall(match[1])
    words = quoted or re.findall(r"[\w.-]+", match[1])
    values = [word.strip(".") for word in words if word.casefold() not in ("or", "and")]
    return list(dict.fromkeys(values)) if len(set(values)) > 1 else []


def _check_destruction(spec: ToolSpec) -> Iterator[Problem]:
    hints = spec.annotations or {}
    words = [word.casefold() for word in split(spec.name)]
    verbs = [word for word in (*words[:1], *words[-1:]) if word in _VERBS]
    if hints.get("readOnlyHint") is True or not (hints.get("destructiveHint") is True or verbs):
        return
    if any(_confirms(name) for name in top_parameters(spec)):
        return
    why = "It is annotated as destructive" if hints.get("destructiveHint") else f"It can {verbs[0]}"
    message = f"{why}, and no parameter asks for a confirmation"
    yield problem("unconfirmed_destruction", "/name", message)


def _confirms(name: str) -> bool:
    words = {word.casefold() for word in split(name)}
    return bool(words & _CONFIRM) or name.casefold() in _CONFIRM_EXACT
