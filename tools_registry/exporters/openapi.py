"""OpenAPI 3.1: each tool as an operation, its schemas among the components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from tools_registry.exporters.items import Losses
from tools_registry.importers.names import make_name
from tools_registry.importers.openapi.operations import EXTENSION
from tools_registry.relocation import relocate
from tools_registry.specs import ToolSpec


def write(specs: Sequence[ToolSpec], losses: Losses) -> dict[str, Any]:
    """``POST /tools/<name>`` for each tool; what OpenAPI has no word for stands in ``x-tool``."""
    components: dict[str, Any] = {}
    paths = {
        f"/tools/{quote(spec.name, safe='')}": {"post": _write(spec, components)} for spec in specs
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tools", "version": "1"},
        "paths": paths,
        "components": {"schemas": components},
    }


def _write(spec: ToolSpec, components: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"name": spec.name}
    operation: dict[str, Any] = {"operationId": make_name(spec.name)}
    if spec.description:
        operation["description"] = spec.description
    if spec.parameters is not None:
        kept["parameters"] = reference = _add(components, spec, spec.parameters, "arguments")
        operation["requestBody"] = {"required": True, "content": _content(reference)}
    answer: dict[str, Any] = {"description": "What the tool answers"}
    if spec.output_schema is not None:
        kept["output_schema"] = reference = _add(components, spec, spec.output_schema, "result")
        answer["content"] = _content(reference)
    operation["responses"] = {"200": answer}
    if spec.strict:
        kept["strict"] = True
    if spec.annotations:
        kept["annotations"] = spec.annotations
    return {**operation, EXTENSION: kept}


def _content(reference: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": reference}}}


def _add(components: dict[str, Any], spec: ToolSpec, schema: Any, kind: str) -> str:
    """Put a schema among the components; the reference that leads to it."""
    name = free = f"{make_name(spec.name)}_{kind}"
    number = 2
    while free in components:
        free, number = f"{name}_{number}", number + 1
    reference = f"#/components/schemas/{free}"
    components[free] = relocate(schema, reference)
    return reference
