"""JSON pointers into a turn (RFC 6901), with ``*`` for any name or index.

The first name says into what: ``arguments`` and ``results`` of every call, ``messages``,
``parameters`` of the request, or ``error``.
"""

from __future__ import annotations

from dataclasses import dataclass

ROOTS = ("arguments", "results", "messages", "parameters", "error")
_LEAST = {"arguments": 1, "results": 0, "messages": 2, "parameters": 1, "error": 0}
_FORM = {"role", "tool_calls", "function_call", "tool_call_id", "*"}
_LONGEST = 500

Path = tuple[str, ...]


class BadPointer(ValueError):
    """A pointer that leads nowhere; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Pointer:
    name: str
    root: str
    path: Path
    replacement: str

    def matches(self, path: Path) -> bool:
        """Whether the pointer names exactly this place below its root."""
        return len(path) == len(self.path) and all(
            mine in ("*", theirs) for mine, theirs in zip(self.path, path, strict=True)
        )


def read_pointer(name: str, text: str, replacement: str) -> Pointer:
    """The pointer of a rule. Raises ``BadPointer``."""
    if not text.startswith("/") or len(text) > _LONGEST:
        raise BadPointer("A pointer begins with /, such as /arguments/customer/phone.")
    root, *path = (step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/"))
    if root not in ROOTS:
        raise BadPointer(f"A pointer begins with one of {', '.join('/' + one for one in ROOTS)}.")
    if len(path) < _LEAST[root]:
        example = "/messages/*/content" if root == "messages" else f"/{root}/name"
        raise BadPointer(f"This pointer takes away all of it. Name a part, such as {example}.")
    if root == "messages" and path[1] in _FORM:
        raise BadPointer(
            "This part gives a message its form. Use /messages/*/content, or /arguments/… for "
            "the arguments of calls."
        )
    return Pointer(name, root, tuple(path), replacement)


def below(pointers: tuple[Pointer, ...], root: str) -> tuple[Pointer, ...]:
    return tuple(pointer for pointer in pointers if pointer.root == root)
