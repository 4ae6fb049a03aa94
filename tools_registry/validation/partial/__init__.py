"""Live validity: the first certain violation of an argument text that is still arriving."""

from __future__ import annotations

from typing import Any

import jiter

from tools_registry.validation.partial.check import PartialCheck, compile_schema
from tools_registry.validation.partial.schema import LiveSchema
from tools_registry.validation.partial.violations import unknown_tool

__all__ = [
    "LiveSchema",
    "PartialCheck",
    "compile_schema",
    "parse_partial",
    "unknown_tool",
]


def parse_partial(text: str) -> Any:
    """What of a half-arrived JSON text can be read: unfinished strings as far as they go.

    None where nothing can. It reads the text from its start, so it is for display, not for
    every fragment of a long one.
    """
    try:
        return jiter.from_json(text.encode(errors="replace"), partial_mode="trailing-strings")
    except ValueError:
        return None
