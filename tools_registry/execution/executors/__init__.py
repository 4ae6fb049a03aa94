"""What runs a tool: one file a kind, loaded on first use.

An executor is made of its settings. It returns an ``Answer`` or raises ``Fault``; it neither
waits for more than its socket allows nor tries again: both are the runner's business.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from tools_registry.execution.executors.base import Answer, Executor, Fault, Job, Preview
from tools_registry.policies import execution

EXECUTORS = {
    "mock": "tools_registry.execution.executors.mock:MockExecutor",
    "http": "tools_registry.execution.executors.http:HttpExecutor",
    "lambda": "tools_registry.execution.executors.aws_lambda:LambdaExecutor",
    "mcp": "tools_registry.execution.executors.mcp:McpExecutor",
}


def load(settings: execution.Executor) -> Executor:
    """The executor of these settings."""
    module, name = EXECUTORS[settings.kind].split(":")
    return cast(Executor, getattr(import_module(module), name)(settings))


__all__ = ["Answer", "Executor", "Fault", "Job", "Preview", "load"]
