"""A case as somebody typed it: read, each problem at its line. And an answer to be judged."""

from __future__ import annotations

from typing import Any

from conversations.suites.cases import BadCase, Entry, read_answer, read_case
from tools_registry.definitions import nearest
from tools_registry.policies.drafts import Fault
from tools_registry.validation.expectation import CallMade
from tools_registry.validation.positions import json_positions
from tools_registry.validation.syntax import read_value

LARGEST = 2_000_000
"""Characters of a case's JSON."""


def read_typed(text: str) -> tuple[Entry | None, tuple[Fault, ...]]:
    """The case, or what keeps it from being kept. Never raises."""
    value, faults = _read_json(text)
    if faults:
        return None, faults
    try:
        return read_case(value), ()
    except RecursionError:
        return None, (Fault("The JSON is nested too deep"),)
    except BadCase as error:
        place = nearest(error.pointer, json_positions(text))
        return None, (Fault(error.detail, error.pointer, *place),)


def read_typed_answer(text: str) -> tuple[list[CallMade] | None, tuple[Fault, ...]]:
    """The calls of an answer: an assistant's message, or an array of {name, arguments}. No text
    is an answer without calls."""
    if not text.strip():
        return [], ()
    value, faults = _read_json(text)
    if faults:
        return None, faults
    if isinstance(value, dict) and not isinstance(value.get("name"), str):
        made = read_answer(value).calls
        return [CallMade(call.name, call.arguments) for call in made], ()
    calls = value if isinstance(value, list) else [value]
    if not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        detail = "Write the calls as an array of {name, arguments}, or an assistant's message"
        return None, (Fault(detail),)
    return [CallMade(call["name"], call.get("arguments", {})) for call in calls], ()


def _read_json(text: str) -> tuple[Any, tuple[Fault, ...]]:
    if len(text) > LARGEST:
        return None, (Fault(f"Shorten it to {LARGEST:,} characters"),)
    value, finding = read_value(text)
    if not finding:
        return value, ()
    place = int(finding.detail.get("line", 1)), int(finding.detail.get("column", 1))
    reason = finding.detail.get("reason") or finding.message
    return None, (Fault(f"This is not JSON: {reason}", "", *place),)
