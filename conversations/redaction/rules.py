"""Rules as they are written, compiled into one value that finds and replaces in texts.

Patterns run in RE2, whose time is linear in the text whatever the pattern is.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import re2  # type: ignore[import-untyped]

from conversations.redaction import builtin
from conversations.redaction.pointers import BadPointer, Pointer, read_pointer

Kind = Literal["builtin", "pattern", "pointer"]
Counts = dict[str, int]
"""How many places each rule changed, by its name."""
Find = Callable[[str], Iterator[builtin.Span]]

LONGEST = 500
"""Characters of a rule's value; a replacement may have a fifth of it."""
_LONGEST_REPLACEMENT = 100
_MOST_CLEAN = 50_000
_PASSES = 50
"""Each pass leaves less to find; the second finds nothing, but for patterns made to."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_PSEUDONYM = "redacted-[0-9a-f]{20}"


@dataclass(frozen=True, slots=True)
class Builtin:
    """A rule that is there to be switched on: what it finds, what stands in its place."""

    label: str
    replacement: str
    find: Find | None
    in_ids: bool = True
    """Whether it also looks at ids of conversations, turns and users."""


BUILTINS: dict[str, Builtin] = {
    "email": Builtin("E-mail addresses", "[email]", builtin.find_emails),
    "card": Builtin("Payment card numbers", "[card]", builtin.find_cards, in_ids=False),
    "phone": Builtin("Telephone numbers", "[phone]", builtin.find_phones),
    "user": Builtin("User ids", "", None),
}


class BadRule(ValueError):
    """A rule that cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``value`` is the name of a built-in rule, a pattern in RE2's syntax, or a pointer."""

    name: str
    kind: Kind
    value: str
    replacement: str = "[redacted]"


@dataclass(frozen=True, slots=True)
class _Finder:
    name: str
    replacement: str
    find: Find
    in_ids: bool


@dataclass(frozen=True, slots=True)
class _Match:
    start: int
    end: int
    order: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """The enabled rules of a project. ``salt`` keeps pseudonyms apart between projects."""

    finders: tuple[_Finder, ...] = ()
    pointers: tuple[Pointer, ...] = ()
    hides_users: str = ""
    """The name of the rule that hides user ids, "" without one."""
    salt: bytes = b""
    _kept: re.Pattern[str] | None = field(default=None, compare=False)
    """Matches the replacements: what was put in by a rule is not looked at again."""

    _clean: set[int] = field(default_factory=set, compare=False, repr=False)
    """Hashes of texts in which nothing was found: histories are sent again with every turn."""

    def __bool__(self) -> bool:
        return bool(self.finders or self.pointers or self.hides_users)

    def is_clean(self, text: str) -> bool:
        """Whether nothing was found in this very text lately."""
        return hash(text) in self._clean

    def note_clean(self, text: str) -> None:
        if len(self._clean) >= _MOST_CLEAN:
            self._clean.clear()
        self._clean.add(hash(text))

    def touches(self, text: str) -> bool:
        """Whether a rule finds anything in the text as it stands, beside replacements."""
        return bool(self._find_all(text))

    def replace(self, text: str, counts: Counts) -> str:
        """The text with all that the rules find replaced; what they do not find stays as it is."""
        for _ in range(_PASSES):
            matches = self._find_all(text)
            if not matches:
                break
            parts, at = [], 0
            for match in matches:
                parts += [text[at : match.start], self.finders[match.order].replacement]
                at = match.end
                for name in match.names:
                    counts[name] = counts.get(name, 0) + 1
            text = "".join([*parts, text[at:]])
        return text

    def split(self, text: str) -> list[tuple[str, bool]]:
        """The text in pieces, each with whether it is a replacement."""
        pieces, at = [], 0
        for match in self._kept.finditer(text) if self._kept else ():
            pieces += [(text[at : match.start()], False), (match[0], True)]
            at = match.end()
        return [piece for piece in [*pieces, (text[at:], False)] if piece[0]]

    def _find_all(self, text: str) -> list[_Match]:
        """Matches outside replacements, in order; those that overlap made one."""
        found = [
            _Match(*span, order, (finder.name,))
            for order, finder in enumerate(self.finders)
            for span in finder.find(text)
        ]
        if not found:
            return []
        kept = [match.span() for match in self._kept.finditer(text)] if self._kept else []
        found = [match for match in found if not _lies_in(match, kept)]
        if not found:
            return []
        # A match that reaches into a replacement takes all of it with it.
        held = [_Match(*span, len(self.finders), ()) for span in kept]
        merged = _merge(sorted([*found, *held], key=lambda match: (match.start, match.end)))
        return [match for match in merged if match.names]

    def pseudonym(self, identity: str) -> str:
        """A stand-in for an id: the same one for the same id, so that joins still work."""
        if re.fullmatch(_PSEUDONYM, identity):
            return identity
        digest = hmac.new(self.salt, identity.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"redacted-{digest.hexdigest()[:20]}"

    def hide_id(self, identity: str, counts: Counts) -> str:
        """The id, or its pseudonym where a rule finds something in it."""
        for finder in self.finders:
            if finder.in_ids and any(True for _ in finder.find(identity)):
                hidden = self.pseudonym(identity)
                if hidden != identity:
                    counts[finder.name] = counts.get(finder.name, 0) + 1
                return hidden
        return identity

    def hide_user(self, user: str, counts: Counts) -> str:
        """The user id as it is stored: a pseudonym by its own rule, or by what is in it."""
        if not (user and self.hides_users):
            return self.hide_id(user, counts)
        hidden = self.pseudonym(user)
        if hidden != user:
            counts[self.hides_users] = counts.get(self.hides_users, 0) + 1
        return hidden


NO_RULES = Rules()


def _lies_in(match: _Match, spans: Iterable[builtin.Span]) -> bool:
    return any(start <= match.start and match.end <= end for start, end in spans)


def _merge(matches: Iterable[_Match]) -> list[_Match]:
    merged: list[_Match] = []
    for match in matches:
        if merged and match.start < merged[-1].end:
            last = merged[-1]
            names = tuple(dict.fromkeys((*last.names, *match.names)))
            end, order = max(last.end, match.end), min(last.order, match.order)
            merged[-1] = _Match(last.start, end, order, names)
        else:
            merged.append(match)
    return merged


def compile_rules(rules: Iterable[Rule], *, salt: bytes = b"") -> Rules:
    """Rules ready to use. Raises ``BadRule`` for the first that cannot be used."""
    finders: list[_Finder] = []
    pointers: list[Pointer] = []
    hides_users = ""
    replacements = set()
    for rule in rules:
        replacement = rule.replacement
        if rule.kind != "builtin" or rule.value != "user":
            replacements.add(_check_replacement(replacement))
        if rule.kind == "pointer":
            pointers.append(_read_pointer(rule))
        elif rule.kind == "pattern":
            finders.append(_Finder(rule.name, replacement, _pattern_finder(rule.value), True))
        elif rule.value not in BUILTINS:
            raise BadRule(f"There is no built-in rule {rule.value}.")
        elif find := BUILTINS[rule.value].find:
            finders.append(_Finder(rule.name, replacement, find, BUILTINS[rule.value].in_ids))
        else:
            hides_users = rule.name
    longest_first = sorted(map(re.escape, replacements), key=len, reverse=True)
    kept = re.compile("|".join([*longest_first, _PSEUDONYM]))
    return Rules(tuple(finders), tuple(pointers), hides_users, salt, kept)


def _check_replacement(text: str) -> str:
    if not text or len(text) > _LONGEST_REPLACEMENT:
        raise BadRule(f"Give a replacement of 1 to {_LONGEST_REPLACEMENT} characters.")
    if re.search(r'["\\\x00-\x1f\ud800-\udfff]', text):
        raise BadRule("A replacement has no quotation marks, backslashes or line breaks.")
    return text


def _read_pointer(rule: Rule) -> Pointer:
    try:
        return read_pointer(rule.name, rule.value, rule.replacement)
    except BadPointer as error:
        raise BadRule(str(error)) from None


def _pattern_finder(pattern: str) -> Find:
    """A finder for an RE2 pattern; it never matches nothing."""
    if not pattern or len(pattern) > LONGEST:
        raise BadRule(f"Give a pattern of 1 to {LONGEST} characters.")
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise BadRule(
            f"RE2 cannot read the pattern: {said}. It has no look-around and no back-references."
        ) from None
    if compiled.search("") is not None:
        raise BadRule("The pattern matches where there is nothing. Make it ask for a character.")

    def find(text: str) -> Iterator[builtin.Span]:
        try:
            matches = compiled.finditer(text)
            yield from (match.span() for match in matches if match.end() > match.start())
        except UnicodeEncodeError:
            yield from find(_SURROGATE.sub("\ufffd", text))

    return find
