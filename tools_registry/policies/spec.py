"""PolicySpec: what is enforced for a tool, as a pure value with an identity.

Identity is the SHA-256 of the canonical JSON of what is not left at its default, as with
``ToolSpec``.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, ValidationError

from tools_registry import canonical
from tools_registry.policies.execution import Execution
from tools_registry.policies.parts import BadPolicy, Part, Pointer, Problem
from tools_registry.policies.places import pointer_of

Severity = Literal["flagged", "rejected"]
Choice = Literal["off", "flagged", "rejected"]
CONTENT = ("sql_injection", "prompt_injection", "markup", "control_characters")

LONGEST_EXPRESSION = 1_000
_Name = Annotated[str, Field(min_length=1, max_length=80)]
_Pattern = Annotated[str, Field(max_length=300)]
_Scalar = StrictBool | StrictInt | float | Annotated[str, Field(max_length=300)] | None


class Rule(Part):
    """A business rule in CEL: it must be true of a call, where ``when`` (CEL too) is."""

    name: _Name
    expression: str = Field(min_length=1, max_length=LONGEST_EXPRESSION)
    message: str = Field(default="", max_length=300)
    severity: Severity = "rejected"
    when: str = Field(default="", max_length=LONGEST_EXPRESSION)


class Confirmation(Part):
    """How a destructive call is confirmed: an argument that must hold something, or a rule."""

    argument: Pointer = ""
    rule: str = Field(default="", max_length=80)
    severity: Severity = "rejected"


class Simple(Part):
    do: Literal["trim", "collapse_spaces", "lower", "strip_control_characters", "strip_markup"]


class Normalise(Part):
    do: Literal["normalise_unicode"]
    form: Literal["NFC", "NFKC"] = "NFC"


class Truncate(Part):
    do: Literal["truncate"]
    length: StrictInt = Field(ge=0, le=1_000_000)


class Replace(Part):
    """``pattern`` and ``replacement`` are RE2's; ``\\1`` is the first group."""

    do: Literal["replace"]
    pattern: _Pattern
    replacement: str = Field(default="", max_length=300)


Step = Annotated[Simple | Normalise | Truncate | Replace, Field(discriminator="do")]


class Sanitiser(Part):
    """Transformations of every string at a pointer and below it, one after the other."""

    pointer: Pointer
    steps: tuple[Step, ...] = Field(min_length=1, max_length=20)


class Content(Part):
    """Which detectors run over the strings of the arguments, and how much each weighs."""

    sql_injection: Choice = "flagged"
    prompt_injection: Choice = "flagged"
    markup: Choice = "flagged"
    control_characters: Choice = "flagged"
    exclude: tuple[Pointer, ...] = Field(default=(), max_length=100)


class Plausible(Part):
    """What is plausible at a pointer. Texts are compared without regard to case and spaces."""

    pointer: Pointer
    allowed: tuple[_Scalar, ...] = Field(default=(), max_length=1_000)
    refused: tuple[_Scalar, ...] = Field(default=(), max_length=1_000)
    minimum: float | None = Field(default=None, allow_inf_nan=False)
    maximum: float | None = Field(default=None, allow_inf_nan=False)
    pattern: _Pattern = ""
    message: str = Field(default="", max_length=300)
    severity: Severity = "flagged"


class PolicySpec(Part):
    """One policy. ``compile_policy`` says whether it can be used."""

    rules: tuple[Rule, ...] = Field(default=(), max_length=50)
    destructive: StrictBool = False
    confirmation: Confirmation | None = None
    sanitisers: tuple[Sanitiser, ...] = Field(default=(), max_length=100)
    content: Content = Content()
    plausibility: tuple[Plausible, ...] = Field(default=(), max_length=100)
    execution: Execution = Execution()

    @classmethod
    def from_json(cls, data: Any) -> PolicySpec:
        """Read a policy's JSON. Raises ``BadPolicy`` for one of another shape."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise BadPolicy([_tell(one) for one in error.errors()]) from None

    def to_json(self) -> dict[str, Any]:
        """The policy as it is stored: what is not left at its default."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(canonical.dumps(self.to_json())).hexdigest()


_STEPS = frozenset(
    (
        "trim",
        "collapse_spaces",
        "lower",
        "strip_control_characters",
        "strip_markup",
        "normalise_unicode",
        "truncate",
        "replace",
    )
)


_KINDS = frozenset(("bool", "int", "float", "constrained-str"))


def _tell(error: Any) -> Problem:
    """An error of pydantic in our words; the names of its own alternatives are no places."""
    path = [str(step) for step in error["loc"] if step not in _STEPS | _KINDS]
    if path[:2] == ["execution", "executor"]:
        path[2:3] = []
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = f"{path[-1]} is no part of a policy here"
    return Problem(pointer_of(tuple(path)), message)
