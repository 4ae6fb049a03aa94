"""A text that arrives in fragments: joined when asked for, linear however it was cut."""

from __future__ import annotations


class Fragments:
    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.length = 0

    def append(self, piece: str) -> None:
        self._pieces.append(piece)
        self.length += len(piece)

    def joined(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""


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
