"""Bedrock's dialect: tools of the Converse API."""

from __future__ import annotations

from collections.abc import Mapping

from tools_registry.importers.wire import Dialect

DIALECT = Dialect(
    "bedrock", "Amazon Bedrock", lambda entry, at: isinstance(entry.get("toolSpec"), Mapping)
)
