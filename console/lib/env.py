"""Settings from the environment: every name may also be given as ``NAME_FILE``, a file's path."""

from __future__ import annotations

import os
from pathlib import Path


class BadSetting(Exception):
    """A variable whose text is not of the form that it must have; the text says the cure."""


def text(name: str, default: str = "") -> str:
    """The variable's text, or that of the file that ``NAME_FILE`` names, stripped."""
    if name in os.environ:
        return os.environ[name].strip()
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise BadSetting(f"{name}_FILE names {path}, which cannot be read: {error}") from error
    return default


def flag(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if value:
        raise BadSetting(f"{name} is {value!r}; use true or false")
    return default


def integer(name: str, default: int, *, least: int | None = None) -> int:
    value = text(name)
    try:
        number = int(value) if value else default
    except ValueError as error:
        raise BadSetting(f"{name} is {value!r}; use a whole number") from error
    if least is not None and number < least:
        raise BadSetting(f"{name} is {number}; use {least} or more")
    return number


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A comma-separated list; empty entries are left out."""
    value = text(name)
    return [word.strip() for word in value.split(",") if word.strip()] if value else list(default)
