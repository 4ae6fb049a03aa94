"""The offer layer: may this tool be called in this turn?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tools_registry.specs import ToolSpec
from tools_registry.validation.choice import Choice, read_choice
from tools_registry.validation.findings import Finding, LayerResult
from tools_registry.validation.near import near

Offer = Mapping[str, ToolSpec | None]
"""The tools of a turn by name; None is a provider's own tool, which has no definition."""

_OFFERED = LayerResult("offer", True)
_SHOWN = 20


def check_offer(
    name: str, offered: Offer | None, known: Collection[str], tool_choice: object
) -> LayerResult:
    """Judge the name of a call. ``offered`` is None where the toolset is not recorded."""
    if (tool_choice is None or tool_choice == "auto") and offered and name in offered:
        return _OFFERED
    choice = read_choice(tool_choice)
    findings: list[Finding] = []
    if choice.mode == "none":
        message = f"{name or 'A tool'} was called although tool_choice was none"
        findings.append(Finding("call_despite_none", message))
    if offered is None:
        return LayerResult(
            "offer", bool(findings), tuple(findings), "the tools of this turn are not recorded"
        )
    if name not in offered:
        findings.append(_judge_missing(name, offered, known))
    elif choice.names is not None and name not in choice.names:
        allowed = ", ".join(sorted(choice.names))
        message = f"tool_choice allows {allowed} only"
        detail = {"allowed": sorted(choice.names)}
        findings.append(Finding("tool_not_offered", message, detail=detail))
    return LayerResult("offer", True, tuple(findings))


def _judge_missing(name: str, offered: Offer, known: Collection[str]) -> Finding:
    detail = {"offered": list(offered)[:_SHOWN], "offered_count": len(offered)}
    if name in known:
        message = f"{name} exists, but was not among the {len(offered)} tools of this turn"
        return Finding("tool_not_offered", message, suggestion=near(name, offered), detail=detail)
    suggestion = near(name, offered) or near(name, known)
    message = f"No tool is called {name}" if name else "The call has no name"
    if suggestion:
        message += f". Did you mean {suggestion}?"
    return Finding("unknown_tool", message, suggestion=suggestion, detail=detail)


def check_turn(called: Sequence[str], tool_choice: object) -> list[Finding]:
    """Findings of the turn as a whole: a call that was required and did not come."""
    choice = read_choice(tool_choice)
    if called or choice.mode != "required":
        return []
    wanted = f" of {', '.join(sorted(choice.names))}" if choice.names else ""
    return [Finding("no_call_when_required", f"tool_choice required a call{wanted}; none was made")]


__all__ = ["Choice", "Offer", "check_offer", "check_turn", "read_choice"]
