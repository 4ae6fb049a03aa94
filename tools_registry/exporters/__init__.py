"""Definitions into any dialect, with what it cannot hold. Pure; one file a format."""

from __future__ import annotations

from collections.abc import Sequence

from console.lib import json
from tools_registry.exporters import (
    anthropic,
    gemini,
    json_schema,
    mcp,
    openai,
    openapi,
    pydantic_code,
)
from tools_registry.exporters.items import Export, Exporter, Losses
from tools_registry.specs import ToolSpec

EXPORTERS: dict[str, Exporter] = {
    "openai_chat": Exporter("OpenAI chat completions", openai.write_chat),
    "openai_responses": Exporter("OpenAI Responses", openai.write_responses),
    "openai_functions": Exporter("OpenAI legacy functions", openai.write_functions),
    "anthropic": Exporter("Anthropic", anthropic.write),
    "gemini": Exporter("Gemini", gemini.write_schema),
    "gemini_json_schema": Exporter("Gemini with JSON Schema", gemini.write_json_schema),
    "ollama": Exporter("Ollama", openai.write_ollama),
    "mcp": Exporter("MCP tools/list", mcp.write),
    "openapi": Exporter("OpenAPI 3.1", openapi.write),
    "json_schema": Exporter("JSON Schema", json_schema.write),
    "pydantic": Exporter("Pydantic (Python)", pydantic_code.write, "py", "text/x-python"),
}


def export(specs: Sequence[ToolSpec], dialect: str) -> Export:
    """The definitions in a dialect; KeyError for one that is not in ``EXPORTERS``."""
    exporter, losses = EXPORTERS[dialect], Losses()
    written = exporter.write(specs, losses)
    if isinstance(written, str):
        return Export(dialect, written, losses.to_list())
    return Export(dialect, json.pretty(written) + "\n", losses.to_list(), written)


__all__ = ["EXPORTERS", "Export", "export"]
