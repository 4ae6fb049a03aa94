"""A stored request made ready to be asked again of any provider, and what of it stays behind. Pure.

Stored requests are OpenAI chat messages with the parameters of their own protocol. What another
provider would refuse is rewritten where it means the same, else left out and said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conversations.providers import structured
from tools_registry.dialects import UnreadableTool, read_tool

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_SAID = ("role", "content", "name", "refusal", "tool_calls", "tool_call_id", "function_call")
KEPT = frozenset(
    [
        "temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "seed", "stop",
        "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs",
        "parallel_tool_calls", "response_format", "reasoning_effort", "strict", "user",
    ]
)  # fmt: skip
"""Parameters that mean the same wherever they are known."""
SILENT = frozenset(["stream", "stream_options", "n", "store", "background"])
"""How an answer was to be delivered: the playground's own affair."""
_GROUPS = ("generationConfig", "generation_config", "inferenceConfig", "options")
_MIXED = ("text", "output_config")
"""Groups of which only the format of the answer is known elsewhere."""
_NAMES = {
    "max_output_tokens": "max_tokens", "maxOutputTokens": "max_tokens", "maxTokens": "max_tokens",
    "num_predict": "max_tokens", "topP": "top_p", "p": "top_p", "topK": "top_k", "k": "top_k",
    "stopSequences": "stop", "stop_sequences": "stop", "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty", "candidateCount": "n", "choice.count": "n",
}  # fmt: skip


@dataclass(slots=True)
class Carried:
    """What can be asked again; ``left`` says in sentences what could not be carried over."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    tool_choice: Any = None
    parameters: dict[str, Any] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


def carry(
    request: Mapping[str, Any], versions: Sequence[int] = (), notes: Sequence[Any] = ()
) -> Carried:
    """The rebuilt ``request`` of a turn, whose tools are these versions, with the turn's notes."""
    parameters = dict(request)
    carried = Carried()
    messages = parameters.pop("messages", [])
    tools, choice = parameters.pop("tools", None) or [], parameters.pop("tool_choice", None)
    parameters.pop("model", None)
    carried.left += _tell_notes(notes)
    carried.messages = list(_carry_messages(messages, carried.left))
    if not messages:
        carried.left.append("The model was asked without a message: write one.")
    _carry_tools(tools, versions, carried)
    carried.tool_choice = _carry_choice(choice, carried)
    carried.parameters = _carry_parameters(parameters, carried.left)
    return carried


_LACKS = (
    "content_not_recorded", "request_not_recorded", "tools_not_recorded", "message_gap",
    "part_not_carried", "attribute_unreadable", "attributes_dropped", "redacted",
)  # fmt: skip


def _tell_notes(notes: Sequence[Any]) -> Iterator[str]:
    """What the record itself lacks of the request."""
    for note in notes:
        if note.get("code") in _LACKS:
            yield str(note.get("detail"))


# ---- messages


def _carry_messages(messages: Sequence[Any], left: list[str]) -> Iterator[dict[str, Any]]:
    extra: dict[str, int] = {}
    open_calls: list[str] = []
    for number, message in enumerate(messages, 1):
        carried = {key: message[key] for key in _SAID if key in message}
        for key in message:
            if key not in _SAID and message[key]:
                extra[key] = extra.get(key, 0) + 1
        if carried.get("role") not in ROLES:
            left.append(
                f"Message {number} had the role {carried.get('role')}; it is a user's here."
            )
            carried["role"] = "user"
        if carried["role"] in ("system", "developer", "user") and not carried.get("content"):
            left.append(f"Message {number} ({carried['role']}) is empty.")
            continue
        if carried["role"] in ("tool", "function"):
            _name_answer(carried, open_calls)
        elif carried.get("tool_calls"):
            carried["tool_calls"] = _name_calls(carried["tool_calls"], number, open_calls)
        yield carried
    for key, count in extra.items():
        left.append(
            f"{key} of {count} message{'' if count == 1 else 's'} is of one provider alone."
        )


def _name_calls(calls: Any, number: int, open_calls: list[str]) -> list[dict[str, Any]]:
    """Calls in their plain form; those without an id get one, as most providers want one."""
    carried = []
    for at, call in enumerate(calls if isinstance(calls, list) else []):
        if not isinstance(call, Mapping):
            continue
        kept = {key: call[key] for key in ("id", "type", "function", "custom") if key in call}
        if not kept.get("id"):
            kept["id"] = f"call_{number}_{at}"
            open_calls.append(kept["id"])
        carried.append(kept)
    return carried


def _name_answer(message: dict[str, Any], open_calls: list[str]) -> None:
    if message.get("content") is None:
        message["content"] = ""
    if message["role"] == "tool" and not message.get("tool_call_id") and open_calls:
        message["tool_call_id"] = open_calls.pop(0)


# ---- tools


def _carry_tools(tools: Sequence[Any], versions: Sequence[int], carried: Carried) -> None:
    names: set[str] = set()
    for at, tool in enumerate(tools):
        try:
            spec = read_tool(tool)
        except (UnreadableTool, RecursionError) as error:
            carried.left.append(f"Tool {at + 1} cannot be read: {error}.")
            continue
        if spec is None:
            kind = tool.get("type") or next(iter(tool), "") if isinstance(tool, Mapping) else ""
            carried.left.append(f"{kind or f'Tool {at + 1}'} is the provider's own, no function.")
        elif spec.name in names:
            carried.left.append(f"{spec.name} was offered twice; the first one is here.")
        else:
            names.add(spec.name)
            carried.tools.append(tool)
            carried.versions.append(versions[at] if at < len(versions) else 0)


def _carry_choice(choice: Any, carried: Carried) -> Any:
    if choice is None or choice in ("auto", "none"):
        return choice
    if choice in ("required", "any"):
        return "required" if carried.tools else None
    name = None
    if isinstance(choice, Mapping):
        named = choice.get("function")
        name = (named if isinstance(named, Mapping) else choice).get("name")
    offered = {spec.name for tool in carried.tools if (spec := read_tool(tool))}
    if isinstance(name, str) and name in offered:
        return {"type": "function", "function": {"name": name}}
    carried.left.append("The tool choice has no equal here; the model chooses.")
    return None


# ---- parameters


def _carry_parameters(parameters: Mapping[str, Any], left: list[str]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in parameters.items():
        flat |= value if name in _GROUPS and isinstance(value, Mapping) else {name: value}
    carried: dict[str, Any] = {}
    unknown = []
    for name, value in flat.items():
        known = _NAMES.get(name, name)
        if known in KEPT:
            carried.setdefault(known, value)
        elif found := _same_elsewhere(name, value):
            # That an answer is JSON says less than its schema, which may have come before.
            is_weak = found == {"response_format": {"type": "json_object"}}
            carried = found | carried if is_weak else carried | found
            if name in _MIXED:
                unknown += [f"{name}.{key}" for key in value if key != "format"]
        elif known not in SILENT and value not in (None, "", [], {}):
            unknown.append(name)
    if unknown:
        left.append(f"Settings that not every provider has: {', '.join(sorted(unknown)[:12])}.")
    return {name: value for name, value in carried.items() if value is not None}


def _same_elsewhere(name: str, value: Any) -> dict[str, Any]:
    """What a provider writes in a form of its own."""
    if (asked := structured.from_elsewhere(name, value)) is not None:
        return {"response_format": asked}
    if name == "reasoning" and isinstance(value, Mapping) and value.get("effort"):
        return {"reasoning_effort": value["effort"]}
    return {}
