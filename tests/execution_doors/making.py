"""Tools with policies, for tests of the doors that run them."""

from __future__ import annotations

from typing import Any

from console.accounts.models import Project
from tests.factories import WEATHER, make_tool_version
from tools_registry.models import Policy
from tools_registry.policies import PolicySpec
from tools_registry.policies.published import forget_policies


def mock(content: str = '{"degrees": 21}', delay_ms: int = 0) -> dict[str, Any]:
    return {"kind": "mock", "content": content, "delay_ms": delay_ms}


def make_runnable(
    project: Project, name: str = "get_weather", *, rules: Any = (), destructive: bool = False,
    definition: Any = None, **execution: Any,
) -> Policy:  # fmt: skip
    """A tool whose published policy runs it; without an executor named, a mock does."""
    version = make_tool_version(project, (definition or WEATHER) | {"name": name})
    execution.setdefault("executor", mock())
    document: dict[str, Any] = {
        "execution": execution,
        "destructive": destructive,
        "rules": list(rules),
    }
    if destructive:
        document |= {"destructive": True, "confirmation": {"argument": "/confirmed"}}
    policy = Policy(project=project, tool=version.tool, number=1)
    policy.write(PolicySpec.from_json(document))
    policy.save()
    policy.publish(None)
    forget_policies(project)
    return policy
