"""A schema as a Python type with what ``Field`` says of it, where Pydantic has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import SchemaError, SchemaValidator, core_schema

from tools_registry.diff.references import Root
from tools_registry.importers.items import Notes
from tools_registry.validation.pointers import append

WORDS = frozenset(["title", "description", "examples", "default", "deprecated", "$comment"])
"""Words that check nothing and that ``Field`` takes or passes on."""
_FORMATS = {"date-time": "datetime", "date": "date", "time": "time", "uuid": "UUID"}
_TEXT = {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"}
_NUMBER = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
}
_ARRAY = {"minItems": "min_length", "maxItems": "max_length"}
_OBJECT = {"minProperties": "min_length", "maxProperties": "max_length"}
_BY_TYPE: dict[str, frozenset[str]] = {
    "string": frozenset([*_TEXT, "format"]),
    "integer": frozenset([*_NUMBER, "format"]),
    "number": frozenset([*_NUMBER, "format"]),
    "array": frozenset([*_ARRAY, "items", "uniqueItems"]),
    "object": frozenset([*_OBJECT, "properties", "required", "additionalProperties"]),
    "boolean": frozenset(),
    "null": frozenset(),
}
_PLAIN = {"boolean": "bool", "null": "None", "integer": "int", "number": "float"}
_DEEPEST = 40


class NotExpressible(Exception):
    """The schema needs what no type and no schema inside of a type can say."""


@dataclass
class Typed:
    """A type's text, the arguments of ``Field`` as code, and words for its JSON Schema.

    A class ``says_itself`` what its title and description are.
    """

    text: str
    arguments: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    says_itself: bool = False

    def annotated(self) -> str:
        """The type alone, with what ``Field`` says of it inside."""
        arguments = self.field_arguments()
        if not arguments:
            return self.text
        return f"Annotated[{self.text}, Field({', '.join(arguments)})]"

    def field_arguments(self) -> list[str]:
        listed = [f"{name}={value}" for name, value in self.arguments.items()]
        return listed + ([f"json_schema_extra={self.extra!r}"] if self.extra else [])


MakeClass = Callable[[Mapping[str, Any], str, str], str]


@dataclass
class Types:
    """Types for the parts of one root schema. ``make_class`` writes one for an object."""

    root: Root
    notes: Notes
    make_class: MakeClass
    classes: dict[int, str] = field(default_factory=dict)
    _open: list[int] = field(default_factory=list)
    _kept: list[Any] = field(default_factory=list)
    _depth: int = 0

    def express(self, schema: Any, at: str, hint: str) -> Typed:
        """The type of a part. Raises ``NotExpressible``."""
        if schema is True or schema == {}:
            return Typed("Any")
        if not isinstance(schema, Mapping):
            return self._embed(schema, at)
        if self._depth > _DEEPEST:
            raise NotExpressible(f"{at}: nested too deep")
        self._depth += 1
        try:
            checks = {word: value for word, value in schema.items() if not self._is_word(word)}
            return self._express(schema, checks, at, hint) or self._embed(schema, at)
        finally:
            self._depth -= 1

    def _is_word(self, word: str) -> bool:
        return word in WORDS or word.startswith("x-") or word in ("readOnly", "writeOnly", "$defs")

    def _express(
        self, schema: Mapping[str, Any], checks: dict[str, Any], at: str, hint: str
    ) -> Typed | None:
        """None where no type says the same."""
        if not checks:
            return self._with_words(Typed("Any"), schema)
        if "enum" in checks or "const" in checks:
            found = self._literal(checks)
        elif checks.keys() == {"$ref"}:
            found = self._follow(checks["$ref"], at, hint)
        elif checks.keys() == {"anyOf"}:
            found = self._union(checks["anyOf"], append(at, "anyOf"), hint)
        elif isinstance(checks.get("type"), list):
            found = self._union_of_types(checks, at, hint)
        elif isinstance(checks.get("type"), str):
            found = self._of_type(schema, checks, at, hint)
        else:
            return None
        return self._with_words(found, schema) if found else None

    def _with_words(self, typed: Typed, schema: Mapping[str, Any]) -> Typed:
        """The type with its description and the like, but not its default."""
        for word in ("title", "description"):
            if isinstance(schema.get(word), str) and not typed.says_itself:
                typed.arguments[word] = repr(schema[word])
        if isinstance(schema.get("examples"), list):
            typed.arguments["examples"] = repr(schema["examples"])
        for word, value in schema.items():
            if word.startswith("x-") or word in ("deprecated", "readOnly", "writeOnly", "$comment"):
                typed.extra[word] = value
        return typed

    def _literal(self, checks: dict[str, Any]) -> Typed | None:
        values = checks["enum"] if "enum" in checks else [checks["const"]]
        if checks.keys() - {"enum", "const", "type"} or not isinstance(values, list):
            return None
        if "const" in checks and "enum" in checks:
            return None
        if "type" in checks:
            values = [value for value in values if _is_of_type(value, checks["type"])]
        kinds = {type(value) for value in values}
        if not values or not kinds <= {str, int, bool, type(None)} or {int, bool} <= kinds:
            return None
        return Typed(f"Literal[{', '.join(repr(value) for value in dict.fromkeys(values))}]")

    def _follow(self, reference: Any, at: str, hint: str) -> Typed:
        target = self.root.resolve({"$ref": reference})
        if target is None or target is False or len(self._open) > _DEEPEST:
            raise NotExpressible(f"{at}: {reference!r}")
        if id(target) in self.classes:
            return Typed(self.classes[id(target)])
        if id(target) in self._open:
            raise NotExpressible(f"{at}: it holds itself without an object between")
        self._open.append(id(target))
        try:
            last = str(reference).rpartition("/")[2]
            return Typed(self.express(target, at, last or hint).annotated())
        finally:
            self._open.pop()

    def _union(self, listed: Any, at: str, hint: str) -> Typed | None:
        if not isinstance(listed, list) or not listed:
            return None
        parts = [
            self.express(part, append(at, index), hint).annotated()
            for index, part in enumerate(listed)
        ]
        return Typed(" | ".join(dict.fromkeys(parts)))

    def _union_of_types(self, checks: dict[str, Any], at: str, hint: str) -> Typed | None:
        kinds = [kind for kind in checks["type"] if kind in _BY_TYPE]
        known = {"type"}.union(*(_BY_TYPE[kind] for kind in kinds))
        if not kinds or len(kinds) < len(checks["type"]) or checks.keys() - known:
            return None
        parts = []
        for kind in kinds:
            part = {"type": kind} | {w: v for w, v in checks.items() if w in _BY_TYPE[kind]}
            self._kept.append(part)  # classes are known by their schema's identity
            parts.append(self.express(part, at, hint).annotated())
        return Typed(" | ".join(dict.fromkeys(parts)))

    def _of_type(
        self, schema: Mapping[str, Any], checks: dict[str, Any], at: str, hint: str
    ) -> Typed | None:
        kind = checks["type"]
        if kind not in _BY_TYPE or checks.keys() - {"type"} - _BY_TYPE[kind]:
            return None
        if kind == "string":
            return self._string(checks)
        if kind == "array":
            return self._array(checks, at, hint)
        if kind == "object":
            return self._object(schema, checks, at, hint)
        typed = Typed(_PLAIN[kind])
        for word, name in _NUMBER.items():
            if word in checks and not _put_bound(typed, name, checks[word], kind):
                typed.extra[word] = checks[word]
        if "format" in checks:
            typed.extra["format"] = checks["format"]
        return None if _has_flag(typed) else typed

    def _string(self, checks: dict[str, Any]) -> Typed:
        typed = Typed("str")
        named = checks.get("format")
        if named in _FORMATS and checks.keys() == {"type", "format"}:
            return Typed(_FORMATS[named])
        if named is not None:
            typed.extra["format"] = named
        for word, name in _TEXT.items():
            if word not in checks:
                continue
            if word == "pattern" and not _is_rust_pattern(checks[word]):
                typed.extra[word] = checks[word]
            else:
                typed.arguments[name] = repr(checks[word])
        return typed

    def _array(self, checks: dict[str, Any], at: str, hint: str) -> Typed | None:
        items = checks.get("items", True)
        if items is False or isinstance(items, list):
            return None
        inner = self.express(items, append(at, "items"), f"{hint} item")
        typed = Typed(f"list[{inner.annotated()}]")
        for word, name in _ARRAY.items():
            if word in checks:
                typed.arguments[name] = repr(checks[word])
        if checks.get("uniqueItems") is True:
            typed.extra["uniqueItems"] = True
        return typed

    def _object(
        self, schema: Mapping[str, Any], checks: dict[str, Any], at: str, hint: str
    ) -> Typed | None:
        extra = checks.get("additionalProperties", True)
        if checks.get("properties") or extra is False:
            name = self.classes.get(id(schema)) or self.make_class(schema, at, hint)
            # The class says its own description.
            return Typed(name, says_itself=True)
        inner = self.express(extra, append(at, "additionalProperties"), f"{hint} value")
        typed = Typed(f"dict[str, {inner.annotated()}]")
        for word, name in _OBJECT.items():
            if word in checks:
                typed.arguments[name] = repr(checks[word])
        if checks.get("required"):
            typed.extra["required"] = checks["required"]
        return typed

    def _embed(self, schema: Any, at: str) -> Typed:
        """A part as a schema inside of the code, for which Pydantic has no type."""
        whole = self._inline(schema, (), 0)
        if isinstance(whole, bool):
            whole = {} if whole else {"not": {}}
        whole = {word: value for word, value in whole.items() if word not in ("default", "$defs")}
        message = "Pydantic has no type for this: only the code's JSON Schema checks it"
        self.notes.add("changed", "schema_only", message, at)
        return Typed(f"Annotated[Any, WithJsonSchema({whole!r})]")

    def _inline(self, part: Any, open_parts: tuple[int, ...], depth: int) -> Any:
        if depth > _DEEPEST:
            raise NotExpressible("nested too deep")
        if isinstance(part, list):
            return [self._inline(item, open_parts, depth + 1) for item in part]
        if not isinstance(part, Mapping):
            return part
        if "$ref" in part:
            target = self.root.resolve(part)
            if target is None or id(target) in open_parts:
                raise NotExpressible(str(part["$ref"]))
            return self._inline(target, (*open_parts, id(target)), depth + 1)
        if any(word.startswith("$dynamic") or word in ("$id", "$anchor") for word in part):
            raise NotExpressible("an address of its own")
        return {word: self._inline(value, open_parts, depth + 1) for word, value in part.items()}


def _is_of_type(value: Any, kinds: Any) -> bool:
    named = {
        str: "string",
        bool: "boolean",
        int: "integer",
        float: "number",
        type(None): "null",
        list: "array",
        dict: "object",
    }.get(type(value))
    listed = kinds if isinstance(kinds, list) else [kinds]
    return named in listed or (named == "integer" and "number" in listed)


def _put_bound(typed: Typed, name: str, value: Any, kind: str) -> bool:
    """Whether ``Field`` takes the bound as it is."""
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or (kind == "integer" and not is_whole):
        return False
    if kind == "integer" and not -(2**63) <= value < 2**63:
        return False
    typed.arguments[name] = repr(int(value) if kind == "integer" else value)
    return True


def _has_flag(typed: Typed) -> bool:
    """Whether a bound is written as an early draft does."""
    return any(isinstance(value, bool) and word in _NUMBER for word, value in typed.extra.items())


def _is_rust_pattern(pattern: Any) -> bool:
    """Whether Pydantic's own engine takes the pattern: it knows no look-around."""
    try:
        SchemaValidator(core_schema.str_schema(pattern=pattern))
    except (SchemaError, TypeError):
        return False
    return True
