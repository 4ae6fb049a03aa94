"""Argument text laid out for reading: lines of tokens, each finding at the line it speaks of.

Nothing is re-written: every token is the text that arrived, only white space between tokens
changes. Text that is cut is laid out as far as it goes, text that is no JSON is left as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tools_registry.validation import pointers
from tools_registry.validation.findings import Finding

LONGEST = 65_536
"""Characters; longer text is shown raw."""

Kind = Literal["k", "s", "nn", "pu", "tx"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?$)|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)


@dataclass(slots=True)
class Token:
    """``kind`` is its class: key, string, number or word, punctuation, other text."""

    kind: Kind
    text: str
    pointer: str
    start: int
    marked: bool = False


@dataclass(slots=True)
class Line:
    """One line. ``absent`` is the name of a parameter that should stand here and does not."""

    depth: int
    tokens: list[Token] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    absent: str | None = None

    @property
    def indent(self) -> str:
        return "  " * self.depth

    @property
    def severity(self) -> str:
        """The class of the line's ground: hit, hit-w, or "" where nothing was found."""
        if any(finding.severity == "rejected" for finding in self.findings):
            return "hit"
        return "hit-w" if self.findings else ""

    @property
    def text(self) -> str:
        return self.indent + "".join(token.text for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Layout:
    """``general`` are the findings that speak of no place in the text."""

    lines: list[Line]
    general: list[Finding]


def lay_out(text: str, findings: Iterable[Finding] = ()) -> Layout:
    """Lines of ``text`` with each finding under its line, or under the nearest that exists."""
    if len(text) > LONGEST:
        return Layout([], list(findings))
    tokens = tokenise(text)
    is_json = text.lstrip().startswith(("{", "[")) and all(token.kind != "tx" for token in tokens)
    lines = break_lines(tokens) if is_json else _keep_lines(text)
    general = [finding for finding in findings if not _place(finding, lines)]
    return Layout(lines, general)


def tokenise(text: str) -> list[Token]:
    """The tokens of JSON text, each with the pointer of what it belongs to."""
    tokens: list[Token] = []
    stack: list[_Container] = []
    for match in _TOKEN.finditer(text):
        piece = match[0]
        top = stack[-1] if stack else None
        if piece in "}]":
            closed = stack.pop() if stack else None
            tokens.append(Token("pu", piece, closed.pointer if closed else "", match.start()))
        elif piece in "{[":
            pointer = top.here if top else ""
            tokens.append(Token("pu", piece, pointer, match.start()))
            stack.append(_Container(pointer, is_object=piece == "{"))
        elif piece in ",:":
            tokens.append(Token("pu", piece, top.here if top else "", match.start()))
            if top:
                top.pass_mark(piece)
        else:
            tokens.append(_read_value(piece, top, match.start()))
    return tokens


@dataclass(slots=True)
class _Container:
    pointer: str
    is_object: bool
    key: str | None = None
    index: int = 0
    at_key: bool = True

    @property
    def here(self) -> str:
        if not self.is_object:
            return f"{self.pointer}/{self.index}"
        return self.pointer if self.key is None else pointers.append(self.pointer, self.key)

    def pass_mark(self, mark: str) -> None:
        if mark == ":":
            self.at_key = False
        else:
            self.key, self.at_key, self.index = None, True, self.index + 1


def _read_value(piece: str, top: _Container | None, start: int) -> Token:
    if top and top.is_object and top.at_key and piece.startswith('"'):
        top.key = _decode(piece)
        return Token("k", piece, top.here, start)
    kind: Kind = "s" if piece.startswith('"') else "nn" if _is_word(piece) else "tx"
    return Token(kind, piece, top.here if top else "", start)


def _is_word(piece: str) -> bool:
    return piece in ("true", "false", "null") or piece[0] in "-0123456789"


def _decode(piece: str) -> str:
    try:
        return str(json.loads(piece, strict=False))
    except ValueError:  # cut within the key
        return piece.strip('"')


def _keep_lines(text: str) -> list[Line]:
    """The lines of text that is no JSON, as they came."""
    return [Line(0, [Token("tx", line, "", 0)]) for line in text.split("\n")]


def break_lines(tokens: Sequence[Token]) -> list[Line]:
    """One member a line, two spaces a level, empty containers closed on their own line."""
    lines = [Line(0)]
    depth, before = 0, ""
    for token in tokens:
        piece = token.text
        closes, opened = piece in "}]" and token.kind == "pu", before in ("{", "[")
        if closes:
            depth = max(depth - 1, 0)
        if (closes and not opened) or (not closes and (opened or before == ",")):
            lines.append(Line(depth))
        if before == ":":
            token.text = f" {piece}"
        lines[-1].tokens.append(token)
        if piece in "{[" and token.kind == "pu":
            depth += 1
        before = piece if token.kind == "pu" else ""
    return lines


def _place(finding: Finding, lines: list[Line]) -> bool:
    """Put the finding under its line and mark its token; False where it speaks of no place."""
    if not finding.pointer:
        return False
    found = _find(finding.pointer, lines, last=finding.code == "duplicate_key")
    if found is None and finding.code == "missing_required":
        _place_absent(finding, lines)
        return True
    pointer = finding.pointer
    while found is None and "/" in pointer:
        pointer = pointer.rpartition("/")[0]
        found = _find(pointer, lines)
    if found is None:
        return False
    line, token = found
    line.findings.append(finding)
    token.marked = True
    return True


def _find(pointer: str, lines: list[Line], last: bool = False) -> tuple[Line, Token] | None:
    """The first token that belongs to ``pointer`` itself: a member's key, else its value."""
    order: Iterator[Line] = reversed(lines) if last else iter(lines)
    for line in order:
        for token in line.tokens:
            if token.pointer == pointer and token.text not in ",:":
                return line, token
    return None


def _place_absent(finding: Finding, lines: list[Line]) -> None:
    """A ghost line at the end of the object that lacks the parameter."""
    parent, _, reference = (finding.pointer or "").rpartition("/")
    at = next(
        (
            index
            for index in range(len(lines) - 1, -1, -1)
            if (first := next(iter(lines[index].tokens), None))
            and first.text == "}"
            and first.pointer == parent
        ),
        None,
    )
    if at is None:  # cut before its end, or {} on one line
        opened = _find(parent, lines)
        at = lines.index(opened[0]) + 1 if opened else len(lines)
    depth = lines[at].depth + 1 if at < len(lines) else lines[-1].depth + 1
    lines.insert(at, Line(depth, findings=[finding], absent=pointers.tokens(f"/{reference}")[0]))
