"""A suite's case as a value: read from JSON, written as JSON, and an answer judged by it. Pure.

The JSON of a case is one object: ``messages`` (in the form of OpenAI's chat), ``tools``,
``parameters``, ``expected``, and what helps people: ``id``, ``title``, ``note``, ``model`` and
``recorded``, what was answered then. Lines of the Berkeley leaderboard's shape and turn records
have the same fields, the latter within ``request``. ``docs/suites.md`` says it for people.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any
from uuid import UUID

from console.lib import json
from console.lib.fields import to_plain
from conversations.expected import judge_expected
from conversations.replay.cases import Case, MadeCall, Message, Origin, Recorded
from tools_registry.dialects import UnreadableTool, read_offer, read_tools
from tools_registry.validation.expectation import CallMade, Expectation, Judgement
from tools_registry.validation.findings import CODES

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
NO_CASE = 'A case is one JSON object with "messages"'
_LONGEST_TITLE = 120
_BESIDE = ("model", "messages", "tools")
"""Fields of a request that are no parameters."""


class BadCase(ValueError):
    """A case that cannot be read: where in it (a JSON pointer), and what to do."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(f"{pointer}: {detail}" if pointer else detail)
        self.pointer, self.detail = pointer, detail


@dataclass(frozen=True, slots=True)
class Entry:
    """A case with what a suite keeps beside it. ``case.key`` is its id, "" for none; ``turn`` the
    stored turn that it was made of."""

    case: Case
    note: str = ""
    turn: UUID | None = None

    def to_json(self) -> dict[str, Any]:
        """The JSON of the case; what is empty is left out, except ``expected``."""
        case, recorded = self.case, self.case.recorded
        whole: dict[str, Any] = {
            "id": case.key,
            "title": case.title,
            "messages": [dict(message) for message in case.messages],
            "tools": list(case.tools),
            "parameters": dict(case.parameters),
            "recorded": write_recorded(recorded) if recorded else None,
            "note": self.note,
        }
        kept = {name: value for name, value in whole.items() if value not in ("", None, [], {})}
        expected = case.expectation.to_json() if case.expectation else None
        return {**kept, "expected": expected}


def write_recorded(recorded: Recorded) -> dict[str, Any]:
    """``Recorded.to_json`` without what is empty; a connection's key means nothing elsewhere."""
    plain = dataclasses.replace(recorded, connection=None).to_json()
    return {name: value for name, value in plain.items() if value not in ("", None, [])}


def read_case(data: Any) -> Entry:
    """Read the JSON of a case. Raises ``BadCase`` with the first thing that is wrong."""
    if not isinstance(data, Mapping):
        raise BadCase("", NO_CASE)
    try:
        json.dump(data)
    except TypeError:
        raise BadCase("", "A number is larger than any that can be kept") from None
    request, at = _find_request(data)
    messages, answer = _read_messages(request, at)
    case = Case(
        key=_read_text(data, "id", 300),
        title=_read_text(data, "title", 2000) or title_of(messages),
        messages=messages,
        tools=_read_tools(request.get("tools"), at),
        parameters=_read_parameters(request, at),
        expectation=_read_expectation(data),
        recorded=_read_recorded(data, answer),
        origin=Origin("file"),
    )
    return Entry(case, note=_read_text(data, "note", 500))


def title_of(messages: Sequence[Message]) -> str:
    """What the user said last, cut to one line."""
    for message in reversed(messages):
        if message.get("role") == "user":
            said = to_plain(" ".join(_text_of(message.get("content")).split()))
            return said[:_LONGEST_TITLE] + ("…" if len(said) > _LONGEST_TITLE else "")
    return ""


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(
        part["text"]
        for part in parts
        if isinstance(part, Mapping) and isinstance(part.get("text"), str)
    )


def judge_answer(case: Case, calls: Sequence[CallMade]) -> Judgement | None:
    """What the case's expectation says of an answer's calls; None where it has none."""
    if case.expectation is None:
        return None
    specs = read_offer(list(case.tools)) if case.tools else None
    return judge_expected(case.expectation.to_json(), calls, specs)


def unknown_names(case: Case) -> list[str]:
    """Tools that are expected and not offered, so that no answer can be right."""
    calls = (case.expectation.calls or ()) if case.expectation else ()
    return sorted({call.name for call in calls} - read_offer(list(case.tools)).keys())


def read_answer(message: Mapping[str, Any]) -> Recorded:
    """What an assistant's message in the form of OpenAI's chat says and calls."""
    tool_calls = message.get("tool_calls")
    calls = [
        (call["function"], call.get("id"))
        for call in (tool_calls if isinstance(tool_calls, list) else ())
        if isinstance(call, Mapping) and isinstance(call.get("function"), Mapping)
    ]
    legacy = message.get("function_call")
    calls += [(legacy, None)] if isinstance(legacy, Mapping) else []
    made = tuple(_read_made(call, key) for call, key in calls)
    return Recorded(made, _text_of(message.get("content")))


def _read_made(call: Mapping[str, Any], key: Any) -> MadeCall:
    arguments = call.get("arguments", "")
    text = arguments if isinstance(arguments, str) else json.dump(arguments)
    return MadeCall(str(call.get("name", "")), text, key if isinstance(key, str) else "")


# ---- the parts


def _find_request(data: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Where the request stands: the object itself, or ``request`` in a turn's record."""
    if "request" not in data:
        return data, ""
    if not isinstance(data["request"], Mapping):
        raise BadCase("/request", 'Give the request as an object with "messages"')
    return data["request"], "/request"


def _read_recorded(data: Mapping[str, Any], answer: Message | None) -> Recorded | None:
    """What was answered then: ``recorded``, a record's response, or the last message."""
    given, response = data.get("recorded"), data.get("response")
    if given is None and isinstance(response, Mapping):
        given = response.get("message")
    given = answer if given is None else given
    if given is None:
        return None
    detail = 'Give an assistant\'s message, or {"text": …, "calls": [{"name", "arguments"}]}'
    if not isinstance(given, Mapping):
        raise BadCase("/recorded", detail)
    model = _read_text(data, "model", 200)
    if "role" in given:
        return dataclasses.replace(read_answer(given), model=model)
    try:
        read = Recorded.from_json(given)
    except (KeyError, TypeError, AttributeError):
        raise BadCase("/recorded", detail) from None
    if not _is_recorded(read):
        raise BadCase("/recorded", detail)
    return dataclasses.replace(read, model=read.model or model, connection=None)


def _is_recorded(read: Recorded) -> bool:
    """Is everything in it of the kind that it should be? It may be from anywhere."""
    texts = [read.text, read.model, *(text for one in read.calls for text in astuple(one)[:4])]
    found = [*read.findings, *(item for one in read.calls for item in one.findings)]
    figures = (read.input_tokens, read.output_tokens, read.latency_ms)
    return (
        all(isinstance(text, str) for text in [*texts, read.verdict, read.cost or ""])
        and all(isinstance(message, Mapping) for message in read.rest)
        and all(map(_is_finding, found))
        and all(figure is None or isinstance(figure, int | float) for figure in figures)
    )


def _is_finding(item: Any) -> bool:
    code, message = (
        (item.get("code"), item.get("message")) if isinstance(item, Mapping) else ("", "")
    )
    return isinstance(code, str) and code in CODES and isinstance(message, str)


def _read_messages(request: Mapping[str, Any], at: str) -> tuple[list[Message], Message | None]:
    """The messages before the answer, and the answer where they end with one."""
    messages, at = request.get("messages"), f"{at}/messages"
    if not isinstance(messages, list) or not messages:
        raise BadCase(at, "Give the messages as an array with at least one")
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping) or message.get("role") not in ROLES:
            roles = ", ".join(ROLES)
            raise BadCase(f"{at}/{index}", f'Give an object whose "role" is one of {roles}')
    recorded = messages[-1] if messages[-1]["role"] == "assistant" else None
    if recorded is not None:
        messages = messages[:-1]
    if not any(message["role"] != "system" for message in messages):
        raise BadCase(at, "There is nothing to answer: give at least one message of a user")
    return messages, recorded


def _read_tools(tools: Any, at: str) -> list[Any]:
    if tools is None:
        return []
    if not isinstance(tools, list):
        raise BadCase(f"{at}/tools", "Give the tools as an array of definitions")
    try:
        read_tools(tools)
    except UnreadableTool as error:
        raise BadCase(f"{at}/tools{error.pointer}", error.detail) from None
    return tools


def _read_parameters(request: Mapping[str, Any], at: str) -> dict[str, Any]:
    parameters = request.get("parameters")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise BadCase(f"{at}/parameters", "Give the parameters as an object")
    choice = {"tool_choice": request["tool_choice"]} if request.get("tool_choice") else {}
    found = {**choice, **(parameters or {})}
    return {name: value for name, value in found.items() if name not in _BESIDE}


def _read_expectation(data: Mapping[str, Any]) -> Expectation | None:
    expected = data.get("expected")
    if expected is None:
        return None
    if isinstance(expected, Mapping):
        if "turns" in expected:
            detail = "It tells the calls of several user turns. Make one case of each turn"
            raise BadCase("/expected/turns", detail)
        if expected.get("scope") == "conversation":
            raise BadCase("/expected", "It speaks of a whole conversation; a case is one answer")
    try:
        return Expectation.from_json(expected)
    except ValueError as error:
        raise BadCase("/expected", str(error)) from None


def _read_text(data: Mapping[str, Any], name: str, longest: int) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise BadCase(f"/{name}", "Give a text")
    text = to_plain(str(value).replace("\0", ""))
    if len(text) > longest:
        raise BadCase(f"/{name}", f"It has {len(text):,} characters; at most {longest:,} are kept")
    return text
