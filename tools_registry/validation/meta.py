"""Is a tool's own schema a valid JSON Schema?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

import jsonschema_rs

from tools_registry.validation import pointers
from tools_registry.validation.compiled import compile_schema, knows_draft, storable
from tools_registry.validation.explain import Scope, cut, explain

_DEFAULT_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DATA = frozenset(["enum", "const", "default", "examples"])
_MOST = 50


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """What is wrong with a schema, and where in it."""

    pointer: str
    message: str

    def to_json(self) -> dict[str, str]:
        return {"pointer": self.pointer, "message": self.message}


def check_schema(schema: Any) -> list[SchemaProblem]:
    """Everything that keeps ``schema`` from being used: [] for a valid one.

    Checks against the meta-schema of its draft, then its patterns and references. Never
    raises, never fetches.
    """
    if not isinstance(schema, Mapping | bool):
        return [SchemaProblem("", f"A schema is an object, not {cut(schema)}")]
    try:
        return list(islice(_find_problems(schema), _MOST))
    except RecursionError:
        return [SchemaProblem("", "The schema is nested too deep")]
    except ValueError as error:
        return [SchemaProblem("", f"The schema cannot be read: {str(error)[:200]}")]


def _find_problems(schema: Mapping[str, Any] | bool) -> Iterator[SchemaProblem]:
    if isinstance(schema, bool):
        return
    if not knows_draft(schema):
        message = f"{cut(schema['$schema'])} is no draft that can be checked; 2020-12 is used"
        yield SchemaProblem("/$schema", message)
    plain: Any = storable(schema)
    draft = plain["$schema"] if "$schema" in plain and knows_draft(plain) else _DEFAULT_DRAFT
    invalid = False
    scope = Scope(None, plain)
    for error in _meta(draft).iter_errors(plain):
        for finding in explain(error, scope):
            invalid = True
            yield SchemaProblem(finding.pointer or "", finding.message)
    if not invalid:
        yield from _find_uncompilable(plain)


@cache
def _meta(draft: str) -> jsonschema_rs.Validator:
    return compile_schema({"$schema": draft, "$ref": draft})


def _find_uncompilable(schema: Mapping[str, Any]) -> Iterator[SchemaProblem]:
    try:
        compile_schema(schema)
    except jsonschema_rs.ValidationError as error:
        if error.instance_path:
            pointer = pointers.of(error.instance_path)
            yield SchemaProblem(pointer, error.message[:300])
            return
        dangling = list(_find_dangling(schema, schema, ""))
        yield from dangling or [SchemaProblem("", error.message[:300])]


def _find_dangling(part: Any, root: Mapping[str, Any], pointer: str) -> Iterator[SchemaProblem]:
    if isinstance(part, list):
        for index, item in enumerate(part):
            yield from _find_dangling(item, root, pointers.append(pointer, index))
    elif isinstance(part, Mapping):
        reference = part.get("$ref")
        if isinstance(reference, str) and (message := _judge_reference(reference, root)):
            yield SchemaProblem(pointers.append(pointer, "$ref"), message)
        for key, item in part.items():
            if key not in _DATA:
                yield from _find_dangling(item, root, pointers.append(pointer, key))


def _judge_reference(reference: str, root: Mapping[str, Any]) -> str | None:
    try:
        compile_schema({**root, "$ref": reference})
    except jsonschema_rs.ValidationError:
        if reference.startswith("#"):
            return f"{reference} is not in this schema"
        return f"{reference} is another document, which is not fetched; put it under $defs"
    return None
