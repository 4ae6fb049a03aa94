"""What somebody asks to be imported: checked, kept as a row, and begun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.files.uploadedfile import UploadedFile

from console.accounts.models import Project, User
from tools_registry import tasks
from tools_registry.importers import FORMATS, CannotRead, pydantic_models
from tools_registry.importers.documents import decode
from tools_registry.imports import reading
from tools_registry.imports.models import ToolImport, drop_expired

LARGEST = 10 * 1024 * 1024
"""Bytes of a file or text."""
_AT_ONCE = 40_000
"""Characters that are read within the request; more is a worker's, with progress."""


class Refused(Exception):
    """The request cannot be begun; the text says what to do."""


def ask(
    project: Project,
    user: User,
    wanted: Mapping[str, Any],
    *,
    upload: UploadedFile[bytes] | None = None,
) -> ToolImport:
    """Begin the import that a form describes. Raises ``Refused``."""
    row = _read_form(wanted, upload)
    row.project, row.user = project, user
    drop_expired()
    row.save()
    if _is_quick(row):
        reading.prepare(str(row.pk))
        row.refresh_from_db()
    else:
        tasks.prepare_import.delay_on_commit(str(row.pk))
    return row


def _is_quick(row: ToolImport) -> bool:
    is_python = row.format == "pydantic" or (
        not row.format and pydantic_models.looks_like_models(row.text)
    )
    return row.kind == "text" and len(row.text) <= _AT_ONCE and not is_python


def _read_form(wanted: Mapping[str, Any], upload: UploadedFile[bytes] | None) -> ToolImport:
    format = str(wanted.get("format", ""))
    if format and format not in FORMATS:
        raise Refused("Choose a format of the list, or have it recognised")
    kind = wanted.get("kind")
    if kind == "url":
        return ToolImport(kind="url", source=_read_address(wanted), format=format)
    if kind == "http":
        variable = str(wanted.get("variable", "")).strip()
        if variable and not reading.may_read(variable):
            raise Refused(
                f"{variable[:100]} may not be read as a key: KEY_VARIABLES says which may"
            )
        return ToolImport(kind="http", source=_read_address(wanted), variable=variable[:200])
    if kind == "stdio":
        command = str(wanted.get("command", "")).strip()
        if not command:
            raise Refused("Choose a program of the list; MCP_COMMANDS says which may be started")
        return ToolImport(kind="stdio", source=command[:2000])
    return _read_text(wanted, upload, format)


def _read_address(wanted: Mapping[str, Any]) -> str:
    address = str(wanted.get("url", "")).strip()
    try:
        parts = urlsplit(address)
        is_complete = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_complete = False
    if not is_complete or len(address) > 2000 or "\0" in address:
        raise Refused("Give a whole address that begins with https:// or http://")
    if parts.username or parts.password:
        raise Refused("Take the user name and password out of the address: it is kept and shown")
    return address


def _read_text(
    wanted: Mapping[str, Any], upload: UploadedFile[bytes] | None, format: str
) -> ToolImport:
    text, name = str(wanted.get("text", "")), ""
    if upload is not None:
        if (upload.size or 0) > LARGEST:
            raise Refused(f"Send a file of at most {LARGEST // 1024 // 1024} MB")
        try:
            text = decode(upload.read())
        except CannotRead as error:
            raise Refused(error.detail) from error
        name = (upload.name or "").replace("\0", "")[:200]
    if not text.strip():
        raise Refused("Choose a file, or paste definitions")
    if len(text) > LARGEST:
        raise Refused(f"Send at most {LARGEST // 1024 // 1024} MB")
    return ToolImport(kind="text", source=name or "pasted text", text=text, format=format)
