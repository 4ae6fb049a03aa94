"""What changes from one policy to another, and for whom: more calls are caught, or fewer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from tools_registry.policies.spec import CONTENT, Plausible, PolicySpec, Rule, Sanitiser
from tools_registry.policies.wording import tell_execution

Kind = Literal["stricter", "looser", "changed", "wording"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_Placed = TypeVar("_Placed", Plausible, Sanitiser)
_WEIGHT = {"off": 0, "flagged": 1, "rejected": 2}


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One difference of two policies.

    *Stricter*: a call may be caught, or caught harder, that was not before. *Looser* is the
    reverse. *Changed* may be both, or is no matter of judging. *Wording* changes no judgement.
    ``pointer`` leads into the new policy, or into the old one where something is gone.
    """

    kind: Kind
    pointer: str
    text: str


def compare(old: PolicySpec, new: PolicySpec) -> list[PolicyChange]:
    """Every difference, in the order of ``KINDS``."""
    found = [
        *_compare_rules(old.rules, new.rules),
        *_compare_confirmation(old, new),
        *_compare_content(old, new),
        *_compare_plausible(old.plausibility, new.plausibility),
        *_compare_sanitisers(old.sanitisers, new.sanitisers),
        *_compare_execution(old, new),
    ]
    return sorted(found, key=lambda change: KINDS.index(change.kind))


def _compare_rules(old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[PolicyChange]:
    before = {rule.name: (at, rule) for at, rule in enumerate(old)}
    after = {rule.name: (at, rule) for at, rule in enumerate(new)}
    gone = {_asked(rule): name for name, (_, rule) in before.items() if name not in after}
    renamed: set[str] = set()
    for name, (at, rule) in after.items():
        former = name if name in before else gone.get(_asked(rule))
        if former is None or former in renamed:
            yield PolicyChange(
                "stricter", f"/rules/{at}", f"The rule {name} is new: {rule.expression}"
            )
            continue
        if former != name:
            renamed.add(former)
            yield PolicyChange("wording", f"/rules/{at}/name", f"{former} is now called {name}")
        yield from _compare_rule(before[former][1], rule, f"/rules/{at}")
    for name, (at, _) in before.items():
        if name not in after and name not in renamed:
            yield PolicyChange("looser", f"/rules/{at}", f"The rule {name} is gone")


def _asked(rule: Rule) -> tuple[str, str]:
    return rule.expression, rule.when


def _compare_rule(old: Rule, new: Rule, at: str) -> Iterator[PolicyChange]:
    for part, words in (("expression", "asks"), ("when", "applies when")):
        was, now = getattr(old, part), getattr(new, part)
        if was != now:
            text = f"{new.name} {words} {now or 'always'}, before {was or 'always'}"
            yield PolicyChange("changed", f"{at}/{part}", text)
    yield from _compare_weight(f"{at}/severity", f"The rule {new.name}", old.severity, new.severity)
    if old.message != new.message:
        yield PolicyChange("wording", f"{at}/message", f"The message of {new.name} reads otherwise")


def _compare_weight(at: str, name: str, old: str, new: str) -> Iterator[PolicyChange]:
    if old != new:
        kind: Kind = "stricter" if _WEIGHT[new] > _WEIGHT[old] else "looser"
        yield PolicyChange(kind, at, f"{name}: {old} before, {new} now")


def _compare_confirmation(old: PolicySpec, new: PolicySpec) -> Iterator[PolicyChange]:
    if old.destructive != new.destructive:
        kind: Kind = "stricter" if new.destructive else "looser"
        told = "needs a confirmation now" if new.destructive else "needs no confirmation any more"
        yield PolicyChange(kind, "/destructive", f"The tool {told}")
        return
    was, now = old.confirmation, new.confirmation
    if was is None or now is None or was == now:
        return
    for part in ("argument", "rule"):
        before, after = getattr(was, part), getattr(now, part)
        if before != after:
            text = f"Confirmed by the {part} {after or '(none)'}, before {before or '(none)'}"
            yield PolicyChange("changed", f"/confirmation/{part}", text)
    at = "/confirmation/severity"
    yield from _compare_weight(at, "A missing confirmation", was.severity, now.severity)


def _compare_content(old: PolicySpec, new: PolicySpec) -> Iterator[PolicyChange]:
    for code in CONTENT:
        was, now = getattr(old.content, code), getattr(new.content, code)
        yield from _compare_weight(f"/content/{code}", code, was, now)
    left_out, before = set(new.content.exclude), set(old.content.exclude)
    for pointer in sorted(left_out - before):
        text = f"Content is no longer looked at in {pointer or 'the whole'}"
        yield PolicyChange("looser", "/content/exclude", text)
    for pointer in sorted(before - left_out):
        text = f"Content is looked at in {pointer or 'the whole'}"
        yield PolicyChange("stricter", "/content/exclude", text)


def _pair(
    old: Iterable[_Placed], new: Iterable[_Placed]
) -> Iterator[tuple[int, _Placed | None, _Placed | None]]:
    """Those of one place, with the index of the new one, or of the old one where it is gone."""
    left: dict[str, list[tuple[int, _Placed]]] = {}
    for at, one in enumerate(old):
        left.setdefault(one.pointer, []).append((at, one))
    for at, one in enumerate(new):
        rest = left.get(one.pointer)
        yield at, rest.pop(0)[1] if rest else None, one
    for rest in left.values():
        yield from ((at, one, None) for at, one in rest)


def _compare_plausible(
    old: Sequence[Plausible], new: Sequence[Plausible]
) -> Iterator[PolicyChange]:
    for index, was, now in _pair(old, new):
        at = f"/plausibility/{index}"
        if was is None and now is not None:
            text = f"What is plausible at {now.pointer or 'the whole'} is new"
            yield PolicyChange("stricter", at, text)
        elif was is not None and now is None:
            text = f"Anything is plausible at {was.pointer or 'the whole'} again"
            yield PolicyChange("looser", at, text)
        elif was is not None and now is not None:
            yield from _compare_values(was, now, at)


def _compare_values(old: Plausible, new: Plausible, at: str) -> Iterator[PolicyChange]:
    name = new.pointer or "the whole"
    for part, is_list_of_good in (("allowed", True), ("refused", False)):
        was, now = getattr(old, part), getattr(new, part)
        if set(map(repr, was)) != set(map(repr, now)):
            kind = _compare_lists(was, now, admits=is_list_of_good)
            yield PolicyChange(kind, f"{at}/{part}", f"{name}: other values are {part}")
    for part, is_floor in (("minimum", True), ("maximum", False)):
        was, now = getattr(old, part), getattr(new, part)
        if was != now:
            narrows = was is None or (now is not None and (now > was) == is_floor)
            told = f"{name}: {part} {_tell(now)}, before {_tell(was)}"
            yield PolicyChange("stricter" if narrows else "looser", f"{at}/{part}", told)
    if old.pattern != new.pattern:
        text = f"{name}: matches {new.pattern or 'anything'}, before {old.pattern or 'anything'}"
        one: Kind = "stricter" if new.pattern else "looser"
        kind = "changed" if old.pattern and new.pattern else one
        yield PolicyChange(kind, f"{at}/pattern", text)
    yield from _compare_weight(f"{at}/severity", name, old.severity, new.severity)
    if old.message != new.message:
        yield PolicyChange("wording", f"{at}/message", f"{name}: the message reads otherwise")


def _compare_lists(old: Sequence[Any], new: Sequence[Any], *, admits: bool) -> Kind:
    """An empty list of allowed values allows all of them."""
    if admits and not (old and new):
        return "stricter" if new else "looser"
    was, now = set(map(repr, old)), set(map(repr, new))
    if was < now:
        return "looser" if admits else "stricter"
    if now < was:
        return "stricter" if admits else "looser"
    return "changed"


def _tell(bound: float | None) -> str:
    return "none" if bound is None else f"{bound:g}"


def _compare_sanitisers(
    old: Sequence[Sanitiser], new: Sequence[Sanitiser]
) -> Iterator[PolicyChange]:
    for index, was, now in _pair(old, new):
        if was != now:
            pointer = now.pointer if now else was.pointer if was else ""
            place = pointer or "the whole"
            told = "is new" if was is None else "is gone" if now is None else "has other steps"
            yield PolicyChange(
                "changed", f"/sanitisers/{index}", f"The sanitiser of {place} {told}"
            )


def _compare_execution(old: PolicySpec, new: PolicySpec) -> Iterator[PolicyChange]:
    was, now = dict(tell_execution(old.execution)), dict(tell_execution(new.execution))
    for label in dict.fromkeys([*was, *now]):
        if was.get(label) != now.get(label):
            text = f"{label}: {now.get(label, 'not set')}, before {was.get(label, 'not set')}"
            yield PolicyChange("changed", "/execution", text)
