"""Expressions of business rules, in CEL (https://cel.dev), with bounds on what they can cost.

The runtime itself bounds nesting (32 levels) and the rounds of ``all``, ``exists``,
``exists_one`` and ``filter`` (10,000 together), and matches patterns in linear time (RE2). What
it does not bound is refused here: ``map``, patterns that are no literal, and an expression whose
trial over the largest values takes too long.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]

from tools_registry.policies.context import LONGEST_TEXT, MOST_CALLS, CallContext

MOST_VALUES = 1_000
"""Values in the arguments of a call that a rule with a loop can judge."""
MOST_CHARACTERS = 20_000
"""Characters in the arguments of a call that a rule with a loop can judge."""
DEEPEST = 60
CONTEXT_NAMES = ("conversation", "user", "environment")
"""What a rule may ask for beside ``args``."""
SLOWEST_S = 0.1
"""Processor time that a trial may take."""

_STRING = re.compile(
    r"""[rRbB]{0,2}('{3}(?:[^\\]|\\.)*?'{3}|"{3}(?:[^\\]|\\.)*?"{3}|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""",
    re.DOTALL,
)
_LOOP = re.compile(r"\.\s*(all|exists|exists_one|filter)\s*\(")
_MAP = re.compile(r"\.\s*(map)\s*\(")
_MATCHES = re.compile(r"\bmatches\s*\(")
_LITERAL_MATCHES = re.compile(r"\.\s*matches\s*\(\s*\"\"\s*\)")
_NAMED = re.compile(r"\bargs\s*(?:\.\s*([A-Za-z_]\w*)|\[\s*(['\"])(.*?)\2\s*\])", re.DOTALL)
_LARGEST_INT = 2**63 - 1
_SCALARS = frozenset((type(None), bool, float))
_SURROGATE = re.compile("[\ud800-\udfff]")


class BadExpression(ValueError):
    """An expression that cannot be used; the text says why."""


class NotJudged(ValueError):
    """An expression gave no answer for a call; the text says why. ``is_missing`` says that it
    asked for something that is not there."""

    def __init__(self, reason: str, *, is_missing: bool = False) -> None:
        super().__init__(reason)
        self.is_missing = is_missing


class Facts:
    """What the rules of one policy are asked about one call; converted once for all of them."""

    def __init__(
        self,
        args: Mapping[str, Any],
        context: CallContext,
        names: Collection[str] = CONTEXT_NAMES,
    ) -> None:
        """Raises ``NotJudged`` for arguments that are nested too deep. ``names`` are those of
        ``CONTEXT_NAMES`` that the rules may ask for."""
        weight = _Weight()
        data = {"args": weight.take(args, 0)}
        if "conversation" in names:
            calls = context.calls[-MOST_CALLS:]
            data["conversation"] = {
                "calls": [{"name": weight.text(name)} for name in calls],
                "count": len(context.calls) if context.count is None else context.count,
                "last_user": weight.text(context.last_user[:LONGEST_TEXT]),
            }
        if "user" in names:
            data["user"] = weight.text(context.user)
        if "environment" in names:
            data["environment"] = weight.text(context.environment)
        self.values, self.characters = weight.values, weight.characters
        self.activation = _environment().Activation(data)


class _Weight:
    """Makes values ones that CEL has, and counts them."""

    def __init__(self) -> None:
        self.values = self.characters = 0

    def take(self, value: Any, depth: int) -> Any:
        if depth > DEEPEST:
            raise NotJudged(f"the arguments are nested deeper than {DEEPEST} levels")
        self.values += 1
        kind = type(value)
        if kind is str:
            self.characters += len(value)
            return self.text(value)
        if kind is int and -_LARGEST_INT <= value <= _LARGEST_INT:
            return value
        if kind in _SCALARS:
            return value
        if isinstance(value, Mapping):
            return {self.text(key): self.take(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self.take(item, depth + 1) for item in value]
        return _as_float(value)

    def text(self, value: str) -> str:
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


class Expression:
    """A compiled expression: ask it with ``holds``."""

    def __init__(self, source: str, *, is_tried: bool = False) -> None:
        """Raises ``BadExpression``. ``is_tried``: it was found quick enough when it was saved."""
        bare = _STRING.sub('""', source)
        _refuse_costly(bare)
        self.source = source
        self.loops = bool(_LOOP.search(bare))
        try:
            self._program = _environment().compile(source)
        except (RuntimeError, TypeError) as error:
            raise BadExpression(_tell_compile(error)) from None
        kind = self._program.return_type()
        if kind not in (cel.Type.BOOL, cel.Type.DYN):
            raise BadExpression(f"it gives {kind.name().lower()}, not true or false")
        self.named = tuple(dict.fromkeys(one[1] or one[3] for one in _NAMED.finditer(source)))
        """The arguments that it names, as ``args.city`` or ``args["city"]``."""
        if not is_tried:
            texts = [match[1].strip("'\"") for match in _STRING.finditer(source)]
            _refuse_slow(self, [*dict.fromkeys([*self.named, *texts])])

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of the call. Raises ``NotJudged`` where it gives no answer."""
        if self.loops and (facts.values > MOST_VALUES or facts.characters > MOST_CHARACTERS):
            raise NotJudged(
                f"the arguments are larger than the {MOST_VALUES:,} values and "
                f"{MOST_CHARACTERS:,} characters that a rule with a loop can judge"
            )
        try:
            answer = self._program.eval(facts.activation)
            kind, value = answer.type(), answer.value()
        except RuntimeError as error:
            raise NotJudged(_tell_run(str(error))) from None
        if kind == cel.Type.BOOL:
            return bool(value)
        if kind == cel.Type.ERROR:
            text = str(value)
            raise NotJudged(_tell_run(text), is_missing=text.startswith("NOT_FOUND"))
        raise NotJudged(f"it gave {kind.name().lower()}, not true or false")


@cache
def _environment() -> cel.Env:
    """Made on first use, so that every process has its own."""
    any_value = cel.Type.DYN
    return cel.NewEnv(
        variables={
            "args": cel.Type.Map(cel.Type.STRING, any_value),
            "conversation": cel.Type.Map(cel.Type.STRING, any_value),
            "user": cel.Type.STRING,
            "environment": cel.Type.STRING,
        }
    )


def _refuse_costly(bare: str) -> None:
    if _MAP.search(bare):
        raise BadExpression("map is not offered to rules: use all, exists, exists_one or filter")
    if len(_MATCHES.findall(bare)) != len(_LITERAL_MATCHES.findall(bare)):
        raise BadExpression('matches takes a pattern in quotes, as in args.city.matches("^[A-Z]")')
    if "//" in bare:
        raise BadExpression("write it without a comment; the message is the place for words")


def _refuse_slow(expression: Expression, names: list[str]) -> None:
    """Try the expression on ever larger calls, up to the largest that it may be asked about."""
    size = 16
    while True:
        size = min(size * 2, MOST_VALUES)
        for values in _largest(size, max(1, len(names))):
            took = _time(expression, dict.fromkeys(names, values))
            if took > SLOWEST_S:
                raise BadExpression(
                    f"it took {took:.2f} s over a call with {size:,} values; "
                    f"{SLOWEST_S:.1f} s are allowed. Take out an inner loop"
                )
        if size == MOST_VALUES:
            return


def _largest(size: int, share: int) -> Iterator[Any]:
    """What an argument may be in a call of this many values, when ``share`` arguments are."""
    text = "x" * (MOST_CHARACTERS * size // MOST_VALUES // share)
    count = max(1, (size - 1) // share - 1)
    yield text
    yield [text[: MOST_CHARACTERS // MOST_VALUES]] * count
    yield [*range(count)]
    yield [dict.fromkeys(["name", "id"], 1)] * (count // 3)


def _time(expression: Expression, args: dict[str, Any]) -> float:
    """Processor time of one question, in seconds."""
    facts = Facts(args, CallContext(["x"] * MOST_CALLS, None, "x" * LONGEST_TEXT, "x" * 300))
    began = time.thread_time()
    with contextlib.suppress(NotJudged):
        expression.holds(facts)
    return time.thread_time() - began


def _tell_compile(error: Exception) -> str:
    """The first complaint of the compiler, with its column."""
    text = str(error)
    if "recursion" in text:
        return "it is nested too deep: 32 levels are allowed"
    found = re.search(r"<input>:(\d+):(\d+): (.+)", text)
    if found is None:
        return text.removeprefix("INVALID_ARGUMENT: ").partition("\n")[0][:300]
    reason = re.sub(r" \(in container ''\)| expecting .*", "", found[3])
    reason = reason.replace("Syntax error: mismatched input '<EOF>'", "it ends too early")
    return f"{reason[:300]} (line {found[1]}, column {found[2]})"


def _tell_run(text: str) -> str:
    missing = re.match(r'NOT_FOUND: Key not found in map : "(.*)"$', text, re.DOTALL)
    if missing:
        return f"there is no {missing[1][:80]}"
    if "budget" in text:
        return "it needs more than 10,000 rounds of its loops"
    reason = re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$", "", text)
    return reason[:1].lower() + reason[1:200]
