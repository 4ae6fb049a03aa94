"""Near misses: which declared name was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz.distance import OSA

_SEPARATOR = re.compile(r"[\W_]+")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def near(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that ``name`` is a slip of, or None.

    First those that differ only in case, separators or the order of words; then by optimal
    string alignment distance, at most one edit in four characters and four in all. Names of
    three characters and fewer are never guessed.
    """
    options = [option for option in dict.fromkeys(candidates) if option != name]
    if not options:
        return None
    wanted = _fold(name)
    for form in (_fold, _sorted_words) if wanted else ():
        form_of_name = form(name)
        for option in options:
            if form(option) == form_of_name:
                return option
    if len(wanted) <= 3:
        return None
    limit = min(4, max(1, len(wanted) // 4))
    ranked = [
        (_distance(wanted, _fold(option), limit), index) for index, option in enumerate(options)
    ]
    best = min(ranked, default=(limit + 1, 0))
    return options[best[1]] if best[0] <= limit else None


def _distance(first: str, second: str, limit: int) -> int:
    if len(second) <= 3:
        return limit + 1
    return int(OSA.distance(first, second, score_cutoff=limit))


# Declared names are few and asked for again and again.
@lru_cache(maxsize=4096)
def _fold(name: str) -> str:
    return _SEPARATOR.sub("", name.casefold())


@lru_cache(maxsize=4096)
def _sorted_words(name: str) -> str:
    words = _SEPARATOR.split(_WORD.sub("_", name).casefold())
    return " ".join(sorted(filter(None, words)))
