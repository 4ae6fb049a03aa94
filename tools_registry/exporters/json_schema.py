"""Plain JSON Schema: one tool's parameters, or those of several under ``$defs``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tools_registry.exporters.items import Losses, rename, tell_no_parameters
from tools_registry.relocation import relocate
from tools_registry.specs import ToolSpec
from tools_registry.validation.pointers import append

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def write(specs: Sequence[ToolSpec], losses: Losses) -> dict[str, Any]:
    """One schema with the tool's name as its title; several each under its name."""
    taken: set[str] = set()
    written = {}
    for spec in specs:
        name = rename(spec, taken, losses)
        written[name] = _write(spec, name, losses)
    if len(written) == 1:
        return next(iter(written.values()))
    moved = {name: relocate(one, "#" + append("/$defs", name)) for name, one in written.items()}
    return {"$schema": DRAFT, "$defs": moved}


def _write(spec: ToolSpec, name: str, losses: Losses) -> dict[str, Any]:
    losses.drop(spec, "strict", "output_schema", "annotations")
    tell_no_parameters(spec, losses)
    schema: Mapping[str, Any] = {"type": "object"} if spec.parameters is None else spec.parameters
    for word, what in (("title", "name"), ("description", "description")):
        if word in schema:
            message = f"The {word} of the parameters gives way to the tool's {what}"
            losses.of(spec).add("lost", "not_kept", message, f"/parameters/{word}")
    head = {"title": name} | ({"description": spec.description} if spec.description else {})
    rest = {key: value for key, value in schema.items() if key not in ("title", "description")}
    draft = {"$schema": rest.pop("$schema")} if "$schema" in rest else {}
    return {**draft, **head, **rest}
