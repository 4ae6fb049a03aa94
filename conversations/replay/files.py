"""Variants as people write them in files and on command lines: what has a name goes by it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from console.accounts.models import Project
from console.lib import json
from conversations.models import Connection
from conversations.replay.variants import BadVariant, Variant
from tools_registry.models import ToolVersion

_VERSION = re.compile(r"(?:(\S+) )?v([0-9]{1,9})")


def read_variant(project: Project, text: str) -> Variant:
    """A variant from a file's path, or from JSON text itself: ``Variant.to_json``.

    A tool may be ``"v8"`` (of the tool that it replaces), ``"get_weather v8"``, or a definition;
    a connection may be its name. Without a name it is called as the file. Raises ``BadVariant``.
    """
    name = ""
    if not text.lstrip().startswith("{"):
        path = Path(text)
        name = path.stem
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise BadVariant(f"{path} cannot be read: {error.strerror}.") from None
    try:
        data = json.load(text)
    except ValueError as error:
        raise BadVariant(f"The variant {name or text[:40]} is no JSON: {error}.") from None
    if isinstance(data, Mapping):
        data = _resolve(project, {"name": name, **data})
    return Variant.from_json(data)


def _resolve(project: Project, data: dict[str, Any]) -> dict[str, Any]:
    if isinstance(data.get("replaced"), Mapping):
        replaced = data["replaced"].items()
        data["replaced"] = {name: _find_tool(project, tool, name) for name, tool in replaced}
    for field in ("added", "toolset"):
        if isinstance(data.get(field), list):
            data[field] = [_find_tool(project, tool) for tool in data[field]]
    if isinstance(data.get("connection"), str):
        data["connection"] = find_connection(project, data["connection"]).pk
    return data


def _find_tool(project: Project, tool: Any, name: str = "") -> Any:
    """The key of a version that is named; anything else as it is."""
    if not isinstance(tool, str):
        return tool
    read = _VERSION.fullmatch(tool)
    if read is None:
        raise BadVariant(f'{tool} is no version of a tool; write "v8" or "get_weather v8".')
    wanted = read[1] or name
    found = ToolVersion.objects.filter(
        project=project, tool__name=wanted, number=int(read[2])
    ).first()
    if found is None:
        raise BadVariant(f"This project has no version {read[2]} of {wanted or 'that tool'}.")
    return found.pk


def find_connection(project: Project, name: str) -> Connection:
    """Raises ``BadVariant``."""
    found = Connection.objects.filter(project=project, name=name, archived_at=None).first()
    if found is None:
        raise BadVariant(f"This project has no connection {name}.")
    return found
