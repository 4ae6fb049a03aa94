"""Structured output beside tools: OpenAI's ``response_format`` in each provider's own form, and
back from it. Pure.

Chat completions: ``response_format``. Responses: ``text.format``. Anthropic: ``output_config``
with ``format``. Ollama: ``format``. Gemini: ``responseMimeType`` with ``responseSchema``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAME = "answer"


def schema_of(response_format: Any) -> Mapping[str, Any] | None:
    """The JSON Schema that a ``response_format`` asks for, None where it asks for none."""
    match response_format:
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return schema
    return None


def is_named(response_format: Any) -> bool:
    """Whether it says more of its schema than some providers know."""
    match response_format:
        case {"json_schema": {"strict": bool()} | {"description": str()}}:
            return True
    return False


def to_responses(response_format: Any) -> dict[str, Any]:
    """The value of ``text``."""
    match response_format:
        case {"type": "json_schema", "json_schema": dict(asked)}:
            return {"format": {"type": "json_schema", "name": _NAME, **asked}}
    return {"format": response_format}


def to_anthropic(response_format: Any) -> dict[str, Any] | None:
    """The value of ``output_config``; None for what has no schema, which it does not know."""
    schema = schema_of(response_format)
    return {"format": {"type": "json_schema", "schema": schema}} if schema is not None else None


def to_ollama(response_format: Any) -> Any:
    """The value of ``format``; None for plain text."""
    schema = schema_of(response_format)
    if schema is not None:
        return schema
    is_json = isinstance(response_format, Mapping) and response_format.get("type") == "json_object"
    return "json" if is_json else None


def from_elsewhere(name: str, value: Any) -> Any:
    """The ``response_format`` that a provider's own parameter means; None where it means none."""
    match name, value:
        case "text", {"format": {"type": "json_schema", **asked}}:
            return {"type": "json_schema", "json_schema": asked}
        case "text", {"format": {"type": "text" | "json_object"}}:
            return value["format"]
        case "output_config" | "output_format", {"format": {"schema": dict(schema)}}:
            return _of_schema(schema)
        case "output_format", {"type": "json_schema", "schema": dict(schema)}:
            return _of_schema(schema)
        case "format", "json":
            return {"type": "json_object"}
        case "format" | "responseSchema" | "responseJsonSchema", dict(schema):
            return _of_schema(schema)
        case "responseMimeType", "application/json":
            return {"type": "json_object"}
    return None


def _of_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": _NAME, "schema": schema}}
