"""Tools as Pydantic models: one class for the arguments of each, and one for each object in them.

The code's own JSON Schema (``model_json_schema()``) takes and refuses what the definition does.
What Pydantic has no type for stands in it as a schema, and is noted: Pydantic itself checks such
a value not at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from tools_registry.exporters.items import Losses
from tools_registry.exporters.pydantic_code.classes import Module
from tools_registry.specs import ToolSpec


def write(specs: Sequence[ToolSpec], losses: Losses) -> str:
    """The text of a module."""
    module = Module()
    for spec in specs:
        losses.drop(spec, "strict", "output_schema", "annotations")
        module.add_tool(spec, losses.of(spec))
    return module.text()
