"""Google's generateContent: contents to chat messages.

Most calls of this protocol carry no id, and a response names its function alone: none is
invented here, results are joined by name and position. Reference:
https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import items, obj, text
from conversations.ingest.native.canonical import (
    NativeRequest,
    Saying,
    content_of,
    named_choice,
    read_tools,
    tool_message,
    without,
)

SPOKEN = ("contents", "systemInstruction", "system_instruction", "tools", "toolConfig", "model")
SPOKEN_SNAKE = ("tool_config",)
MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto"}


def read_request(body: Mapping[str, Any]) -> NativeRequest:
    messages: list[dict[str, Any]] = []
    system = body.get("systemInstruction") or body.get("system_instruction")
    if system:
        parts = system if isinstance(system, str) else items(obj(system).get("parts"))
        said = [_part(obj(part)) for part in parts] if isinstance(parts, list) else system
        messages.append(
            {"role": "system", "content": content_of(said) if isinstance(said, list) else said}
        )
    for content in items(body.get("contents")):
        messages.extend(_read_content(obj(content)))
    tools, notes = read_tools(_declarations(items(body.get("tools"))))
    return NativeRequest(
        messages=messages,
        tools=tools if "tools" in body else None,
        tool_choice=_choice(obj(body.get("toolConfig") or body.get("tool_config"))),
        parameters=without(body, *SPOKEN, *SPOKEN_SNAKE),
        model=text(body.get("model")).removeprefix("models/"),
        notes=notes,
    )


def _declarations(tools: list[Any]) -> list[Any]:
    """The functions of each group; a group's other members (google_search…) stay entries."""
    found: list[Any] = []
    for tool in tools:
        for key, value in obj(tool).items():
            if key in ("functionDeclarations", "function_declarations"):
                found.extend(items(value))
            else:
                found.append({"type": key, key: value})
    return found


def _choice(config: dict[str, Any]) -> Any:
    calling = obj(config.get("functionCallingConfig") or config.get("function_calling_config"))
    allowed = calling.get("allowedFunctionNames") or calling.get("allowed_function_names")
    if isinstance(allowed, list) and len(allowed) == 1:
        return named_choice(allowed[0])
    mode = text(calling.get("mode")).upper()
    return MODES.get(mode, mode or None)


def _read_content(content: dict[str, Any]) -> list[dict[str, Any]]:
    role = "assistant" if content.get("role") == "model" else text(content.get("role")) or "user"
    results: list[dict[str, Any]] = []
    saying = Saying(role)
    for part in items(content.get("parts")):
        _take_part(obj(part), saying, results)
    return results if saying.empty and results else [*results, saying.message()]


def _take_part(part: dict[str, Any], saying: Saying, results: list[dict[str, Any]]) -> None:
    call = obj(part.get("functionCall") or part.get("function_call"))
    result = obj(part.get("functionResponse") or part.get("function_response"))
    if call:
        saying.call(text(call.get("id")) or None, text(call.get("name")), call.get("args") or {})
    elif result:
        call_id, name = text(result.get("id")) or None, text(result.get("name")) or None
        results.append(tool_message(call_id, result.get("response"), name=name))
    elif part.get("thought") and "text" in part:
        saying.reasoning.append(text(part["text"]))
    else:
        saying.parts.append(_part(part))


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if set(part) <= {"text", "thoughtSignature", "thought_signature"} and "text" in part:
        return {"type": "text", "text": text(part["text"])}
    inline = obj(part.get("inlineData") or part.get("inline_data"))
    kind = text(inline.get("mimeType") or inline.get("mime_type"))
    if kind.startswith("image/"):
        url = f"data:{kind};base64,{text(inline.get('data'))}"
        return {"type": "image_url", "image_url": {"url": url}}
    return part if "type" in part else {"type": next(iter(part), "part"), **part}
