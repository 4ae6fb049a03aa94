"""RouterSpec: which tools are offered for which input, as a pure value with an identity.

Identity is the SHA-256 of the canonical JSON of what is not left at its default, as with
``ToolSpec`` and ``PolicySpec``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from tools_registry import canonical
from tools_registry.policies.parts import Problem
from tools_registry.validation import pointers

_Name = Annotated[str, Field(min_length=1, max_length=80)]
_Tool = Annotated[str, Field(min_length=1, max_length=256)]
_Word = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\w")]


class BadRouter(ValueError):
    """A router that cannot be used; ``problems`` says where and why, the text tells the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(f"{first.pointer or 'The router'}: {first.reason}")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Group(_Part):
    """The tools of one domain; the classifier reads the description."""

    name: _Name
    description: str = Field(default="", max_length=1_000)
    tools: tuple[_Tool, ...] = Field(default=(), max_length=500)


class Keyword(_Part):
    """Words of which one in the input is enough to offer these groups and tools.

    A word is met as a whole, without regard to case; ``cancel*`` also meets what begins so,
    and a phrase is met where its words follow each other.
    """

    words: tuple[_Word, ...] = Field(min_length=1, max_length=200)
    groups: tuple[_Name, ...] = Field(default=(), max_length=50)
    tools: tuple[_Tool, ...] = Field(default=(), max_length=500)


class Classifier(_Part):
    """A model that names the groups that fit. ``connection`` is a connection's name.

    A group is offered from the score ``least`` on (0 to 1), the ``most`` best at the most.
    """

    connection: _Name
    model: str = Field(default="", max_length=200)
    instructions: str = Field(default="", max_length=4_000)
    most: StrictInt = Field(default=1, ge=1, le=20)
    least: float = Field(default=0.5, ge=0, le=1)


class RouterSpec(_Part):
    """One router, which reads the user's last message.

    ``otherwise`` says what is offered where neither a word nor the classifier
    names a group: all tools, those of a group, or none. ``always`` are offered with any input,
    and so are tools of no group unless ``ungrouped`` is ``hold``."""

    groups: tuple[Group, ...] = Field(default=(), max_length=50)
    keywords: tuple[Keyword, ...] = Field(default=(), max_length=200)
    classifier: Classifier | None = None
    always: tuple[_Tool, ...] = Field(default=(), max_length=500)
    otherwise: str = Field(default="all", max_length=80)
    ungrouped: Literal["offer", "hold"] = "offer"

    @classmethod
    def from_json(cls, data: Any) -> RouterSpec:
        """Read a router's JSON. Raises ``BadRouter`` for one that cannot be used."""
        try:
            spec = cls.model_validate(data)
        except ValidationError as error:
            raise BadRouter([_tell(one) for one in error.errors()]) from None
        if problems := list(_find_problems(spec)):
            raise BadRouter(problems)
        return spec

    def to_json(self) -> dict[str, Any]:
        """The router as it is stored: what is not left at its default."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(canonical.dumps(self.to_json())).hexdigest()

    def groups_of(self, tool: str) -> list[str]:
        """The names of the groups that hold a tool."""
        return [group.name for group in self.groups if tool in group.tools]


def _find_problems(spec: RouterSpec) -> Iterator[Problem]:
    names = Counter(group.name for group in spec.groups)
    for index, group in enumerate(spec.groups):
        if names[group.name] > 1:
            yield Problem(f"/groups/{index}/name", f"{group.name} names more than one group")
        if group.name in ("all", "none"):
            yield Problem(f"/groups/{index}/name", f"{group.name} is a word of otherwise here")
    for index, keyword in enumerate(spec.keywords):
        if not keyword.groups and not keyword.tools:
            yield Problem(f"/keywords/{index}", "name the groups or tools that the words offer")
        for place, name in enumerate(keyword.groups):
            if name not in names:
                yield Problem(f"/keywords/{index}/groups/{place}", f"there is no group {name}")
    if spec.otherwise not in ("all", "none", *names):
        yield Problem("/otherwise", f"there is no group {spec.otherwise}; say all, none or a group")
    if spec.classifier and not spec.groups:
        yield Problem("/classifier", "a classifier chooses among groups, and there are none")


def _tell(error: Any) -> Problem:
    """An error of pydantic in our words."""
    path = error["loc"]
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = f"{path[-1]} is no part of a router here"
    return Problem(pointers.of(path), message)
