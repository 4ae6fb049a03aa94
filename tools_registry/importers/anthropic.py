"""Anthropic's dialect: tools of the Messages API."""

from __future__ import annotations

from tools_registry.importers.wire import Dialect

DIALECT = Dialect(
    "anthropic",
    "Anthropic",
    lambda entry, at: "input_schema" in entry and entry.get("type") in (None, "custom"),
)
