"""What a lint says: problems, and the closed list of their codes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Code:
    name: str
    severity: Severity
    summary: str


CODES: dict[str, Code] = {
    code.name: code
    for code in (
        Code("unreadable", "error", "A file or an entry is no tool definition"),
        Code("breaking_change", "error", "A change against the earlier version breaks callers"),
        Code("invalid_schema", "error", "A schema is no valid JSON Schema of its draft"),
        Code("other_draft", "error", "A keyword of another draft, which this one ignores"),
        Code("tool_misspelled", "error", "The tool's name is probably misspelled"),
        Code("param_misspelled", "error", "A parameter's name is probably misspelled"),
        Code("text_misspelled", "warning", "A word of a description is probably misspelled"),
        Code("description_missing", "error", "The tool has no description"),
        Code("description_short", "warning", "The description is under 10 characters"),
        Code("description_empty_words", "warning", "The description repeats the name"),
        Code("param_undescribed", "warning", "A parameter has no description"),
        Code("values_in_text", "warning", "The description lists the values that a text may have"),
        Code("unconfirmed_destruction", "note", "A destructive tool without a confirmation"),
        Code("provider_name", "error", "The provider refuses the tool's name"),
        Code("provider_strict", "error", "Strict mode of the provider refuses the schema"),
        Code("provider_keyword", "error", "The provider does not support a keyword"),
        Code("provider_limit", "error", "The schema is larger than the provider allows"),
        Code("look_alike", "warning", "Two tools that a model will confuse"),
        Code("other_name", "note", "One thing has different names in different tools"),
        Code("too_many_tools", "warning", "More tools than a model chooses well from"),
        Code("token_weight", "note", "The definition weighs much in every request"),
        Code("toolset_weight", "warning", "All definitions together weigh much in every request"),
    )
}


@dataclass(frozen=True, slots=True)
class Fix:
    """A replacement that is certain: the value at ``pointer``, or with ``key`` the member's name.

    ``text`` is what a button says.
    """

    pointer: str
    new: Any
    text: str
    is_key: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "pointer": self.pointer,
            "new": self.new,
            "text": self.text,
            "is_key": self.is_key,
        }


@dataclass(frozen=True, slots=True)
class Problem:
    """``code`` is one of ``CODES``; ``pointer`` leads into the definition's ``to_json()``.

    ``words`` are those taken for misspelled: right ones if a project's dictionary has them.
    """

    code: str
    severity: Severity
    pointer: str
    message: str
    fix: Fix | None = None
    tool: str = ""
    words: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": self.severity,
            "pointer": self.pointer,
            "message": self.message,
            "fix": self.fix.to_json() if self.fix else None,
            "tool": self.tool,
            "words": list(self.words),
        }


def problem(
    code: str,
    pointer: str,
    message: str,
    *,
    severity: Severity | None = None,
    fix: Fix | None = None,
    words: Iterable[str] = (),
) -> Problem:
    severity = severity or CODES[code].severity
    return Problem(code, severity, pointer, message, fix, words=tuple(words))


Corrections = Callable[[Collection[str]], Mapping[str, tuple[str, ...]]]


def correct_nothing(words: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    return {}


@dataclass(frozen=True)
class Dictionary:
    """``words`` are right whatever else is said, in lower case.

    ``corrections`` gives of some words those that are misspelled, each with what was probably
    meant, the likeliest first.
    """

    words: frozenset[str] = frozenset()
    corrections: Corrections = field(default=correct_nothing, compare=False)

    def has_all(self, words: Collection[str]) -> bool:
        """Are there words, and all of them said to be right?"""
        return bool(words) and all(word.casefold() in self.words for word in words)

    def correct(self, words: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        asked = {word for word in words if word.casefold() not in self.words}
        return self.corrections(asked) if asked else {}
