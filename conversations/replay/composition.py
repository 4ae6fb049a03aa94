"""What is asked of a model for a case under a variant. Pure.

The request is OpenAI chat form whatever the case was recorded in: providers turn it into their
own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from console.lib import json
from conversations.providers.base import Ask
from conversations.replay.cases import Case, Message
from conversations.replay.variants import Tool, Variant
from tools_registry.dialects import read_offer, to_openai_chat
from tools_registry.specs import ToolSpec
from tools_registry.validation.choice import read_choice

_NOT_SENT = frozenset(["stream", "stream_options", "n", "store", "background"])
"""Of the recorded parameters: what the asking itself decides, and what would leave traces."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tool of a request: what is sent, and its definition (None for a provider's own)."""

    name: str
    wire: Mapping[str, Any]
    spec: ToolSpec | None


@dataclass(frozen=True)
class Composed:
    """A request before it has a model."""

    messages: Sequence[Message]
    entries: Sequence[Entry]
    tool_choice: Any
    parameters: Mapping[str, Any]
    stream: bool = False

    @property
    def specs(self) -> dict[str, ToolSpec | None]:
        return {entry.name: entry.spec for entry in self.entries}

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.entries]

    def offering(self, names: Sequence[str]) -> Composed:
        """The same with those of the tools that a router chose."""
        kept = [entry for entry in self.entries if entry.spec is None or entry.name in names]
        return replace(self, entries=kept, tool_choice=_fitting(self.tool_choice, kept))

    def ask(self, model: str, messages: Sequence[Message] | None = None) -> Ask:
        """The request of one model call; ``messages`` are those of a later round."""
        return Ask(
            model=model,
            messages=self.messages if messages is None else messages,
            tools=[entry.wire for entry in self.entries],
            tool_choice=self.tool_choice if self.entries else None,
            parameters=self.parameters,
            stream=self.stream,
        )


def compose(case: Case, variant: Variant, versions: Mapping[int, Mapping[str, Any]]) -> Composed:
    """The case as the variant asks it. ``versions`` are definitions by a tool version's key.

    Raises ``UnreadableTool`` for a definition that is none, KeyError for a missing version.
    """
    entries = _entries_of(case, variant, versions)
    parameters = {key: value for key, value in case.parameters.items() if key not in _NOT_SENT}
    parameters |= variant.parameters
    choice = _fitting(parameters.pop("tool_choice", None), entries)
    return Composed(
        messages=_messages_of(case, variant),
        entries=entries,
        tool_choice=choice,
        parameters={k: v for k, v in parameters.items() if v is not None and k != "stream"},
        stream=bool(variant.parameters.get("stream")),
    )


def _entries_of(
    case: Case, variant: Variant, versions: Mapping[int, Mapping[str, Any]]
) -> Sequence[Entry]:
    def read(tools: Sequence[Tool]) -> list[Entry]:
        found = [versions[tool] if isinstance(tool, int) else tool for tool in tools]
        return list(read_entries(found))

    entries = list(read_entries(case.tools)) if variant.toolset is None else read(variant.toolset)
    made: dict[str, Entry] = {}
    for entry in entries:
        changed = variant.replaced.get(entry.name)
        for one in [entry] if changed is None else read([changed]):
            made[one.name] = one
    for entry in read(variant.added):
        made[entry.name] = entry
    for name in variant.removed:
        made.pop(name, None)
    return list(made.values())


def read_entries(tools: Sequence[Any]) -> Sequence[Entry]:
    """A request's ``tools`` in any provider's form. Raises ``UnreadableTool``."""
    return _read_entries(json.dump(list(tools)))


@lru_cache(maxsize=512)
def _read_entries(text: str) -> Sequence[Entry]:
    return tuple(
        Entry(name, wire if wire is not None else to_openai_chat(spec) if spec else {}, spec)
        for tool in json.load(text)
        for name, spec, wire in _read_entry(tool)
    )


def _read_entry(tool: Any) -> list[tuple[str, ToolSpec | None, Mapping[str, Any] | None]]:
    """The functions of one entry; chat form and what is no function are sent as they are."""
    found = list(read_offer([tool]).items())
    is_chat = isinstance(tool, Mapping) and isinstance(tool.get("function"), Mapping)
    return [(name, spec, tool if is_chat or spec is None else None) for name, spec in found]


def _messages_of(case: Case, variant: Variant) -> Sequence[Message]:
    if variant.system_prompt is None:
        return case.messages
    messages = list(case.messages)
    while messages and messages[0].get("role") in ("system", "developer"):
        messages.pop(0)
    own = {"role": "system", "content": variant.system_prompt}
    return [own, *messages] if variant.system_prompt else messages


def _fitting(choice: Any, entries: Sequence[Entry]) -> Any:
    """The recorded tool_choice in OpenAI's words, as far as the tools that are offered allow."""
    if choice is None or not entries:
        return None
    read, offered = read_choice(choice), {entry.name for entry in entries}
    if read.names is None:
        return read.mode
    named = sorted(read.names & offered)
    if not named:
        return "auto"
    one = {"type": "function", "function": {"name": named[0]}}
    return one if len(named) == 1 and read.mode == "required" else read.mode
