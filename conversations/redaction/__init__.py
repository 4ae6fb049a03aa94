"""Redaction: what a project does not want stored is replaced before anything is stored. Pure.

``docs/redaction.md`` says what each rule finds, and what redaction cannot do.
"""

from __future__ import annotations

from conversations.redaction.json_text import redact_text
from conversations.redaction.record import (
    note_of,
    redact,
    redact_arguments,
    redact_messages,
    redact_result,
)
from conversations.redaction.rules import (
    BUILTINS,
    NO_RULES,
    BadRule,
    Counts,
    Kind,
    Rule,
    Rules,
    compile_rules,
)
from conversations.redaction.wire import WIRE_DROPPED, redact_body, redact_bytes

__all__ = [
    "BUILTINS",
    "NO_RULES",
    "WIRE_DROPPED",
    "BadRule",
    "Counts",
    "Kind",
    "Rule",
    "Rules",
    "compile_rules",
    "note_of",
    "redact",
    "redact_arguments",
    "redact_body",
    "redact_bytes",
    "redact_messages",
    "redact_result",
    "redact_text",
]
