"""Execution settings in words, for pages. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tools_registry.policies.execution import Execution, Executor, Header, Http, Lambda, Mcp, Mock

_EFFECTS = {"read": "reads", "write": "writes"}


def tell_execution(execution: Execution) -> Iterator[tuple[str, str]]:
    """What is set, as pairs of a label and its value."""
    if execution.executor:
        yield from _tell_executor(execution.executor)
    if execution.effect:
        yield "Effect", f"It {_EFFECTS[execution.effect]}"
    if execution.resource:
        yield "Touches", f"what {execution.resource} names"
    if execution.timeout_ms:
        yield "Timeout", f"{execution.timeout_ms:,} ms"
    for version, ms in sorted(execution.timeouts.items(), key=lambda pair: int(pair[0])):
        yield f"Timeout of version {version}", f"{ms:,} ms"
    if execution.rate:
        yield "Rate", f"{_count(execution.rate)} a minute for each user"
    if execution.budget is not None:
        yield "Budget", f"{_count(execution.budget)} a conversation"
    if execution.idempotent:
        yield "Idempotent", "Calling twice does no more than once"
    if execution.retries:
        again = f"up to {execution.retries} more time{'s' * (execution.retries > 1)}"
        yield (
            "Tried again",
            f"{again}, after up to {execution.retry_wait_ms:,} ms, doubled each time",
        )
    if breaker := execution.breaker:
        yield (
            "Circuit breaker",
            f"{breaker.failures} failures in a row stop it for {breaker.open_s} s",
        )
    if execution.cache_ttl:
        yield "Cache", f"Results are kept for {execution.cache_ttl:,} s"
    if execution.cost is not None:
        yield "Cost", f"${execution.cost:g} a call"


def _count(calls: int) -> str:
    return f"{calls:,} call{'s' * (calls != 1)}"


def _tell_executor(executor: str | Executor) -> Iterator[tuple[str, str]]:
    match executor:
        case str():
            yield "Run by", f"{executor}, of which nothing more is said"
            return
        case Mock():
            delay = f", after {executor.delay_ms:,} ms" if executor.delay_ms else ""
            yield "Run by", f"a mock: the answer is {executor.answer}{delay}"
            return
        case Http():
            yield "Run by", f"{executor.method} {executor.url}"
            for header in executor.headers:
                yield f"Header {header.name}", _tell_header(header)
        case Lambda():
            yield "Run by", f"AWS Lambda: {executor.function} in {executor.region}"
        case Mcp():
            where = executor.command or executor.url
            named = f"{executor.tool} of " if executor.tool else ""
            yield "Run by", f"{named}the MCP server {where}"
    if executor.result:
        yield "Result", f"what stands at {executor.result} of the answer"


def _tell_header(header: Header) -> str:
    if not header.variable:
        return header.value
    return f"{header.prefix}(from the environment variable {header.variable})"
