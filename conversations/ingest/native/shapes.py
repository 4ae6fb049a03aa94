"""Which protocol a request or an answer is of, where only its JSON is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import items, obj, text


def protocol_of_request(body: Mapping[str, Any]) -> str | None:
    """Which protocol a request is of, by its shape; None where it is of none."""
    if isinstance(body.get("contents"), list):
        return "google.generateContent"
    if isinstance(body.get("input"), str | list) and "messages" not in body:
        return "openai.responses"
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(
        isinstance(one, dict) and isinstance(one.get("role"), str) for one in messages
    ):
        return None
    if "inferenceConfig" in body or "toolConfig" in body or "modelId" in body:
        return "bedrock.converse"
    schemas = any("input_schema" in obj(tool) for tool in items(body.get("tools")))
    kinds = {
        text(obj(block).get("type")) for one in messages for block in items(one.get("content"))
    }
    if schemas or "system" in body or kinds & {"tool_use", "tool_result"}:
        return "anthropic.messages"
    return "openai.chat"


def protocol_of_answer(body: Mapping[str, Any]) -> str | None:
    """Which protocol a whole answer is of, by its shape; None where it is of none."""
    if isinstance(body.get("choices"), list):
        return "openai.chat"
    if isinstance(body.get("candidates"), list):
        return "google.generateContent"
    if isinstance(obj(body.get("output")).get("message"), dict):
        return "bedrock.converse"
    if body.get("object") == "response" or isinstance(body.get("output"), list):
        return "openai.responses"
    if body.get("role") == "assistant" and isinstance(body.get("content"), list):
        return "anthropic.messages"
    if isinstance(body.get("message"), dict):
        return "ollama.chat" if "done" in body else "cohere.v2"
    return None
