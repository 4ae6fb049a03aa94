"""A text that arrives in fragments: joined when asked for, linear however it was cut."""

from __future__ import annotations

_FOLDED_AT = 512


class Fragments:
    """Small pieces are folded into larger ones now and then: each costs more than its text."""

    def __init__(self) -> None:
        self._folded: list[str] = []
        self._pieces: list[str] = []
        self.length = 0

    def append(self, piece: str) -> None:
        self._pieces.append(piece)
        self.length += len(piece)
        if len(self._pieces) == _FOLDED_AT:
            self._folded.append("".join(self._pieces))
            self._pieces.clear()

    def joined(self) -> str:
        if self._pieces or len(self._folded) > 1:
            self._folded = ["".join([*self._folded, *self._pieces])]
            self._pieces.clear()
        return self._folded[0] if self._folded else ""


class SurrogateMender:
    """Puts surrogate pairs together again that were cut between two fragments.

    Some providers cut their UTF-16 text inside a character, so each half arrives as an escape
    of its own. A half that stays alone becomes U+FFFD, and ``unpaired`` is set.
    """

    def __init__(self) -> None:
        self._high = ""
        self.unpaired = False

    def mend(self, piece: str) -> str:
        if piece.isascii() and not self._high:
            return piece
        piece = self._high + piece
        self._high = ""
        if "\ud800" <= piece[-1:] <= "\udbff":
            piece, self._high = piece[:-1], piece[-1]
        try:
            piece.encode()
        except UnicodeEncodeError:
            return self._pair(piece)
        return piece

    def finish(self) -> str:
        """What is left over at the end: a half character, or nothing."""
        rest, self._high = self._high, ""
        return self._pair(rest) if rest else ""

    def _pair(self, piece: str) -> str:
        paired = piece.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        self.unpaired |= "\ufffd" in paired and "\ufffd" not in piece
        return paired
