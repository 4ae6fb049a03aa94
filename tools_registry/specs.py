"""ToolSpec: what a model is told of one tool, as a pure value with an identity.

Identity is the SHA-256 of the canonical JSON (RFC 8785, see ``canonical``) of the fields that
are set, so two definitions that differ only in key order or number spelling are one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tools_registry import canonical


@dataclass(frozen=True)
class ToolSpec:
    """One immutable tool definition.

    ``parameters`` and ``output_schema`` are JSON Schemas with their key order kept; ``strict``
    is True or unset, as False is every provider's default for a definition without it;
    ``annotations`` are MCP's hints (readOnlyHint, destructiveHint, idempotentHint).
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None
    output_schema: Mapping[str, Any] | None = None
    annotations: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The definition as Misfire stores it: the fields that are set, in a fixed order."""
        whole: dict[str, Any] = {
            "name": self.name,
            "description": self.description or None,
            "parameters": self.parameters,
            "strict": self.strict or None,
            "output_schema": self.output_schema,
            "annotations": self.annotations or None,
        }
        return {key: value for key, value in whole.items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ToolSpec:
        return cls(
            name=data["name"],
            description=data.get("description") or "",
            parameters=data.get("parameters"),
            strict=data.get("strict"),
            output_schema=data.get("output_schema"),
            annotations=data.get("annotations"),
        )

    @cached_property
    def canonical(self) -> bytes:
        """Canonical JSON of ``to_json()``."""
        return canonical.dumps(self.to_json())

    @cached_property
    def hash(self) -> str:
        """SHA-256 of ``canonical``, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical).hexdigest()
