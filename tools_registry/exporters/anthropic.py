"""Anthropic's dialect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tools_registry.dialects import to_anthropic
from tools_registry.exporters.items import Losses, rename, tell_no_parameters
from tools_registry.specs import ToolSpec


def write(specs: Sequence[ToolSpec], losses: Losses) -> list[dict[str, Any]]:
    taken: set[str] = set()
    result = []
    for spec in specs:
        losses.drop(spec, "output_schema", "annotations")
        tell_no_parameters(spec, losses)
        result.append(to_anthropic(replace(spec, name=rename(spec, taken, losses))))
    return result
