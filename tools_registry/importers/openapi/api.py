"""What all operations of a document share: its version, its references, its credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools_registry.dialects import UnreadableTool
from tools_registry.importers.extraction import MISSING, look_up, target_of
from tools_registry.importers.items import CannotRead

METHODS = frozenset(["get", "put", "post", "delete", "options", "head", "patch", "trace"])
_MOST_HOPS = 30
# Headers that the specification says a parameter must not describe.
_IGNORED_HEADERS = frozenset(["accept", "content-type", "authorization"])
_CREDENTIALS = frozenset(
    ["token", "accesstoken", "apikey", "xapikey", "xauthtoken", "authtoken", "authorization"]
)
_SAYS_CREDENTIAL = re.compile(r"authenticat|authori[sz]|api key|bearer|access token", re.IGNORECASE)


@dataclass(frozen=True)
class Api:
    """``version`` is (2, 0), (3, 0), (3, 1)…; ``keys`` are the names and places of its API keys."""

    value: Mapping[str, Any]
    version: tuple[int, int]
    keys: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Api:
        """Raises ``CannotRead`` for a version that is not known."""
        key = "openapi" if "openapi" in value else "swagger"
        match = re.match(r"(\d)\.(\d+)", str(value[key]))
        version = (int(match[1]), int(match[2])) if match else (0, 0)
        if version != (2, 0) and version[0] != 3:
            named = str(value[key])[:20]
            raise CannotRead(
                f"OpenAPI {named} is not known: give 3.0, 3.1 or Swagger 2.0", f"/{key}"
            )
        return cls(value, version, frozenset(_find_keys(value)))

    @property
    def is_json_schema(self) -> bool:
        """Whether its schemas are JSON Schema as it is, which began with 3.1."""
        return self.version >= (3, 1)

    def resolve(self, part: Any, at: str) -> tuple[Mapping[str, Any], str]:
        """An object behind its references, and where it stands. Raises ``UnreadableTool``."""
        for _ in range(_MOST_HOPS):
            if not isinstance(part, Mapping):
                raise UnreadableTool(at, "This is no object")
            if "$ref" not in part:
                return part, at
            target = target_of(part["$ref"], at)
            part, at = look_up(self.value, target), target
            if part is MISSING:
                raise UnreadableTool(at, f"#{target} leads nowhere in this document")
        raise UnreadableTool(at, "Its references lead in a circle")

    def is_credential(self, parameter: Mapping[str, Any]) -> bool:
        """Whether the application authenticates with a parameter, which is no model's business."""
        name, place = str(parameter.get("name", "")), str(parameter.get("in", ""))
        plain = re.sub(r"[^a-z]", "", name.casefold())
        if place == "header" and name.casefold() in _IGNORED_HEADERS:
            return True
        if (name, place) in self.keys:
            return True
        if plain not in _CREDENTIALS:
            return False
        said = _SAYS_CREDENTIAL.search(str(parameter.get("description", "")))
        return place in ("header", "cookie") or said is not None


def _find_keys(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    components = value.get("components")
    schemes = (
        components.get("securitySchemes")
        if isinstance(components, Mapping)
        else value.get("securityDefinitions")
    )
    for scheme in schemes.values() if isinstance(schemes, Mapping) else ():
        if isinstance(scheme, Mapping) and scheme.get("type") == "apiKey":
            yield str(scheme.get("name")), str(scheme.get("in"))
