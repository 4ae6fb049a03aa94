"""From a source to a plan: read where it is, recognised, and told item by item."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import sync_to_async
from django.conf import settings

from console.lib import env, json
from tools_registry import importers
from tools_registry.importers import CannotRead, Imported, mcp_servers, pydantic_models
from tools_registry.importers.documents import Document, read_document
from tools_registry.importers.fetching import fetch
from tools_registry.importers.items import tell_repeats
from tools_registry.imports.models import ToolImport
from tools_registry.imports.plan import plan

_STEP = 0.5
_CORRECTED = 200_000
"""Characters of a text that somebody may correct in the page."""


class Stopped(Exception):
    """Somebody cancelled the import."""


@dataclass
class _Progress:
    """Writes how far an import is, at most twice a second, and hears of its end."""

    row: ToolImport
    told_at: float = 0.0

    def tell(self, done: int, total: int) -> None:
        """Raises ``Stopped`` where it was cancelled."""
        now = time.monotonic()
        if now - self.told_at < _STEP:
            return
        self.told_at = now
        same = ToolImport.objects.filter(pk=self.row.pk, state="reading")
        if not same.update(done=done, total=total):
            raise Stopped

    def is_stopped(self) -> bool:
        return not ToolImport.objects.filter(pk=self.row.pk, state="reading").exists()


@dataclass(frozen=True)
class Read:
    """What a source was read as, and its items."""

    format: str
    items: tuple[Imported, ...]


def prepare(pk: str) -> str:
    """Read an import's source and plan its items; the state in which it is then."""
    row = ToolImport.objects.select_related("project").filter(pk=pk, state="reading").first()
    if row is None:
        return "gone"
    progress = _Progress(row)
    try:
        found = _read(row, progress)
        total = 2 * len(found.items)
        planned, note = plan(
            row.project,
            found.items,
            lambda done: progress.tell(len(found.items) + done, total),
        )
        items = json.dump([one.to_json() for one in planned])
        changed: dict[str, Any] = {
            "state": "ready",
            "found": found.format,
            "items": items,
            "lint_note": note,
        }
    except Stopped:
        return "cancelled"
    except CannotRead as error:
        changed = {
            "state": "failed",
            "problem": error.detail,
            "line": error.line,
            "column": error.column,
        }
    except Exception:
        broken = "Something went wrong here; the server's log says what"
        ToolImport.objects.filter(pk=pk, state="reading").update(state="failed", problem=broken)
        raise
    # What failed is shown at its line, to be corrected.
    text = row.text if changed["state"] == "failed" and len(row.text) <= _CORRECTED else ""
    same = ToolImport.objects.filter(pk=pk, state="reading")
    done = same.update(**changed, text=text, done=0, total=0)
    return str(changed["state"]) if done else "cancelled"


def _read(row: ToolImport, progress: _Progress) -> Read:
    if row.kind == "stdio":
        document = asyncio.run(mcp_servers.list_stdio(row.source, _async(progress.is_stopped)))
        return read_parsed(document, "mcp", progress.tell)
    if row.kind == "http":
        key = read_key(row.variable)
        asked = mcp_servers.list_http(row.source, key, _async(progress.is_stopped))
        return read_parsed(asyncio.run(asked), "mcp", progress.tell)
    text = fetch(row.source) if row.kind == "url" else row.text
    return read_text(
        text,
        format=row.format,
        name=name_of(row.source, row.kind),
        tell=progress.tell,
        stopped=progress.is_stopped,
    )


def _async(asked: Callable[[], bool]) -> Callable[[], Any]:
    return sync_to_async(asked)


def name_of(source: str, kind: str) -> str:
    """A file's own name, of its path or address."""
    path = urlsplit(source).path if kind == "url" else source
    return PurePosixPath(path).name


def read_text(
    text: str,
    *,
    format: str = "",
    name: str = "",
    tell: Callable[[int, int], None] = lambda done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Read:
    """All that a text defines. ``name`` is its file's. Raises ``CannotRead`` with its line."""
    if format == "pydantic" or (not format and _is_python(text, name)):
        items = pydantic_models.read(text, cancelled=stopped)
        return Read("pydantic", tell_repeats([*items]))
    return read_parsed(read_document(text), format, tell, hint=name.rpartition(".")[0] or name)


def _is_python(text: str, name: str) -> bool:
    return name.endswith(".py") or (not name and pydantic_models.looks_like_models(text))


def read_parsed(
    document: Document, format: str, tell: Callable[[int, int], None], *, hint: str = ""
) -> Read:
    try:
        found = format or importers.recognise(document)
        total = 2 * importers.count_entries(document, found)
        items = []
        for item in importers.read_items(document, found, forced=bool(format), hint=hint):
            items.append(item)
            tell(len(items), total)
        return Read(found, tell_repeats(items))
    except CannotRead as error:
        if error.line:
            raise
        raise CannotRead(error.detail, "", *document.place_of(error.pointer)) from None


def may_read(variable: str) -> bool:
    """Whether KEY_VARIABLES lets an import read this environment variable."""
    return any(fnmatchcase(variable, pattern) for pattern in settings.KEY_VARIABLES)


def read_key(variable: str) -> str:
    """The key that an environment variable holds, "" for none. Raises ``CannotRead``."""
    if not variable:
        return ""
    if not may_read(variable):
        allowed = ", ".join(settings.KEY_VARIABLES)
        raise CannotRead(f"{variable} may not be read as a key: its name must match {allowed}")
    try:
        key = env.text(variable)
    except env.BadSetting as error:
        raise CannotRead(f"{error}. Correct the path and restart") from error
    if not key:
        raise CannotRead(
            f"The environment variable {variable} is not set. Set it where the worker is started"
        )
    return key
