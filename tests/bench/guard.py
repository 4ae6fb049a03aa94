"""What guarding adds to a call through the proxy, without a model: the provider answers at once.

``python -m tests.bench.guard [--calls 400]`` starts servers of its own. One key observes and one
guards, with a router of words and a policy with a rule; they take turns. Twenty tools are sent,
and the answer calls one of them rightly, so that nothing is asked twice. A second key that observes
shows how much two equal ways differ: what the machine adds by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import Any

import httpx2

from tests.bench.proxy import at
from tests.bench.socket import servers

TARGET_MS = 10.0
PARAMETERS = {
    "type": "object",
    "properties": {"query": {"type": "string", "minLength": 1}},
    "required": ["query"],
    "additionalProperties": False,
}
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {"name": f"find_{number}", "description": "Find.", "parameters": PARAMETERS},
    }
    for number in range(20)
]
ROUTER = {
    "groups": [
        {"name": "first", "tools": [f"find_{number}" for number in range(10)]},
        {"name": "second", "tools": [f"find_{number}" for number in range(10, 20)]},
    ],
    "keywords": [{"words": ["order*"], "groups": ["first"]}],
}
RULE = {"name": "short", "expression": "size(args.query) < 1000"}


def make_rows(upstream: str) -> dict[str, str]:
    """Keys by what the proxy does with their calls."""
    import django

    django.setup()
    from conversations.guard.records import ProxyGuard
    from tests.factories import make_connection, make_key, make_project, make_tool_version
    from tools_registry.models import Policy, Router
    from tools_registry.policies import PolicySpec
    from tools_registry.routing import RouterSpec

    project = make_project()
    make_connection(project, name="bench", base_url=upstream)
    version = make_tool_version(project, TOOLS[0]["function"])
    policy = Policy(project=project, tool=version.tool, number=1)
    policy.write(PolicySpec.from_json({"rules": [RULE]}))
    policy.save()
    policy.publish(None)
    router = Router.objects.create(project=project, name="bench")
    keys = {
        name: make_key(project, ["ingest"], name=name) for name in ("observe", "again", "guard")
    }
    ProxyGuard.objects.create(
        api_key=keys["guard"][0],
        project=project,
        router_version=router.write(RouterSpec.from_json(ROUTER), None),
    )
    return {name: text for name, (_, text) in keys.items()}


async def measure(web: str, keys: dict[str, str], calls: int) -> dict[str, list[float]]:
    """Milliseconds of each call, by what the proxy does."""
    found: dict[str, list[float]] = {name: [] for name in keys}
    messages = [{"role": "user", "content": "Where is my order?"}]
    body = {"model": "bench-t0-g0-n1", "messages": messages, "tools": TOOLS}
    async with httpx2.AsyncClient(base_url=web, trust_env=False, timeout=30) as client:
        for number in range(calls + 20):
            for name, key in keys.items():
                begun = time.perf_counter()
                answer = await client.post(
                    "/proxy/bench/v1/chat/completions", json=body, headers={"X-Misfire-Key": key}
                )
                took = (time.perf_counter() - begun) * 1000
                said = "passed" if name == "guard" else None
                assert answer.status_code == 200
                assert answer.headers.get("x-misfire-guard") == said
                if number >= 20:
                    found[name].append(took)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=400)
    options, _ = parser.parse_known_args()
    with servers() as (web, upstream, _):
        found = asyncio.run(measure(web, make_rows(upstream), options.calls))
    for name, values in found.items():
        print(
            f"{name:>8}: median {statistics.median(values):.2f} ms, p95 {at(values, 0.95):.2f} ms"
        )
    added = 0.0
    for name in ("again", "guard"):
        median = statistics.median(found[name]) - statistics.median(found["observe"])
        added = at(found[name], 0.95) - at(found["observe"], 0.95)
        print(f"{name} adds: median {median:+.2f} ms, p95 {added:+.2f} ms")
    met = added < TARGET_MS
    print("The target was met." if met else "The target was missed.")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
