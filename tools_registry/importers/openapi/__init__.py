"""OpenAPI 3.0 and 3.1, and Swagger 2.0: each operation as a tool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tools_registry.dialects import UnreadableTool
from tools_registry.importers.documents import Document
from tools_registry.importers.items import CannotRead, Imported
from tools_registry.importers.openapi.api import METHODS, Api
from tools_registry.importers.openapi.operations import read_operation
from tools_registry.importers.wire import refuse
from tools_registry.validation.pointers import append


def fits(value: Any) -> bool:
    return isinstance(value, Mapping) and ("openapi" in value or "swagger" in value)


def count(value: Mapping[str, Any]) -> int:
    """How many operations a document has."""
    paths = value.get("paths")
    items = paths.values() if isinstance(paths, Mapping) else ()
    return sum(len(METHODS & item.keys()) for item in items if isinstance(item, Mapping))


def read(document: Document) -> Iterator[Imported]:
    """Each operation of a document. Raises ``CannotRead`` for an unknown version."""
    api = Api.of(document.value)
    paths = document.value.get("paths")
    if not isinstance(paths, Mapping):
        raise CannotRead("It has no paths, and so no operations", "/paths")
    taken: set[str] = set()
    for path, item in paths.items():
        at = append("/paths", path)
        try:
            item, at = api.resolve(item, at)
        except UnreadableTool as error:
            yield refuse(document, at, str(path), error.detail, error.pointer)
            continue
        for method in (key for key in item if key in METHODS):
            yield _read(document, api, str(path), method, item, at, taken)


def _read(
    document: Document,
    api: Api,
    path: str,
    method: str,
    item: Mapping[str, Any],
    at: str,
    taken: set[str],
) -> Imported:
    title, place = f"{method.upper()} {path}", append(at, method)
    try:
        return read_operation(document, api, path, method, item, at, taken)
    except UnreadableTool as error:
        return refuse(document, place, title, error.detail, error.pointer)
    except RecursionError:
        return refuse(document, place, title, "Its schemas are nested too deep")
