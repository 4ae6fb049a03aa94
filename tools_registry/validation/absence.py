"""A result without a value, and what is made of it: words of tools' names and of answers."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Tools whose names begin so are called for their value; others (send, delete) may return none.
_READING = re.compile(
    r"calculate|check|compute|convert|count|describe|estimate|evaluate|fetch|find|forecast|get|"
    r"list|look(?:up)?|measure|predict|query|read|resolve|retrieve|search|show|translate|view"
)
_NONE = re.compile(
    r"\b(?:no|none|nothing|not|cannot|unable|fail(?:s|ed)?|empty|without|sorry|missing|zero|"
    r"unavailable|errors?|problem|issue|unfortunately|neither|nor|nowhere|never|null)\b|n['’]t\b|"
    # The same in German, French, Spanish, Portuguese, Italian and Dutch.
    r"\b(?:nicht|keine?[nrms]?|leider|fehler|pas|aucune?|désolée?|erreur|ning[uú]na?|ning[uú]n|"
    r"sin|lo siento|não|nenhuma?|nessuna?|non|geen|niet)\b",
    re.IGNORECASE,
)
_VAGUE = re.compile(r"\b(?:unknown|unclear|uncertain|unsure)\b", re.IGNORECASE)
_GUESS = re.compile(
    r"\b(?:likely|probably|presumably|perhaps|maybe|typically|usually|generally|should be|"
    r"would be|might be|could be|i guess|i assume|estimated|around|about|roughly)\b",
    re.IGNORECASE,
)


def promises_value(tool: str) -> bool:
    """Whether a tool's name says that it is called for its value: ``get_weather``, ``findUser``."""
    words = [word.casefold() for word in _WORD.findall(tool.rpartition(".")[2])]
    return bool(words) and bool(_READING.fullmatch(words[0]))


def admits_absence(answer: str) -> bool:
    """Whether an answer says that there is no value. "Unknown, but likely cold" does not."""
    if _NONE.search(answer):
        return True
    return bool(_VAGUE.search(answer)) and not _GUESS.search(answer)
