"""MCP's dialect: the result of ``tools/list``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools_registry.exporters.items import Losses
from tools_registry.specs import ToolSpec


def write(specs: Sequence[ToolSpec], losses: Losses) -> dict[str, Any]:
    return {"tools": [_write(spec, losses) for spec in specs]}


def _write(spec: ToolSpec, losses: Losses) -> dict[str, Any]:
    losses.drop(spec, "strict")
    schema = dict(spec.parameters or {})
    if schema.get("type") != "object":
        schema = {"type": "object", **{k: v for k, v in schema.items() if k != "type"}}
        message = "MCP asks for a schema of type object"
        losses.of(spec).add("changed", "schema_added", message, "/parameters")
    tool: dict[str, Any] = {"name": spec.name}
    if spec.description:
        tool["description"] = spec.description
    tool["inputSchema"] = schema
    if spec.output_schema is not None:
        tool["outputSchema"] = spec.output_schema
    if spec.annotations:
        tool["annotations"] = spec.annotations
    return tool
