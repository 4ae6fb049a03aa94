"""The body of ``POST /api/v1/execute``: that of the gate, for one call or all of a turn."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from tools_registry import gate

MOST_CALLS = 128
LONGEST_MS = 600_000
_Name = Annotated[str, Field(max_length=256)]
_Pair = Annotated[list[_Name], Field(min_length=2, max_length=2)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Call(_Part):
    """``arguments`` as the model wrote them, or parsed. ``confirmation`` is the token that a
    held call was given, sent back once a person agreed."""

    id: _Name = ""
    label: _Name = ""
    tool: _Name = Field(min_length=1)
    version: StrictInt | None = Field(default=None, ge=1)
    arguments: str | dict[str, Any]
    confirmation: str = Field(default="", max_length=1_000)


class Context(gate.Context):
    """Beside what the gate takes, the conversation by which budgets are counted."""

    conversation: str = Field(default="", max_length=300)


class Steps(_Part):
    """What is done; each may be switched off."""

    route: StrictBool = True
    is_validated: StrictBool = Field(default=True, alias="validate")
    bound: StrictBool = True
    cache: StrictBool = True
    execute: StrictBool = True


class Changes(_Part):
    """How the plan is changed: pairs of who waits and for whom, by the calls' ids."""

    add: list[_Pair] = Field(default=[], max_length=1_000)
    remove: list[_Pair] = Field(default=[], max_length=1_000)


class Order(_Part):
    """Either ``calls``, or the fields of one call."""

    calls: list[Call] = Field(default=[], max_length=MOST_CALLS)
    context: Context = Context()
    router: str = Field(default="", max_length=80)
    router_version: StrictInt | None = Field(default=None, ge=1)
    steps: Steps = Steps()
    plan: Changes = Changes()
    deadline_ms: StrictInt = Field(default=60_000, ge=1, le=LONGEST_MS)

    @model_validator(mode="before")
    @classmethod
    def _take_one(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "tool" not in value or "calls" in value:
            return value
        names = Call.model_fields.keys()
        one = {name: value[name] for name in names if name in value}
        return {**{name: value[name] for name in value if name not in names}, "calls": [one]}

    @model_validator(mode="after")
    def _name_calls(self) -> Self:
        """Every call has an id of its own."""
        if not self.calls:
            raise PydanticCustomError("no_call", "Name a tool, or send calls")
        for number, call in enumerate(self.calls, 1):
            call.id = call.id or f"call_{number}"
        if len({call.id for call in self.calls}) < len(self.calls):
            raise PydanticCustomError("id_twice", "Two calls have the same id")
        return self
