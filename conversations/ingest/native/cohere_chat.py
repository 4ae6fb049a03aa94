"""Cohere's chat, version 2: OpenAI's messages with a ``tool_plan`` beside, kept as they are.

Reference: https://docs.cohere.com/reference/chat
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import items, obj, text
from conversations.ingest.native import openai_chat
from conversations.ingest.native.canonical import NativeAnswer, NativeRequest, with_role

CHOICES = {"REQUIRED": "required", "NONE": "none"}


def read_request(body: Mapping[str, Any]) -> NativeRequest:
    choice = body.get("tool_choice")
    if isinstance(choice, str):
        body = {**body, "tool_choice": CHOICES.get(choice, choice)}
    return openai_chat.read_request(body)


def read_answer(body: Mapping[str, Any]) -> NativeAnswer:
    message = obj(body.get("message"))
    if message:
        message = dict(with_role(message, "assistant"))
        said = [obj(part) for part in items(message.get("content"))]
        texts = [text(part.get("text")) for part in said if part.get("type") == "text"]
        message["content"] = "".join(texts) if texts or not message.get("tool_calls") else None
        thoughts = [text(part.get("thinking")) for part in said if part.get("type") == "thinking"]
        if thoughts:
            message["reasoning_content"] = "".join(thoughts)
    return NativeAnswer(
        message=message or None,
        finish_reason=text(body.get("finish_reason")) or None,
        usage=obj(body.get("usage")) or None,
        error=None if message else openai_chat.said_error(dict(body)),
    )
