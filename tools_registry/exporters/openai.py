"""OpenAI's dialects, and Ollama's, which differs in ``strict`` alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tools_registry.dialects import (
    to_legacy_function,
    to_ollama,
    to_openai_chat,
    to_openai_responses,
)
from tools_registry.exporters.items import Losses, rename, tell_no_parameters
from tools_registry.specs import ToolSpec

_NOT_HELD = ("output_schema", "annotations")


def write_chat(specs: Sequence[ToolSpec], losses: Losses) -> list[dict[str, Any]]:
    return [to_openai_chat(spec) for spec in _named(specs, losses, *_NOT_HELD)]


def write_responses(specs: Sequence[ToolSpec], losses: Losses) -> list[dict[str, Any]]:
    return [to_openai_responses(spec) for spec in _named(specs, losses, *_NOT_HELD)]


def write_functions(specs: Sequence[ToolSpec], losses: Losses) -> list[dict[str, Any]]:
    for spec in specs:
        tell_no_parameters(spec, losses)
    return [to_legacy_function(spec) for spec in _named(specs, losses, "strict", *_NOT_HELD)]


def write_ollama(specs: Sequence[ToolSpec], losses: Losses) -> list[dict[str, Any]]:
    for spec in specs:
        tell_no_parameters(spec, losses)
    return [to_ollama(spec) for spec in _named(specs, losses, "strict", *_NOT_HELD)]


def _named(specs: Sequence[ToolSpec], losses: Losses, *dropped: str) -> list[ToolSpec]:
    taken: set[str] = set()
    result = []
    for spec in specs:
        losses.drop(spec, *dropped)
        result.append(replace(spec, name=rename(spec, taken, losses)))
    return result
