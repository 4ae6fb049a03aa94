"""What a replay changes of its cases, as a value. Pure.

The first variant of every replay is the control, ``AS_RECORDED``: it changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

Definition = Mapping[str, Any]
"""A tool as an entry of a request's ``tools``, in any provider's form."""
Tool = int | Definition
"""A tool version's key, or a definition that is not saved."""

_FIELDS = ("replaced", "added", "removed", "toolset", "policies", "router", "system_prompt",
           "model", "connection", "parameters")  # fmt: skip


class BadVariant(ValueError):
    """A variant that cannot be read; the text says which field, and how to write it."""


@dataclass(frozen=True)
class Variant:
    """What is changed; a field at its default changes nothing.

    - ``replaced``: another version or definition for the tools of these names, where offered;
    - ``added`` and ``removed``: tools offered in addition, and names no longer offered;
    - ``toolset``: exactly these tools instead of the recorded ones, before the others apply;
    - ``policies``: by tool, a policy document to judge by, None for none; else the published;
    - ``router``: a router version that chooses among the tools that are left;
    - ``system_prompt``: instead of the recorded one, "" for none;
    - ``model`` and ``connection`` (its key): who is asked;
    - ``parameters``: merged over the recorded ones, None takes one out. ``stream`` counts here
      alone: answers are asked for whole otherwise.
    """

    name: str
    replaced: Mapping[str, Tool] = field(default_factory=dict)
    added: Sequence[Tool] = ()
    removed: Sequence[str] = ()
    toolset: Sequence[Tool] | None = None
    policies: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    router: int | None = None
    system_prompt: str | None = None
    model: str = ""
    connection: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_unchanged(self) -> bool:
        """Whether it asks exactly what the control asks."""
        return all(getattr(self, name) == getattr(AS_RECORDED, name) for name in _FIELDS)

    @property
    def versions(self) -> set[int]:
        """The keys of the tool versions that it names."""
        named = [*self.replaced.values(), *self.added, *(self.toolset or ())]
        return {tool for tool in named if isinstance(tool, int)}

    def to_json(self) -> dict[str, Any]:
        changed = {
            name: getattr(self, name)
            for name in _FIELDS
            if getattr(self, name) != getattr(AS_RECORDED, name)
        }
        return {"name": self.name, **changed}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Raises ``BadVariant``."""
        if not isinstance(data, Mapping):
            raise BadVariant("A variant is an object with a name and what it changes.")
        unknown = data.keys() - {"name", *_FIELDS}
        if unknown:
            raise BadVariant(
                f"{', '.join(sorted(unknown))} is nothing that a variant changes; use"
                f" {', '.join(_FIELDS)}."
            )
        name = data.get("name")
        if not isinstance(name, str) or not name.strip():
            raise BadVariant("Give the variant a name.")
        for key, (kind, wanted) in _KINDS.items():
            if data.get(key) is not None and not isinstance(data[key], kind):
                raise BadVariant(f"{key} of the variant {name} is {wanted}.")
        if not all(isinstance(one, str) for one in data.get("removed") or ()):
            raise BadVariant(f"removed of the variant {name} is {_KINDS['removed'][1]}.")
        given = {key: data[key] for key in _FIELDS if data.get(key) is not None}
        return cls(name.strip(), **given)


_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "replaced": (Mapping, "an object of tool names with a version's key or a definition"),
    "added": (list, "an array of version keys or definitions"),
    "removed": (list, "an array of tool names"),
    "toolset": (list, "an array of version keys or definitions"),
    "policies": (Mapping, "an object of tool names with a policy document or null"),
    "router": (int, "the key of a router version"),
    "system_prompt": (str, "a text"),
    "model": (str, "a model's name"),
    "connection": (int, "the key of a connection"),
    "parameters": (Mapping, "an object"),
}

AS_RECORDED = Variant("As recorded")
"""The control."""
