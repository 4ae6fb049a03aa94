"""What the parts of a policy have in common: they are frozen values, and know all their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Pointer = Annotated[str, Field(max_length=500)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a policy: a pointer into its JSON, and the reason."""

    pointer: str
    reason: str

    def to_json(self) -> dict[str, str]:
        return {"pointer": self.pointer, "reason": self.reason}


class BadPolicy(ValueError):
    """A policy that cannot be used; ``problems`` says where and why, the text tells the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(f"{first.pointer or 'The policy'}: {first.reason}")
