"""An assembled answer as the OpenAI chat message that goes into the next request."""

from __future__ import annotations

from typing import Any

from conversations.parts import Answer, Call, Choice, Reasoning, Refusal


def message_of(answer: Answer, choice: int = 0) -> dict[str, Any]:
    """The assistant message of one choice; a choice that the answer lacks is an empty one.

    ``content`` is None where calls came without text. Reasoning goes where the provider had
    it (``reasoning`` or ``reasoning_content``), else under ``reasoning_content``.
    """
    found = next((one for one in answer.choices if one.index == choice), Choice(choice, ()))
    message: dict[str, Any] = {"role": "assistant"}
    said = found.text
    message["content"] = said if said or not found.calls else None
    refusal = "".join(part.text for part in found.parts if isinstance(part, Refusal))
    if refusal:
        message["refusal"] = refusal
        message["content"] = said or None
    _add_reasoning(message, found)
    calls = found.calls
    if answer.protocol == "openai.chat" and calls and calls[-1].type == "function_call":
        function = {"name": calls[-1].name, "arguments": calls[-1].arguments}
        message["function_call"] = function
        calls = calls[:-1]
    if calls:
        message["tool_calls"] = [_tool_call(call) for call in calls]
    return message


def _add_reasoning(message: dict[str, Any], choice: Choice) -> None:
    thoughts = [part for part in choice.parts if isinstance(part, Reasoning)]
    said = "".join(part.text for part in thoughts)
    if said:
        message[thoughts[0].provider_details.get("field", "reasoning_content")] = said


def _tool_call(call: Call) -> dict[str, Any]:
    if call.type in ("custom", "custom_tool_call"):
        custom = {"name": call.name, "input": call.arguments}
        return {"id": call.id, "type": "custom", "custom": custom}
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}
