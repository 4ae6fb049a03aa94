"""OpenAI's dialects: chat completions, Responses, and the legacy functions."""

from __future__ import annotations

from collections.abc import Mapping

from tools_registry.importers.items import Notes
from tools_registry.importers.wire import Dialect, Entry


def _tell_strict(entry: Entry, at: str, notes: Notes) -> Entry:
    if entry.get("strict") is None:
        message = "Responses takes a tool without strict as strict; it is imported as not strict"
        notes.add("told", "strict_unset", message, at)
    return entry


CHAT = Dialect(
    "openai_chat",
    "OpenAI chat completions",
    lambda entry, at: (
        isinstance(entry.get("function"), Mapping) and entry.get("type") in (None, "function")
    ),
)
RESPONSES = Dialect(
    "openai_responses",
    "OpenAI Responses",
    lambda entry, at: entry.get("type") == "function" and "function" not in entry,
    _tell_strict,
)
FUNCTIONS = Dialect(
    "openai_functions",
    "OpenAI legacy functions",
    # With arguments as an object or a text it is a call, and no definition.
    lambda entry, at: (
        "name" in entry
        and "type" not in entry
        and not isinstance(entry.get("arguments"), Mapping | str)
    ),
)
