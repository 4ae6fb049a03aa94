"""The form of a new replay: its fields as a value, read from a submission and from variants. Pure.

Fields of variant 0 are ``v0-name``, of its first tool ``v0-t0-to``. How a tool is changed is one
text: ``v:<version key>``, ``d:<draft key>``, ``text`` (the definition in ``v0-t0-text``),
``remove``, or "" where only its policy is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from console.lib import json
from conversations.replay.variants import Tool, Variant

MOST_VARIANTS = 7
MOST_TOOLS = 40


@dataclass(frozen=True)
class ToolForm:
    """One tool that a variant changes."""

    name: str = ""
    to: str = ""
    text: str = ""
    policy: str = ""

    @classmethod
    def of(cls, name: str, tool: Tool) -> Self:
        if isinstance(tool, int):
            return cls(name, f"v:{tool}")
        return cls(name, "text", json.pretty(dict(tool)))


@dataclass(frozen=True)
class VariantForm:
    """One variant as it is edited. ``only`` offers exactly its tools; ``own_system`` says that
    ``system`` replaces the recorded prompt."""

    name: str = ""
    connection: str = ""
    model: str = ""
    router: str = ""
    own_system: str = ""
    system: str = ""
    parameters: str = ""
    only: str = ""
    tools: tuple[ToolForm, ...] = ()

    @classmethod
    def of(cls, variant: Variant) -> Self:
        """A variant of a former replay; its policies are told by the page's own rows."""
        named = [ToolForm.of(name, tool) for name, tool in variant.replaced.items()]
        offered = [*variant.added, *(variant.toolset or ())]
        named += [ToolForm.of("", tool) for tool in offered]
        named += [ToolForm(name, "remove") for name in variant.removed]
        return cls(
            name=variant.name,
            connection=str(variant.connection or ""),
            model=variant.model,
            router=str(variant.router or ""),
            own_system="yes" if variant.system_prompt is not None else "",
            system=variant.system_prompt or "",
            parameters=json.pretty(dict(variant.parameters)) if variant.parameters else "",
            only="yes" if variant.toolset is not None else "",
            tools=tuple(named),
        )

    @property
    def has_more(self) -> bool:
        """Whether anything of what the page folds away is filled in."""
        return bool(self.own_system or self.parameters or self.router or self.only)


@dataclass(frozen=True)
class AnswerForm:
    """How one tool is answered; ``*`` are all others."""

    tool: str = "*"
    mode: str = "recorded"
    content: str = ""


@dataclass(frozen=True)
class Form:
    """All of it. Numbers are texts as they were typed."""

    title: str = ""
    mode: str = "next_call"
    trials: str = "3"
    connection: str = ""
    model: str = ""
    dollars: str = ""
    tokens: str = ""
    rounds: str = "20"
    miss: str = "stop"
    answers: tuple[AnswerForm, ...] = ()
    variants: tuple[VariantForm, ...] = ()

    def change(self, step: str) -> Form:
        """The form after one of its buttons: ``variant`` and ``tool:0`` add one, ``drop:0`` and
        ``drop:0:1`` take one away. Anything else leaves it as it is."""
        verb, _, rest = step.partition(":")
        places = [int(one) for one in rest.split(":") if one.isdecimal() and len(one) < 4]
        held = list(self.variants)
        if verb == "variant" and len(held) < MOST_VARIANTS:
            held.append(VariantForm(tools=(ToolForm(),)))
        elif places and places[0] < len(held):
            if verb == "drop" and len(places) == 1:
                del held[places[0]]
            else:
                held[places[0]] = _change_tools(held[places[0]], verb, places[1:])
        return replace(self, variants=tuple(held))


def _change_tools(variant: VariantForm, verb: str, places: list[int]) -> VariantForm:
    tools = list(variant.tools)
    if verb == "tool" and len(tools) < MOST_TOOLS:
        tools.append(ToolForm())
    elif verb == "drop" and places and places[0] < len(tools):
        del tools[places[0]]
    return replace(variant, tools=tuple(tools))


def read_form(given: Mapping[str, str]) -> Form:
    """The form as it was submitted; fields that are missing keep their defaults."""
    answers = tuple(
        AnswerForm(**_read(AnswerForm, given, f"a{at}-")) for at in _count(given, "answers", 100)
    )
    variants = tuple(_read_variant(given, at) for at in _count(given, "variants", MOST_VARIANTS))
    return Form(**_read(Form, given, ""), answers=answers, variants=variants)


def _read_variant(given: Mapping[str, str], at: int) -> VariantForm:
    tools = tuple(
        ToolForm(**_read(ToolForm, given, f"v{at}-t{place}-"))
        for place in _count(given, f"v{at}-tools", MOST_TOOLS)
    )
    return VariantForm(**_read(VariantForm, given, f"v{at}-"), tools=tools)


def _read(kind: type[Any], given: Mapping[str, str], prefix: str) -> dict[str, str]:
    names = (one.name for one in fields(kind) if one.type == "str")
    return {
        name: given[prefix + name].replace("\0", "") for name in names if prefix + name in given
    }


def _count(given: Mapping[str, str], name: str, most: int) -> Iterator[int]:
    text = given.get(name) or "0"
    return iter(range(min(int(text[:4]), most) if text.isdecimal() else 0))


@dataclass
class Faults:
    """What keeps the form from becoming a replay, by field; "" is of the whole."""

    by_field: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, problem: str) -> None:
        self.by_field.setdefault(name, problem)

    def __bool__(self) -> bool:
        return bool(self.by_field)
