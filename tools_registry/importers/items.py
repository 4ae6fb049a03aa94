"""What an import finds: definitions item by item, and what was changed or lost in each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from tools_registry.specs import ToolSpec

NoteKind = Literal["lost", "changed", "told"]
NOTE_KINDS: tuple[NoteKind, ...] = get_args(NoteKind)


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that reads otherwise than its source, with every place where that is so.

    ``lost`` is in the source and not in the definition, ``changed`` is there in other words,
    ``told`` was kept and asks for attention. ``pointers`` lead into the source's document (into
    the definition, where an exporter speaks).
    """

    kind: NoteKind
    code: str
    message: str
    pointers: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "code": self.code,
            "message": self.message,
            "pointers": list(self.pointers),
        }


@dataclass(frozen=True, slots=True)
class Imported:
    """One entry of a source: its definition, or the problem that keeps it from being one.

    ``at`` is its pointer in the document, ``title`` what the source calls it. ``problem_at``
    points at what is wrong. ``is_part`` says that another entry holds it, so that it is
    probably no tool of its own.
    """

    at: str
    title: str
    spec: ToolSpec | None = None
    notes: tuple[Note, ...] = ()
    problem: str = ""
    problem_at: str = ""
    line: int = 1
    column: int = 1
    is_part: bool = False


@dataclass(frozen=True)
class Reading:
    """A whole source: ``format`` is a key of ``FORMATS``, "" where none was recognised.

    With a ``problem`` the source could not be read at all, at ``line`` and ``column``.
    """

    format: str
    items: tuple[Imported, ...] = ()
    notes: tuple[Note, ...] = ()
    problem: str = ""
    line: int = 1
    column: int = 1


@dataclass
class Notes:
    """Notes being gathered: one a code and message, with all of its places."""

    found: dict[tuple[NoteKind, str, str], list[str]] = field(default_factory=dict)

    def add(self, kind: NoteKind, code: str, message: str, *pointers: str) -> None:
        places = self.found.setdefault((kind, code, message), [])
        places += [pointer for pointer in pointers if pointer not in places]

    def merge(self, notes: Iterable[Note]) -> None:
        for note in notes:
            self.add(note.kind, note.code, note.message, *note.pointers)

    def __bool__(self) -> bool:
        return bool(self.found)

    def to_tuple(self) -> tuple[Note, ...]:
        """Those lost first, then in the order in which they were found."""
        notes = [Note(*key, tuple(places)) for key, places in self.found.items()]
        return tuple(sorted(notes, key=lambda note: NOTE_KINDS.index(note.kind)))


class CannotRead(Exception):
    """A source that cannot be read as a whole; the text says why and what to do."""

    def __init__(self, detail: str, pointer: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(detail)
        self.detail, self.pointer, self.line, self.column = detail, pointer, line, column


def tell_repeats(items: Sequence[Imported]) -> tuple[Imported, ...]:
    """Entries whose name an earlier one has: equal ones are dropped with a note, others refused."""
    first: dict[str, int] = {}
    kept: list[Imported] = []
    for item in items:
        at = first.get(item.spec.name) if item.spec else None
        if item.spec is None or at is None:
            if item.spec:
                first[item.spec.name] = len(kept)
            kept.append(item)
            continue
        earlier = kept[at]
        if earlier.spec == item.spec:
            notes = Notes()
            notes.merge(earlier.notes)
            notes.add("told", "repeated", "The same definition occurs again", item.at)
            kept[at] = replace(earlier, notes=notes.to_tuple())
        else:
            problem = f"The entry at {earlier.at or 'the beginning'} has this name already"
            kept.append(replace(item, spec=None, problem=problem, problem_at=item.at))
    return tuple(kept)
