"""Our verdict beside that of the Berkeley Function Calling Leaderboard's own checker.

Right answers pass, and for each kind of mutation of them both say the same in at least 99% of
cases; every disagreement falls into a class that ``docs/expectations.md`` explains. The checker
is bfcl-eval from PyPI; where it is not installed it goes into ``var/verify``, without the sixty
packages that it wants for asking models.
"""

from __future__ import annotations

import copy
import gzip
import importlib
import json
import subprocess
import sys
import types
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools_registry.dialects import read_offer
from tools_registry.samples import CannotSample, sample
from tools_registry.specs import ToolSpec
from tools_registry.validation import Finding, validate
from tools_registry.validation.expectation import CallMade, Expectation, judge

PIN = "bfcl-eval==2026.3.23"
ROOT = Path(__file__).resolve().parents[2]
ENOUGH = 0.99
MODEL = "any"

Calls = list[dict[str, Any]]
Entry = dict[str, Any]


# Right answers too, in forms that BFCL's checker takes and the function's own schema may not. The
# latter are set aside, counted and explained: BFCL reads no more of a schema than its types.
OTHER_FORMS = ("other acceptable value", "other spelling of texts", "right answer, other order")
# A difference of rules and no mutation: JSON Schema holds 5.0 to be an integer.
BY_RULE = ("whole number written as 5.0",)


@dataclass(frozen=True)
class Case:
    kind: str
    calls: Calls


@dataclass
class Tally:
    """``against`` counts right answers that only their function's own schema refuses."""

    asked: int = 0
    valid: int = 0
    agreed: int = 0
    against: int = 0
    causes: Counter[str] = field(default_factory=Counter)

    def add(self, ours: Ours, theirs: Answer) -> None:
        self.asked += 1
        self.valid += theirs.valid
        self.agreed += ours.valid == theirs.valid
        self.against += theirs.valid and not ours.expectation and bool(ours.schema)


def main(data: Path) -> None:
    official = Official()
    tallies: dict[str, Tally] = defaultdict(Tally)
    for entry in entries(data):
        tools = {name: spec for name, spec in read_offer(entry["tools"]).items() if spec}
        expected = Expectation.from_json(entry["expected"])
        for case in cases(entry, tools):
            ours, theirs = judge_ours(case.calls, expected, tools), official.judge(entry, case)
            tally = tallies[case.kind]
            tally.add(ours, theirs)
            if ours.valid != theirs.valid:
                tally.causes[classify(entry, case, ours, theirs)] += 1
    for kind, tally in tallies.items():
        tell(kind, tally)
    check(tallies)


def tell(kind: str, tally: Tally) -> None:
    share = f"{tally.agreed:,} of {tally.asked:,} agree ({tally.agreed / tally.asked:.2%})"
    fitting = f", {base(kind, tally):,} fit their schema" if kind in OTHER_FORMS else ""
    print(f"   {kind}: {share}{fitting}; {tally.valid:,} are valid")
    for cause, times in tally.causes.most_common():
        print(f"      {times:,}: {cause}")


def base(kind: str, tally: Tally) -> int:
    """The cases of which 99% must agree."""
    return tally.asked - tally.against if kind in OTHER_FORMS else tally.asked


def check(tallies: dict[str, Tally]) -> None:
    explained = (ROOT / "docs" / "expectations.md").read_text(encoding="utf-8")
    causes = {cause for tally in tallies.values() for cause in tally.causes}
    unexplained = sorted(cause for cause in causes if f"**{cause}**" not in explained)
    assert not unexplained, f"docs/expectations.md does not explain {unexplained}"
    for kind, tally in tallies.items():
        enough = kind in BY_RULE or tally.agreed >= ENOUGH * base(kind, tally)
        assert enough, f"{kind}: less than {ENOUGH:.0%} agree"


def entries(data: Path) -> Iterator[Entry]:
    for name in ("live", "non_live"):
        with gzip.open(data / "bfcl" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


# What we say


@dataclass(frozen=True)
class Ours:
    """The codes of either side for which we hold the turn to be wrong."""

    expectation: list[str]
    schema: list[str]

    @property
    def valid(self) -> bool:
        return not self.expectation and not self.schema


def judge_ours(calls: Calls, expected: Expectation, tools: dict[str, ToolSpec]) -> Ours:
    made = [CallMade(call["name"], call["arguments"]) for call in calls]
    schema = [
        finding
        for call in calls
        for finding in validate(call["name"], json.dumps(call["arguments"]), offered=tools).findings
    ]
    return Ours(rejecting(judge(made, expected, tools).findings), rejecting(schema))


def rejecting(findings: Iterable[Finding]) -> list[str]:
    return sorted({finding.code for finding in findings if finding.severity == "rejected"})


# What they say


@dataclass(frozen=True)
class Answer:
    valid: bool
    why: str = ""


class Official:
    """BFCL's own checker, over the functions and answers of its own package."""

    def __init__(self) -> None:
        sys.modules["bfcl_eval.constants.model_config"] = stub()
        folder = install()
        module = importlib.import_module("bfcl_eval.eval_checker.ast_eval.ast_checker")
        self._check: Callable[..., dict[str, Any]] = module.ast_checker
        self._language = importlib.import_module("bfcl_eval.constants.enums").Language
        self._folder = folder / "data"
        self._read: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}

    def judge(self, entry: Entry, case: Case) -> Answer:
        category = entry["category"]
        output = [{call["name"]: copy.deepcopy(call["arguments"])} for call in case.calls]
        if "relevance" in category:
            # The runner's own rule: anything that decodes as a call is one.
            return Answer(bool(output) != ("irrelevance" in category))
        functions, answers = self._of(category)
        language = {"simple_java": "JAVA", "simple_javascript": "JAVASCRIPT"}
        try:
            result = self._check(
                copy.deepcopy(functions[entry["id"]]),
                output,
                copy.deepcopy(answers[entry["id"]]),
                self._language[language.get(category, "PYTHON")],
                category,
                MODEL,
            )
        except Exception as error:
            return Answer(False, f"raised {type(error).__name__}")
        return Answer(result["valid"], result.get("error_type", ""))

    def _of(self, category: str) -> tuple[dict[str, Any], dict[str, Any]]:
        if category not in self._read:
            name = f"BFCL_v4_{category}.json"
            self._read[category] = (
                read_lines(self._folder / name, "function"),
                read_lines(self._folder / "possible_answer" / name, "ground_truth"),
            )
        return self._read[category]


def read_lines(path: Path, field: str) -> dict[str, Any]:
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {line["id"]: line[field] for line in lines}


def stub() -> types.ModuleType:
    """Stands in for the list of models, which imports the client of each of them."""
    module = types.ModuleType("bfcl_eval.constants.model_config")
    config = types.SimpleNamespace(underscore_to_dot=False)
    module.MODEL_CONFIG_MAPPING = {MODEL: config}  # type: ignore[attr-defined]
    return module


def install() -> Path:
    """The folder of the installed package; puts the package into ``var/verify`` if need be."""
    target = ROOT / "var" / "verify" / PIN.replace("==", "-")
    if target.is_dir():
        sys.path.append(str(target))
    try:
        package = importlib.import_module("bfcl_eval")
    except ModuleNotFoundError:
        print(f"   Installing {PIN}, without its dependencies, into {target}", flush=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, "--no-deps", "--target", str(target), PIN], check=True)
        sys.path.append(str(target))
        importlib.invalidate_caches()
        package = importlib.import_module("bfcl_eval")
    return Path(package.__path__[0])


# Right answers and their mutations


def cases(entry: Entry, tools: dict[str, ToolSpec]) -> Iterator[Case]:
    calls = entry["expected"]["calls"]
    if not calls:
        yield from none_right(tools, some=calls is None)
        return
    yield Case("right answer", calls)
    yield from right_otherwise(entry, calls)
    yield from names(calls, tools)
    yield from counts(calls)
    for index, call in enumerate(calls):
        for arguments, kind in arguments_of(call, tools[call["name"]]):
            yield Case(kind, put(calls, index, {"arguments": arguments}))


def none_right(tools: dict[str, ToolSpec], *, some: bool) -> Iterator[Case]:
    yield Case("no call where some is right" if some else "no call where none is right", [])
    for name, spec in tools.items():
        call = {"name": name, "arguments": sample_of(spec.parameters or {}, {})}
        kind = "any call where some is right" if some else "a call where none is right"
        yield Case(kind, [call])
        if some:
            yield Case("invented name", [call | {"name": "make_user_happy"}])


def right_otherwise(entry: Entry, calls: Calls) -> Iterator[Case]:
    """The same answer in other words: each other acceptable value, spelling, left out, order."""
    if len(calls) > 1:
        yield Case("right answer, other order", calls[::-1])
    for index, call in enumerate(calls):
        (sets,) = entry["expected"]["acceptable"][index].values()
        for parameter, values in sets.items():
            for value in values:
                arguments = {k: v for k, v in call["arguments"].items() if k != parameter}
                if value == "" and parameter in call["arguments"]:
                    yield Case("optional left out", put(calls, index, {"arguments": arguments}))
                elif value != "" and not holds_objects(value):
                    other = arguments | {parameter: value}
                    yield Case("other acceptable value", put(calls, index, {"arguments": other}))
        respelled = {k: respell(v) for k, v in call["arguments"].items()}
        if respelled != call["arguments"]:
            yield Case("other spelling of texts", put(calls, index, {"arguments": respelled}))


def holds_objects(value: Any) -> bool:
    """Members of an object are sets of their own, so that it is no value to be given."""
    return isinstance(value, dict) or (isinstance(value, list) and any(map(holds_objects, value)))


def respell(value: Any) -> Any:
    return value.upper().replace(" ", "-") if isinstance(value, str) else value


def names(calls: Calls, tools: dict[str, ToolSpec]) -> Iterator[Case]:
    for index, call in enumerate(calls):
        for other in tools:
            if other != call["name"]:
                yield Case("another tool's name", put(calls, index, {"name": other}))
        for invented in ("make_user_happy", call["name"] + "s", call["name"].upper() + "_"):
            yield Case("invented name", put(calls, index, {"name": invented}))


def counts(calls: Calls) -> Iterator[Case]:
    for index in range(len(calls)):
        yield Case("one call too many", [*calls, calls[index]])
        yield Case("one call too few", calls[:index] + calls[index + 1 :])


def arguments_of(call: dict[str, Any], spec: ToolSpec) -> Iterator[tuple[Any, str]]:
    given = call["arguments"]
    declared = (spec.parameters or {}).get("properties", {})
    for parameter, value in given.items():
        yield {k: v for k, v in given.items() if k != parameter}, "missing"
        yield given | {parameter: of_wrong_type(value)}, "wrong type"
        yield given | {parameter: None}, "wrong type"
        yield given | {parameter: of_wrong_value(value)}, "wrong value"
        if type(value) is int and declared.get(parameter, {}).get("type") == "integer":
            yield given | {parameter: float(value)}, "whole number written as 5.0"
    yield given | {"unheard_of": 1}, "extra"
    for parameter, schema in declared.items():
        if parameter not in given:
            yield given | {parameter: sample_of(schema, 7)}, "extra"


def sample_of(schema: Any, otherwise: Any) -> Any:
    try:
        return sample(schema)
    except CannotSample:
        return otherwise


def of_wrong_type(value: Any) -> Any:
    if isinstance(value, str):
        return 7
    if isinstance(value, list):
        return {"items": value}
    return [value] if isinstance(value, dict) else json.dumps(value)


def of_wrong_value(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value} 7q"
    if isinstance(value, int | float):
        return value + 7919
    if isinstance(value, list):
        return [*value[:-1], of_wrong_value(value[-1])] if value else ["7q"]
    if isinstance(value, dict) and value:
        first = next(iter(value))
        return value | {first: of_wrong_value(value[first])}
    return {"7q": 1} if isinstance(value, dict) else "7q"


def put(calls: Calls, index: int, change: dict[str, Any]) -> Calls:
    return [*calls[:index], calls[index] | change, *calls[index + 1 :]]


# Why they differ


def classify(entry: Entry, case: Case, ours: Ours, theirs: Answer) -> str:
    """The cause of a disagreement, by the name under which the docs explain it."""
    if theirs.why.startswith("raised"):
        return "the checker raises"
    if "relevance" in entry["category"]:
        return "any name is a call"
    if theirs.valid and not ours.expectation:
        respelled = case.kind == "other spelling of texts" and ours.schema == ["not_in_enum"]
        return "enumerations are exact" if respelled else "answer against its own schema"
    if entry["category"] in ("simple_java", "simple_javascript"):
        return "source text" if theirs.valid else "variables are exact"
    if case.kind == "whole number written as 5.0":
        return "5.0 is an integer"
    if theirs.why.endswith("unexpected_param") and not theirs.valid:
        return "answer with an undeclared parameter"
    if theirs.why.endswith("cannot_find_match") and case.kind == "right answer, other order":
        return "greedy pairing"
    return f"unexplained: {entry['id']} {case.calls} {ours} {theirs}"
