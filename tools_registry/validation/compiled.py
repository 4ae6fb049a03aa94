"""JSON Schemas compiled once: formats are checked, and nothing is ever fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from tools_registry.validation.declared import close

_DRAFTS = re.compile(
    r"https?://json-schema\.org/(draft-0[467]/schema|draft/20(19-09|20-12)/schema)#?"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


_MOST = 512
_LOCAL = ("#/$defs/", "#/definitions/")


@dataclass(frozen=True, slots=True)
class Compiled:
    """``errors`` tells what is wrong with a value. ``clean`` only says whether nothing is, with
    undeclared keys counted as wrong; None where that cannot be said by a schema alone.
    """

    errors: jsonschema_rs.Validator
    clean: jsonschema_rs.Validator | None


_kept: dict[str, Compiled] = {}


def compile_once(key: str, schema: Any) -> Compiled:
    """The validators of a schema whose identity is ``key``, kept for the next call.

    Raises ``jsonschema_rs.ValidationError`` or ValueError.
    """
    found = _kept.get(key)
    if found is None:
        errors = compile_schema(schema)
        clean = compile_schema(close(schema)) if _closes_safely(schema) else None
        while len(_kept) >= _MOST:
            _kept.pop(next(iter(_kept), ""), None)
        found = _kept[key] = Compiled(errors, clean)
    return found


def _closes_safely(schema: Any) -> bool:
    """Whether no part that ``close`` changes can be referred to from elsewhere."""
    pending = [schema]
    while pending:
        part = pending.pop()
        if isinstance(part, Mapping):
            for key, value in part.items():
                is_local = isinstance(value, str) and value.startswith(_LOCAL)
                if isinstance(key, str) and key.endswith(("ref", "Ref")) and not is_local:
                    return False
            pending += part.values()
        elif isinstance(part, list | tuple):
            pending += part
    return True


def compile_schema(
    schema: Any, registry: jsonschema_rs.Registry | None = None
) -> jsonschema_rs.Validator:
    """Compile by the draft of ``$schema``, 2020-12 where it names none that we know.

    References are resolved in the schema itself and in ``registry``; nothing is fetched.
    """
    if isinstance(schema, Mapping):
        schema = dict(schema)
        if not knows_draft(schema):
            del schema["$schema"]
    options: dict[str, Any] = {"validate_formats": True, "offline": True, "registry": registry}
    try:
        return jsonschema_rs.validator_for(schema, **options)
    except jsonschema_rs.ValidationError:
        raise
    except ValueError:
        return jsonschema_rs.validator_for(storable(schema), **options)


def knows_draft(schema: Mapping[str, Any]) -> bool:
    """Whether ``$schema`` is absent or names a draft that can be checked."""
    named = schema.get("$schema")
    return "$schema" not in schema or (isinstance(named, str) and bool(_DRAFTS.fullmatch(named)))


def storable(value: Any) -> Any:
    """The value with U+FFFD for every lone surrogate, which no UTF-8 text can hold."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value
