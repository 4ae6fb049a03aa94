"""The list of misspellings of `typos` (crate-ci, MIT or Apache-2.0), asked as a program.

Its wheel brings one binary without a Python interface. It is run without a shell and with a
time limit; what it answered is kept, as a process costs more than the look-up.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from tools_registry.lint import Dictionary

_SECONDS = 10
_MOST_KEPT = 50_000
# Right as names of parameters, although the list has them.
_RIGHT = frozenset(["ttest", "dota", "yoy", "nd", "ba", "fo"])
_kept: dict[str, tuple[str, ...] | None] = {}


class NoDictionary(RuntimeError):
    """The binary is absent, failed or took too long; the text says the cure."""


def corrections(words: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Of some words those that are misspelled, with their corrections in lower case.

    Raises ``NoDictionary``.
    """
    wanted = {word.casefold() for word in words if word.isascii() and word.isalpha()}
    unknown = sorted(wanted - _kept.keys() - _RIGHT)
    if unknown:
        if len(_kept) > _MOST_KEPT:
            _kept.clear()
        found = _ask(unknown)
        _kept.update({word: found.get(word) for word in unknown})
    answers = {word: _kept.get(word.casefold()) for word in words}
    return {word: answer for word, answer in answers.items() if answer is not None}


def _ask(words: list[str]) -> dict[str, tuple[str, ...]]:
    command = [_binary(), "--isolated", "--format", "json", "--color", "never", "-"]
    try:
        ended = subprocess.run(
            command,
            input="\n".join(words).encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoDictionary(f"typos cannot be asked: {error}") from error
    # 0 is no misspelling, 2 is some.
    if ended.returncode not in (0, 2):
        said = ended.stderr.decode(errors="replace").strip()[:200]
        raise NoDictionary(f"typos ended with {ended.returncode}: {said}")
    answers = (json.loads(line) for line in ended.stdout.splitlines())
    return {
        words[answer["line_num"] - 1]: tuple(map(str.casefold, answer["corrections"]))
        for answer in answers
        if answer.get("type") == "typo"
    }


@cache
def _binary() -> str:
    beside = Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))
    found = next(filter(None, (shutil.which("typos", path=str(at)) for at in beside)), None)
    found = found or shutil.which("typos")
    if found is None:
        raise NoDictionary("typos is not installed: pip install -r requirements.txt")
    return found


def dictionary(words: Collection[str] = ()) -> Dictionary:
    """The dictionary that everything here uses, with a project's own words."""
    return Dictionary(frozenset(word.casefold() for word in words), corrections)
