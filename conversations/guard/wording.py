"""What the guard tells of calls that it rejected: to the model, and to the application. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from console.lib import json
from tools_registry.validation.findings import Finding

Body = dict[str, Any]
Rejected = Mapping[int, Sequence[Finding]]
"""Findings by the place of the call among those of the answer that the application is to make."""


def explain(findings: Sequence[Finding] | None) -> str:
    """The result, as JSON, that the model gets for a call that was not made; None is for one that
    was not rejected itself."""
    if findings is None:
        error = "Not made, because another call of this answer was rejected. Make it again."
        return json.dump({"error": error, "code": "not_made"})
    told = [one.to_json() for one in findings]
    error = "The call was rejected and not made. Correct it."
    return json.dump({"error": error, "findings": told})


def tell_held(names: Sequence[str], rejected: Rejected) -> str:
    """What the application reads in place of the calls; ``names`` are those of all calls."""
    return "\n\n".join(
        f"The call of {names[place] or 'a tool without a name'} was held back: {_join(findings)}"
        for place, findings in rejected.items()
    )


def _join(findings: Iterable[Finding]) -> str:
    return "; ".join(one.message for one in findings)


def without(body: Mapping[str, Any], *names: str) -> Body:
    return {name: value for name, value in body.items() if name not in names}
