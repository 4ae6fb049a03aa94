"""Several tools together: which a model confuses, what is named twice, what they weigh."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

from console.lib import json
from tools_registry.lint.parts import top_parameters
from tools_registry.lint.problems import Problem, problem
from tools_registry.lint.words import split
from tools_registry.specs import ToolSpec

_ALIKE = 80
# Words for one thing: of each group the tools of a set should use one.
_SYNONYMS = (
    ("city", "town", "location", "place"),
    ("lat", "latitude"),
    ("lon", "lng", "long", "longitude"),
    ("email", "mail", "email_address"),
    ("phone", "telephone", "phone_number"),
    ("zip", "zipcode", "zip_code", "postal_code", "postcode"),
    ("limit", "max_results", "page_size", "count", "num_results"),
    ("query", "q", "search", "search_term", "keyword"),
    ("user", "user_id", "uid", "customer_id"),
    ("currency", "currency_code"),
    ("unit", "units"),
    ("language", "lang", "locale"),
    ("start", "start_date", "from_date", "date_from"),
    ("end", "end_date", "to_date", "date_to"),
)
_GROUP_OF = {name: index for index, group in enumerate(_SYNONYMS) for name in group}
_WORD = re.compile(r"[a-z]{3,}")
_STOP = frozenset(
    ["the", "and", "for", "with", "from", "that", "this", "are", "all", "you", "your"]
)


@dataclass(frozen=True, slots=True)
class Limits:
    """From how many tools, and from how many tokens of one and of all, lint says so."""

    most_tools: int = 20
    heavy_tool: int = 1000
    heavy_toolset: int = 10_000


USUAL = Limits()


def weigh(spec: ToolSpec) -> int:
    """Tokens of a definition, estimated: characters of its compact JSON divided by 4, rounded up.

    Tokenizers differ; on English JSON the quotient is between 3 and 5 for the common ones.
    """
    return math.ceil(len(json.dump(spec.to_json())) / 4)


def check_weight(spec: ToolSpec, limits: Limits = USUAL) -> Iterator[Problem]:
    try:
        tokens = weigh(spec)
    except RecursionError:  # the check of the schema says that it is nested too deep
        return
    if tokens > limits.heavy_tool:
        message = f"About {tokens:,} tokens in every request (characters of its JSON / 4)"
        yield problem("token_weight", "", message)


def check_toolset(spec: ToolSpec, toolset: Sequence[ToolSpec]) -> Iterator[Problem]:
    """What is wrong with ``spec`` among the others that are offered with it."""
    others = [other for other in toolset if other.name != spec.name]
    for other in others:
        if reason := tell_alike(spec, other):
            yield problem(
                "look_alike", "/name", f"A model will confuse it with {other.name}: {reason}"
            )
    yield from _check_names(spec, others)


def check_whole(toolset: Sequence[ToolSpec], limits: Limits = USUAL) -> Iterator[Problem]:
    """What concerns the set as one."""
    most = limits.most_tools
    if len(toolset) > most:
        message = f"{len(toolset)} tools. Models choose worse from more than {most}; route them"
        yield problem("too_many_tools", "", message)
    try:
        tokens = sum(map(weigh, toolset))
    except RecursionError:
        return
    if tokens > limits.heavy_toolset:
        message = f"About {tokens:,} tokens in every request (characters of the JSON / 4)"
        yield problem("toolset_weight", "", message)


def look_alikes(toolset: Sequence[ToolSpec]) -> list[tuple[str, str, str]]:
    """Pairs of names, with the reason why a model will confuse them."""
    found = ((one, two, tell_alike(one, two)) for one, two in combinations(toolset, 2))
    return [(one.name, two.name, reason) for one, two, reason in found if reason]


def tell_alike(one: ToolSpec, two: ToolSpec) -> str:
    """Why a model will confuse two tools; "" where it has something to tell them apart by.

    The names must be near, by their words or letters, and the descriptions alike or absent;
    or the descriptions must say almost the same under any name.
    """
    names = _compare_names(one.name, two.name)
    if not one.description.strip() or not two.description.strip():
        return f"names {names:.0f}% alike, and a description is missing" if names >= 90 else ""
    first, second = _content(one.description), _content(two.description)
    texts = fuzz.token_sort_ratio(first, second) if first and second else 100.0
    if texts >= 90:
        return f"descriptions {texts:.0f}% alike"
    if names >= _ALIKE and texts >= 75:
        return f"names {names:.0f}% and descriptions {texts:.0f}% alike"
    return ""


def _compare_names(one: str, two: str) -> float:
    first, second = _spread(one), _spread(two)
    letters = JaroWinkler.similarity(one.casefold(), two.casefold()) * 100
    return max(fuzz.ratio(first, second), letters if abs(len(one) - len(two)) < 4 else 0)


@lru_cache(maxsize=2048)
def _spread(name: str) -> str:
    return " ".join(sorted(map(str.casefold, split(name))))


@lru_cache(maxsize=2048)
def _content(text: str) -> str:
    return " ".join(word for word in _WORD.findall(text.casefold()) if word not in _STOP)


def _check_names(spec: ToolSpec, others: Sequence[ToolSpec]) -> Iterator[Problem]:
    """Parameters that the other tools call otherwise."""
    mine = top_parameters(spec)
    for group in _SYNONYMS:
        own = [name for name in mine if _fold(name) in group]
        if len(own) != 1:
            continue
        users: dict[str, list[str]] = {}
        for other in others:
            for name, schema in top_parameters(other).items():
                same_type = schema.get("type") == mine[own[0]].get("type")
                if _fold(name) in group and _fold(name) != _fold(own[0]) and same_type:
                    users.setdefault(name, []).append(other.name)
        if users:
            shown = "; ".join(f"{name} in {', '.join(tools[:3])}" for name, tools in users.items())
            message = f"{own[0]} here, {shown}: one name for one thing"
            yield problem("other_name", f"/parameters/properties/{own[0]}", message)


def other_names(toolset: Sequence[ToolSpec]) -> list[dict[str, list[str]]]:
    """Things of one type that the tools name differently: each name with the tools that use it."""
    found: dict[tuple[int, str], dict[str, list[str]]] = {}
    for spec in toolset:
        for name, schema in top_parameters(spec).items():
            group = _GROUP_OF.get(_fold(name))
            if group is not None:
                key = (group, str(schema.get("type")))
                found.setdefault(key, {}).setdefault(name, []).append(spec.name)
    return [names for names in found.values() if len(set(map(_fold, names))) > 1]


@lru_cache(maxsize=8192)
def _fold(name: str) -> str:
    return "_".join(map(str.casefold, split(name)))
