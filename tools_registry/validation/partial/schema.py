"""A JSON Schema seen from inside a value: which kinds, keys and items may come next.

A ``Node`` is the conjunction of all subschemas that apply at one place: the schema itself,
what its ``$ref`` names and its ``allOf``. What a node cannot say early (``anyOf``, ``if``,
``pattern``, bounds…) is left to the compiled validators of jsonschema-rs at the value's end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, get_args
from urllib.parse import unquote

import jsonschema_rs

from tools_registry.validation.compiled import compile_schema, knows_draft
from tools_registry.validation.declared import undeclared
from tools_registry.validation.partial.scanner import Kind
from tools_registry.validation.pointers import append, of, tokens

KINDS: frozenset[Kind] = frozenset(get_args(Kind))
Atom = tuple[str, Mapping[str, Any]]
Judge = tuple[jsonschema_rs.Validator, Mapping[str, Any]]

_ANNOTATIONS = frozenset(
    [
        "$schema",
        "$id",
        "id",
        "$anchor",
        "$comment",
        "$defs",
        "definitions",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "nullable",
    ]
)
# Judged as the value arrives; everything else waits for the value's end.
_EARLY = _ANNOTATIONS | {"type", "allOf"}
_EARLY_IN_OBJECT = _EARLY | {
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "items",
    "prefixItems",
}
_OBJECT_KEYWORDS = frozenset(
    [
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
        "unevaluatedProperties",
        "items",
        "prefixItems",
        "additionalItems",
        "contains",
        "minContains",
        "maxContains",
        "minItems",
        "maxItems",
        "uniqueItems",
        "unevaluatedItems",
    ]
)
_REF_ALONE = ("draft-03", "draft-04", "draft-06", "draft-07")


class LiveSchema:
    """A compiled schema. Raises ``ValueError`` where the schema is no valid JSON Schema.

    Drafts, formats and references are those of ``compile_schema``.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.document = schema
        self.validator = compile_schema(schema)
        known = {key: schema[key] for key in schema if key != "$schema" or knows_draft(schema)}
        self._validators = jsonschema_rs.validator_map_for(
            known, validate_formats=True, offline=True
        )
        dialect = str(schema.get("$schema", ""))
        self.ref_stands_alone = any(name in dialect for name in _REF_ALONE)
        self.has_prefix_items = not self.ref_stands_alone and "2019-09" not in dialect
        self._local_refs = not any(
            "$id" in sub or "id" in sub for sub in _subschemas(schema) if sub is not schema
        )
        self._nodes: dict[tuple[str, ...], Node] = {}
        self.root = self.node([("#", schema)])

    def node(self, places: Sequence[tuple[str, Any]]) -> Node:
        """The node where all the given (pointer, subschema) places apply."""
        atoms: list[Atom] = []
        seen: set[str] = set()
        forbidden = False
        for pointer, schema in places:
            forbidden |= schema is False
            self._expand(pointer, schema, atoms, seen)
        key = (*(pointer for pointer, _ in atoms), "false" if forbidden else "")
        if key not in self._nodes:
            self._nodes[key] = Node(self, tuple(atoms), forbidden=forbidden)
        return self._nodes[key]

    def validator_at(self, pointer: str) -> jsonschema_rs.Validator | None:
        return self._validators.get(pointer)

    def _expand(self, pointer: str, schema: Any, atoms: list[Atom], seen: set[str]) -> None:
        if not isinstance(schema, Mapping) or pointer in seen:
            return
        seen.add(pointer)
        reference = schema.get("$ref")
        if isinstance(reference, str):
            place = self._resolve(reference)
            if place is not None:
                self._expand(*place, atoms, seen)
            if self.ref_stands_alone:
                if place is None:
                    atoms.append((pointer, {"$ref": reference}))
                return
        for position, part in enumerate(_list(schema.get("allOf"))):
            self._expand(f"{pointer}/allOf/{position}", part, atoms, seen)
        atoms.append((pointer, schema))

    def resolves(self, reference: object) -> bool:
        return isinstance(reference, str) and self._resolve(reference) is not None

    def _resolve(self, reference: str) -> tuple[str, Any] | None:
        if not self._local_refs or not (reference == "#" or reference.startswith("#/")):
            return None
        found: Any = self.document
        path = tokens(unquote(reference[1:]))
        for token in path:
            if isinstance(found, Mapping) and token in found:
                found = found[token]
            elif isinstance(found, list) and token.isdecimal() and int(token) < len(found):
                found = found[int(token)]
            else:
                return None
        return "#" + of(path), found


class Node:
    """All subschemas that apply at one place of a value."""

    def __init__(self, schema: LiveSchema, atoms: tuple[Atom, ...], *, forbidden: bool) -> None:
        self._schema = schema
        self.atoms = atoms
        self.forbidden = forbidden

    @cached_property
    def declared_kinds(self) -> frozenset[Kind]:
        """The kinds that ``type`` leaves."""
        return self._meet(lambda atom: _kinds_of_type(atom[1].get("type")))

    @cached_property
    def listed_kinds(self) -> frozenset[Kind]:
        """The kinds that ``enum`` and ``const`` leave."""
        return self._meet(lambda atom: _kinds_of_values(_listed(atom[1])))

    @cached_property
    def kinds(self) -> frozenset[Kind]:
        """The kinds with which a valid value can begin."""
        return self.kinds_within(8)

    def kinds_within(self, depth: int) -> frozenset[Kind]:
        found = self.declared_kinds & self.listed_kinds
        if self.forbidden or depth == 0:
            return frozenset() if self.forbidden else found
        for pointer, atom in self.atoms:
            for keyword in ("anyOf", "oneOf"):
                branches = _list(atom.get(keyword))
                if branches:
                    found &= frozenset().union(
                        *(
                            self._schema.node([(f"{pointer}/{keyword}/{at}", branch)]).kinds_within(
                                depth - 1
                            )
                            for at, branch in enumerate(branches)
                        )
                    )
        return found

    @cached_property
    def declared_names(self) -> list[str]:
        """The properties that are declared here, in order."""
        return list(dict.fromkeys(name for _, atom in self.atoms for name in _properties(atom)))

    @cached_property
    def required(self) -> list[str]:
        names = (name for _, atom in self.atoms for name in _list(atom.get("required")))
        return list(dict.fromkeys(name for name in names if isinstance(name, str)))

    @cached_property
    def listed_strings(self) -> tuple[tuple[str, ...], ...]:
        """For each ``enum`` or ``const`` here, its members that are strings."""
        lists = (_listed(atom) for _, atom in self.atoms)
        return tuple(
            tuple(value for value in values if isinstance(value, str))
            for values in lists
            if values is not None
        )

    @cached_property
    def listed(self) -> list[Any]:
        """The members of the first ``enum`` or ``const`` here."""
        return next((v for _, atom in self.atoms if (v := _listed(atom)) is not None), [])

    @property
    def listed_by(self) -> str:
        return "const" if any("const" in atom for _, atom in self.atoms) else "enum"

    @cached_property
    def declared_types(self) -> list[str]:
        """What the first ``type`` here names."""
        types = (atom["type"] for _, atom in self.atoms if "type" in atom)
        found: Any = next(types, [])
        return [found] if isinstance(found, str) else _list(found)

    @cached_property
    def is_plain(self) -> bool:
        """No keyword here but ``properties`` and ``items`` has a say in which keys may come.

        Then a key that is not declared is flagged, as the schema layer flags it.
        """
        if len(self.atoms) != 1 or "prefixItems" in self.atoms[0][1]:
            return False
        probe = {**self.atoms[0][1], "properties": {}}
        return any(True for _ in undeclared(probe, {"": None}))

    def declares(self, name: str) -> bool:
        """``name`` is a declared property, or none is declared by name."""
        return all("properties" not in atom or name in _properties(atom) for _, atom in self.atoms)

    def child(self, name: str) -> Node | None:
        """The node of a property's value; None where the object must not have the property."""
        places: list[tuple[str, Any]] = []
        for pointer, atom in self.atoms:
            found = list(self._property_places(pointer, atom, name))
            if any(schema is False for _, schema in found):
                return None
            places += found
        return self._schema.node(places)

    def _property_places(
        self, pointer: str, atom: Mapping[str, Any], name: str
    ) -> Iterator[tuple[str, Any]]:
        matched = False
        if name in _properties(atom):
            matched = True
            yield append(f"{pointer}/properties", name), atom["properties"][name]
        for pattern, schema in _mapping(atom.get("patternProperties")).items():
            if _matches(pattern, name):
                matched = True
                yield append(f"{pointer}/patternProperties", pattern), schema
        if not matched and "additionalProperties" in atom:
            yield f"{pointer}/additionalProperties", atom["additionalProperties"]

    def item(self, position: int) -> Node:
        """The node of an array's item."""
        places: list[tuple[str, Any]] = []
        for pointer, atom in self.atoms:
            first = _list(atom.get("prefixItems")) if self._schema.has_prefix_items else []
            if position < len(first):
                places.append((f"{pointer}/prefixItems/{position}", first[position]))
            elif isinstance(atom.get("items"), Mapping | bool):
                places.append((f"{pointer}/items", atom["items"]))
        return self._schema.node(places)

    def validators(self, kind: Kind) -> list[Judge]:
        """What must judge a value of this kind at its end."""
        if kind in ("object", "array"):
            return self._container_validators
        return self._number_validators if kind == "number" else self._scalar_validators

    @cached_property
    def _container_validators(self) -> list[Judge]:
        return self._validators_beyond(_EARLY_IN_OBJECT)

    @cached_property
    def _scalar_validators(self) -> list[Judge]:
        return self._validators_beyond(_EARLY | _OBJECT_KEYWORDS)

    @cached_property
    def _number_validators(self) -> list[Judge]:
        # Only the whole number tells whether it is an integer.
        return self._validators_beyond((_EARLY | _OBJECT_KEYWORDS) - {"type"})

    def _validators_beyond(self, keywords: frozenset[str]) -> list[Judge]:
        found = (
            (self._schema.validator_at(pointer), atom)
            for pointer, atom in self.atoms
            if any(
                keyword not in keywords
                for keyword in atom
                if keyword != "$ref" or not self._schema.resolves(atom["$ref"])
            )
        )
        return [(validator, atom) for validator, atom in found if validator is not None]

    @cached_property
    def all_validators(self) -> list[Judge]:
        return self._validators_beyond(frozenset())

    def _meet(self, kinds_of: Any) -> frozenset[Kind]:
        found = KINDS
        for atom in self.atoms:
            found &= kinds_of(atom)
        return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _properties(atom: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(atom.get("properties"))


def _listed(atom: Mapping[str, Any]) -> list[Any] | None:
    if "const" in atom:
        return [atom["const"]]
    return atom["enum"] if isinstance(atom.get("enum"), list) else None


def _kinds_of_type(declared: Any) -> frozenset[Kind]:
    names = [declared] if isinstance(declared, str) else _list(declared)
    if not names:
        return KINDS
    return KINDS & frozenset("number" if name == "integer" else name for name in names)


def _kinds_of_values(values: list[Any] | None) -> frozenset[Kind]:
    return KINDS if values is None else frozenset(kind_of(value) for value in values)


def kind_of(value: Any) -> Kind:
    """The kind of a parsed JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def _matches(pattern: str, name: str) -> bool:
    # The same engine as the full validator's, whose regular expressions are not Python's.
    try:
        return jsonschema_rs.is_valid({"pattern": pattern}, name)
    except ValueError:
        return False


def _subschemas(value: Any) -> Iterator[Mapping[str, Any]]:
    pending = [value]
    while pending:
        found = pending.pop()
        if isinstance(found, Mapping):
            yield found
            pending.extend(found.values())
        elif isinstance(found, list):
            pending.extend(found)
