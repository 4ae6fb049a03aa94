"""Values as columns hold them, and rows in by COPY: whole batches, no round trip a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from console.lib import json
from console.lib.fields import to_stored
from conversations.ingest.store.prepared import CallState
from tools_registry.validation.findings import Finding

MARK = "\uf8ff"


def json_text(value: Any) -> str:
    """JSON text as a column holds it: of what columns cannot hold it has the mark alone."""
    text = json.dump(value)
    return to_stored(text) if MARK in text else text


def array_text(values: Iterable[Any]) -> str:
    """An array as PostgreSQL writes it, of whatever type it is then cast to. psycopg's own way
    costs more than the statement."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    text = str(value)
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def arrays_of(rows: Iterable[Sequence[Any]]) -> list[str]:
    """The columns of rows of equal length, one array each."""
    return [array_text(column) for column in zip(*rows, strict=True)]


def findings_text(findings: Sequence[Finding]) -> str:
    return json_text([finding.to_json() for finding in findings]) if findings else "[]"


def layers_text(call: CallState) -> str:
    """The layers as JSON of the database, which has no NUL either."""
    noted = ({**layer, "note": to_stored(layer["note"])} for layer in call.layers)
    return json.dump([*noted] if any(layer["note"] for layer in call.layers) else call.layers)


def copy_in(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row(row)
