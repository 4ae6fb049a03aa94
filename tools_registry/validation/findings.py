"""Findings: the evidence about a call or a turn, and the verdict that they add up to.

The codes are a closed list. Each belongs to one layer, and the layers run in the order
of ``LAYERS``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Layer = Literal[
    "assembly",
    "syntax",
    "offer",
    "schema",
    "rule",
    "content",
    "conduct",
    "execution",
    "expectation",
]
LAYERS: tuple[Layer, ...] = get_args(Layer)

VerdictValue = Literal["accepted", "flagged", "rejected"]
Severity = Literal["flagged", "rejected"]


@dataclass(frozen=True, slots=True)
class Code:
    """One entry of the closed list: its layer, how much it weighs unless said otherwise."""

    name: str
    layer: Layer
    severity: Severity
    summary: str


def _codes(layer: Layer, severity: Severity, **summaries: str) -> list[Code]:
    return [Code(name, layer, severity, summary) for name, summary in summaries.items()]


CODES: dict[str, Code] = {
    code.name: code
    for code in [
        *_codes(
            "assembly",
            "rejected",
            truncated_arguments="The stream ended before the arguments did",
            lost_arguments="Arguments arrived that belong to no call",
        ),
        *_codes("assembly", "flagged", duplicate_call_id="Two calls of one turn carry the same id"),
        *_codes(
            "syntax",
            "rejected",
            malformed_json="The arguments are not JSON",
            not_an_object="The arguments are JSON, but not an object",
        ),
        *_codes("syntax", "flagged", duplicate_key="A key occurs twice in one object"),
        *_codes(
            "offer",
            "rejected",
            unknown_tool="No version of any tool has this name",
            tool_not_offered="The tool exists, but was not offered in this turn",
            call_despite_none="A call was made although tool_choice was none",
        ),
        *_codes(
            "offer",
            "flagged",
            no_call_when_required="No call was made although tool_choice required one",
        ),
        *_codes(
            "schema",
            "rejected",
            missing_required="A required parameter is absent",
            unexpected_parameter="A parameter that the tool does not have",
            wrong_type="A value of another type than declared",
            not_in_enum="A value outside the declared list",
            out_of_range="A number, length or count outside its bounds",
            pattern_mismatch="A string that does not match its pattern",
            format_mismatch="A string that is not of its declared format",
            schema_other="Another keyword of the schema is violated",
        ),
        *_codes(
            "rule",
            "rejected",
            rule_violated="A business rule of the tool's policy is violated",
            confirmation_missing="A destructive call without its confirmation",
        ),
        *_codes(
            "content",
            "flagged",
            sql_injection="A value that reads as an SQL statement",
            prompt_injection="A value that instructs a model",
            markup="A value that carries HTML or script",
            control_characters="A value with control or direction-changing characters",
            implausible_value="A value that the policy holds to be implausible",
        ),
        *_codes(
            "conduct",
            "flagged",
            repeated_call="The same call with the same arguments, again",
            budget_exceeded="More calls than the policy allows in a conversation",
            retry_storm="The same failing call, several times in a row",
            unanswered_call="No result ever came for the call",
            swallowed_error="A result with status OK and an error inside",
        ),
        *_codes(
            "execution",
            "flagged",
            tool_error="The tool answered with an error",
            timeout="The tool did not answer in time",
            rate_limited="The tool refused because of its rate limit",
        ),
        *_codes(
            "expectation",
            "rejected",
            wrong_tool="Another tool should have been called",
            wrong_arguments="The right tool with the wrong arguments",
            missed_call="A call should have been made and was not",
            needless_call="No call should have been made",
            wrong_count="More or fewer calls than expected",
        ),
    ]
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of evidence, made by rule and repeatable.

    ``pointer`` is an RFC 6901 JSON pointer into the call's arguments ("" is the whole),
    or None where the finding speaks of the call itself. ``keyword`` is the JSON Schema
    keyword that failed. ``suggestion`` is what was probably meant.
    """

    code: str
    message: str
    pointer: str | None = None
    keyword: str | None = None
    suggestion: str | None = None
    severity: Severity | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"unknown finding code {self.code!r}")
        if self.severity is None:
            object.__setattr__(self, "severity", CODES[self.code].severity)

    @property
    def layer(self) -> Layer:
        return CODES[self.code].layer

    def to_json(self) -> dict[str, Any]:
        """The finding as the JSON object that is stored and sent; absent fields are left out."""
        whole = {
            "layer": self.layer,
            "code": self.code,
            "severity": self.severity,
            "pointer": self.pointer,
            "keyword": self.keyword,
            "message": self.message,
            "suggestion": self.suggestion,
            "detail": dict(self.detail) or None,
        }
        return {key: value for key, value in whole.items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        return cls(
            code=data["code"],
            message=data["message"],
            pointer=data.get("pointer"),
            keyword=data.get("keyword"),
            suggestion=data.get("suggestion"),
            severity=data.get("severity"),
            detail=data.get("detail") or {},
        )


def worst(findings: Iterable[Finding]) -> VerdictValue:
    """The verdict that findings add up to: the worst of them, accepted if there are none."""
    severities = {finding.severity for finding in findings}
    if "rejected" in severities:
        return "rejected"
    return "flagged" if "flagged" in severities else "accepted"


@dataclass(frozen=True, slots=True)
class LayerResult:
    """What one layer said: ``ran`` is False where an earlier layer left it nothing to judge."""

    layer: Layer
    ran: bool
    findings: tuple[Finding, ...] = ()
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "ran": self.ran,
            "verdict": worst(self.findings) if self.ran else None,
            "findings": len(self.findings),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one call, layer by layer in the order in which they ran."""

    layers: tuple[LayerResult, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for result in self.layers for finding in result.findings)

    @property
    def value(self) -> VerdictValue:
        return worst(self.findings)

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": self.value,
            "layers": [result.to_json() for result in self.layers],
            "findings": [finding.to_json() for finding in self.findings],
        }
