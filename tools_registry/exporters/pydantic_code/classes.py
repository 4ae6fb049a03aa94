"""The module that is written: its classes in an order in which Python can read them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import cleandoc
from typing import Any

from console.lib import json
from tools_registry.diff.references import Root
from tools_registry.exporters.pydantic_code.names import IMPORTS, class_name, field_name
from tools_registry.exporters.pydantic_code.types import NotExpressible, Typed, Types
from tools_registry.importers.items import Notes
from tools_registry.specs import ToolSpec
from tools_registry.validation import check_schema
from tools_registry.validation.pointers import append

_INDENT = "    "
_OF_OBJECTS = frozenset(
    ["type", "properties", "required", "additionalProperties", "minProperties", "maxProperties"]
    + ["title", "description", "$defs", "definitions", "$schema", "$comment", "default"]
    + ["examples", "deprecated"]
)
_KEPT = ("minProperties", "maxProperties", "deprecated", "examples", "$comment")
_2020 = "https://json-schema.org/draft/2020-12/schema"


@dataclass
class Module:
    """Classes so far, each as its text; those that others hold come first."""

    classes: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def text(self) -> str:
        body = "\n\n\n".join(self.classes)
        if not body:
            return '"""No tools."""\n'
        nodes = ast.walk(ast.parse(body))
        names_used = {node.id for node in nodes if isinstance(node, ast.Name)}
        used = sorted(names_used & IMPORTS.keys())
        imports: dict[str, list[str]] = {}
        for name in used:
            imports.setdefault(IMPORTS[name], []).append(name)
        groups = [
            [
                f"from {module} import {', '.join(names)}"
                for module, names in sorted(imports.items())
                if module.startswith("pydantic") == is_pydantic
            ]
            for is_pydantic in (False, True)
        ]
        head = "\n\n".join("\n".join(lines) for lines in groups if lines)
        title = '"""Arguments of tools, as Pydantic models."""'
        return f"{title}\n\nfrom __future__ import annotations\n\n{head}\n\n\n{body}\n"

    def add_tool(self, spec: ToolSpec, notes: Notes) -> None:
        schema: Mapping[str, Any] = (
            {"type": "object"} if spec.parameters is None else spec.parameters
        )
        if spec.parameters is None:
            message = "A model has a schema: an empty object stands for none"
            notes.add("changed", "schema_added", message, "/parameters")
        kept, names, told = len(self.classes), set(self.names), Notes()
        name = class_name(spec.name, self.names)
        try:
            # Neither Pydantic nor a docstring takes a lone surrogate.
            if (
                check_schema(schema)
                or not _is_plain_object(schema)
                or not json.is_unicode(spec.to_json())
            ):
                raise NotExpressible("the root says more than an object's type")
            _ClassWriter(self, schema, told).write_root(spec, name)
            notes.merge(told.to_tuple())
        except NotExpressible:
            del self.classes[kept:]
            self.names = names | {name}
            message = "Pydantic has no types for this schema: only the code's JSON Schema checks it"
            notes.add("changed", "schema_only", message, "/parameters")
            self.classes.append(_write_whole(spec, name, schema))


def _is_plain_object(schema: Mapping[str, Any]) -> bool:
    """Whether a class can say all that the schema of an object does."""
    return all(word in _OF_OBJECTS or word.startswith("x-") for word in schema)


class _ClassWriter:
    """Writes the classes of one tool."""

    def __init__(self, module: Module, schema: Mapping[str, Any], notes: Notes) -> None:
        self.module, self.schema = module, schema
        self.types = Types(Root(schema), notes, self.make_class)

    def write_root(self, spec: ToolSpec, name: str) -> None:
        self.types.classes[id(self.schema)] = name
        self._write(self.schema, "/parameters", name, spec)

    def make_class(self, schema: Mapping[str, Any], at: str, hint: str) -> str:
        """Write a class for an object within the tool's schema; its name."""
        name = class_name(hint, self.module.names)
        if not _is_plain_object(schema):
            raise NotExpressible(at)
        self.types.classes[id(schema)] = name
        self._write(schema, at, name, None)
        return name

    def _write(self, schema: Mapping[str, Any], at: str, name: str, spec: ToolSpec | None) -> None:
        properties = schema.get("properties") or {}
        required = schema.get("required") or []
        types = {
            key: self.types.express(part, append(append(at, "properties"), key), f"{name} {key}")
            for key, part in properties.items()
        }
        taken: set[str] = set()
        fields = []
        for key, typed in types.items():
            attribute = field_name(key, taken, self.module.names)
            fields.append(
                _write_field(attribute, key, properties[key], typed, is_required=key in required)
            )
        lines = [f"class {name}(BaseModel):"]
        text = spec.description if spec else schema.get("description")
        lines += _docstring(text) if isinstance(text, str) and text else []
        config = self._config(schema, properties, required, spec, text)
        lines += ["", f"{_INDENT}model_config = ConfigDict({', '.join(config)})"] if config else []
        extra = schema.get("additionalProperties")
        if isinstance(extra, Mapping):
            inner = self.types.express(extra, append(at, "additionalProperties"), f"{name} value")
            fields.insert(
                0, f"__pydantic_extra__: dict[str, {inner.annotated()}] = Field(init=False)"
            )
        lines += [""] + [_INDENT + line for line in fields] if fields else []
        if len(lines) == 1:
            lines.append(f"{_INDENT}pass")
        self.module.classes.append("\n".join(lines).replace(":\n\n", ":\n", 1))

    def _config(
        self,
        schema: Mapping[str, Any],
        properties: Mapping[str, Any],
        required: list[str],
        spec: ToolSpec | None,
        text: Any,
    ) -> list[str]:
        config: list[str] = []
        words: dict[str, Any] = {}
        if spec:
            config.append(f"title={spec.name!r}")
        elif isinstance(schema.get("title"), str):
            config.append(f"title={schema['title']!r}")
        extra = schema.get("additionalProperties")
        if extra is False:
            config.append('extra="forbid"')
        elif extra is not None:
            config.append('extra="allow"')
        if isinstance(text, str) and text and cleandoc(text) != text:
            words["description"] = text
        for word, value in schema.items():
            if word in _KEPT or word.startswith("x-"):
                words[word] = value
        if set(required) - set(properties):
            words["required"] = list(required)
        if spec and schema.get("$schema", _2020) != _2020:
            words["$schema"] = schema["$schema"]
        return config + ([f"json_schema_extra={words!r}"] if words else [])


def _write_field(attribute: str, key: str, schema: Any, typed: Typed, *, is_required: bool) -> str:
    arguments = typed.field_arguments()
    kept = schema if isinstance(schema, Mapping) else {}
    kind = typed.text
    if attribute != key:
        arguments.insert(0, f"alias={key!r}")
    if is_required:
        if "default" in kept:
            extra = {**typed.extra, "default": kept["default"]}
            arguments = [one for one in arguments if not one.startswith("json_schema_extra=")]
            arguments.append(f"json_schema_extra={extra!r}")
        return f"{attribute}: {kind}" + (f" = Field({', '.join(arguments)})" if arguments else "")
    if "default" in kept:
        default = repr(kept["default"])
    else:
        default = "None"
        if kind != "Any" and "None" not in kind.split(" | "):
            # Beside None, what Field says of the value must stand with its type to be checked.
            words = {n: v for n, v in typed.arguments.items() if n in ("title", "description")}
            inner = {n: v for n, v in typed.arguments.items() if n not in words}
            kind = f"{Typed(kind, inner, typed.extra).annotated()} | SkipJsonSchema[None]"
            alias = {"alias": repr(key)} if attribute != key else {}
            arguments = Typed("", alias | words).field_arguments()
    if not arguments:
        return f"{attribute}: {kind} = {default}"
    return f"{attribute}: {kind} = Field(default={default}, {', '.join(arguments)})"


def _docstring(text: str) -> list[str]:
    plain = text.isascii() and all(part.isprintable() for part in text.split("\n"))
    if not plain or "\\" in text or '"""' in text or text.endswith('"') or cleandoc(text) != text:
        return [f"{_INDENT}{text!r}"]
    first, *rest = text.split("\n")
    if not rest:
        return [f'{_INDENT}"""{first}"""']
    lines = [f'{_INDENT}"""{first}', *(f"{_INDENT}{line}" if line else "" for line in rest)]
    return [*lines, f'{_INDENT}"""']


def _write_whole(spec: ToolSpec, name: str, schema: Mapping[str, Any]) -> str:
    """A class that checks nothing itself and answers the schema as it is."""
    whole = {**schema, "title": spec.name}
    if spec.description:
        whole["description"] = spec.description
    is_unicode = json.is_unicode(spec.to_json())
    title = f"title={spec.name!r}, " if is_unicode else ""
    return "\n".join(
        [
            f"class {name}(BaseModel):",
            *(_docstring(spec.description) + [""] if spec.description and is_unicode else []),
            f'{_INDENT}model_config = ConfigDict({title}extra="allow")',
            "",
            f"{_INDENT}@classmethod",
            f"{_INDENT}def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:",
            f"{_INDENT * 2}return loads({json.dump(whole)!r})",
        ]
    )
