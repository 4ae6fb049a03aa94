"""References within one schema followed, with the draft's rule for what stands beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from tools_registry.validation.compiled import knows_draft
from tools_registry.validation.pointers import tokens

DYNAMIC = frozenset(["$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor"])
_REF_ALONE = ("draft-04", "draft-06", "draft-07")
_WORDS = frozenset(["description", "title", "default", "examples", "deprecated", "$comment"])
_AROUND = frozenset(["$schema", "$id", "$defs", "definitions"])
_DEFAULT_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_MOST_HOPS = 50


class Root:
    """A whole schema, in which references are looked up."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self._merged: dict[int, tuple[Any, Any]] = {}
        # A part with an address of its own is a document of its own, and so are its references.
        self._is_nested = any(_has_address(part) for part in _inner(schema))

    @property
    def draft(self) -> str:
        """The address of the draft that applies."""
        named = isinstance(self.schema, Mapping) and "$schema" in self.schema
        if not named or not knows_draft(self.schema):
            return _DEFAULT_DRAFT
        return str(self.schema["$schema"]).rstrip("#")

    def resolve(self, part: Any) -> Any:
        """The mapping that applies in a place, False where nothing does, None where unknown."""
        for _ in range(_MOST_HOPS):
            if part is True:
                return {}
            if part is False:
                return False
            if not isinstance(part, Mapping):
                return None
            if "$ref" not in part:
                return part
            target = self._find(part["$ref"])
            if target is None:
                return None
            beside = part.keys() - {"$ref"} - _AROUND
            if not beside or self._stands_alone():
                part = target
            elif beside <= _WORDS and isinstance(target, Mapping):
                part = self._with(part, target, beside)
            elif not beside <= _WORDS:
                return self._conjoined(part)
            else:
                part = target
        return None

    def _stands_alone(self) -> bool:
        return any(name in self.draft for name in _REF_ALONE)

    def _with(self, part: Mapping[str, Any], target: Mapping[str, Any], beside: Any) -> Any:
        """The target with the words that stand beside the reference; the same object each time."""
        return self._keep(part, lambda: {**target, **{key: part[key] for key in beside}})

    def _conjoined(self, part: Mapping[str, Any]) -> Any:
        """A reference beside checks, as one more part of ``allOf``."""

        def build() -> dict[str, Any]:
            rest = {key: value for key, value in part.items() if key not in ("$ref", "allOf")}
            return {**rest, "allOf": [{"$ref": part["$ref"]}, *(part.get("allOf") or ())]}

        return self._keep(part, build)

    def _keep(self, part: Any, build: Any) -> Any:
        if id(part) not in self._merged:
            self._merged[id(part)] = (part, build())
        return self._merged[id(part)][1]

    def _find(self, reference: Any) -> Any:
        if self._is_nested or not isinstance(reference, str) or reference[:1] != "#":
            return None
        fragment = unquote(reference[1:])
        if fragment and not fragment.startswith("/"):
            return None
        found = self.schema
        for token in tokens(fragment):
            if isinstance(found, Mapping) and token in found:
                found = found[token]
            elif isinstance(found, list) and token.isdecimal() and int(token) < len(found):
                found = found[int(token)]
            else:
                return None
        return found


def has_reference(part: Any) -> bool:
    """Whether a part holds a reference anywhere: then its text alone does not say what it is."""
    if isinstance(part, Mapping):
        return (
            "$ref" in part or bool(DYNAMIC & part.keys()) or any(map(has_reference, part.values()))
        )
    return isinstance(part, list) and any(map(has_reference, part))


def _inner(part: Any) -> list[Any]:
    if isinstance(part, Mapping):
        return list(part.values())
    return part if isinstance(part, list) else []


def _has_address(part: Any) -> bool:
    named = isinstance(part, Mapping) and isinstance(part.get("$id"), str)
    return named or any(map(_has_address, _inner(part)))
