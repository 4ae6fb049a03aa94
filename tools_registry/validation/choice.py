"""What ``tool_choice`` asked for, in every provider's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Mode = Literal["auto", "none", "required"]
_MODES: dict[str, Mode] = {"none": "none", "required": "required", "any": "required"}


@dataclass(frozen=True, slots=True)
class Choice:
    """``names`` are the only tools that may be called; None where any offered one may."""

    mode: Mode = "auto"
    names: frozenset[str] | None = None


def read_choice(value: object) -> Choice:
    """Read a ``tool_choice`` or ``function_call`` of OpenAI (chat, legacy, Responses), Anthropic,
    Mistral, Ollama, or Gemini's ``functionCallingConfig``. What it does not know is ``auto``.
    """
    if isinstance(value, str):
        return Choice(_MODES.get(value.lower(), "auto"))
    if not isinstance(value, Mapping):
        return Choice()
    if "functionCallingConfig" in value:
        return read_choice(value["functionCallingConfig"])
    if "mode" in value and "type" not in value:
        mode = _MODES.get(str(value["mode"]).lower(), "auto")
        return Choice(mode, _names(value.get("allowedFunctionNames")) if mode != "none" else None)
    return _read_typed(value)


def _read_typed(value: Mapping[str, Any]) -> Choice:
    kind = value.get("type")
    if kind == "allowed_tools":
        allowed = value.get("allowed_tools")
        allowed = allowed if isinstance(allowed, Mapping) else value
        return Choice(_MODES.get(str(allowed.get("mode")), "auto"), _names(allowed.get("tools")))
    if kind in ("any", "none"):
        return Choice(_MODES[kind])
    if kind in ("function", "tool", "custom", None):
        name = _name(value)
        return Choice("required", frozenset([name])) if name else Choice()
    return Choice()


def _name(entry: object) -> str | None:
    """The tool that an entry names: flat, or inside ``function`` or ``custom``."""
    if isinstance(entry, str):
        return entry
    if not isinstance(entry, Mapping):
        return None
    inner = entry.get("function") or entry.get("custom") or entry
    name = inner.get("name") if isinstance(inner, Mapping) else None
    return name if isinstance(name, str) else None


def _names(entries: object) -> frozenset[str] | None:
    if not isinstance(entries, Iterable) or isinstance(entries, str | bytes):
        return None
    return frozenset(name for name in map(_name, entries) if name) or None
