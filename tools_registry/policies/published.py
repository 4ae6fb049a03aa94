"""The published policies of a project, ready to use: read from the database every few seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from console.accounts.models import Project
from console.lib import json
from tools_registry.policies.compiled import CompiledPolicy, compile_policy
from tools_registry.policies.models import Policy
from tools_registry.policies.parts import BadPolicy
from tools_registry.policies.spec import PolicySpec

logger = logging.getLogger(__name__)

FRESH = 3.0
"""Seconds for which a process uses policies without looking again."""

Compiled = Mapping[int, CompiledPolicy]
"""The compiled policies of a project by their tools' ids."""


@dataclass(frozen=True, slots=True)
class _Read:
    at: float
    keys: frozenset[tuple[int, int]]
    by_tool: Compiled
    by_name: Mapping[str, CompiledPolicy]


_NOTHING = _Read(0.0, frozenset(), MappingProxyType({}), MappingProxyType({}))
_read: dict[int, _Read] = {}


def policy_for(project: Project, tool: int) -> CompiledPolicy | None:
    """The published policy of the tool with this id, None where it has none.

    A change is followed within ``FRESH`` seconds.
    """
    return _look(project.pk).by_tool.get(tool)


def policies_for(project: Project) -> Mapping[str, CompiledPolicy]:
    """All published policies of the project by their tools' names."""
    return _look(project.pk).by_name


def _look(project: int) -> _Read:
    now, known = time.monotonic(), _read.get(project, _NOTHING)
    if known is not _NOTHING and now - known.at < FRESH:
        return known
    published = Policy.objects.filter(project=project, state="published")
    keys = frozenset(published.values_list("tool_id", "pk"))
    if known is _NOTHING or known.keys != keys:
        known = _compile(list(published.select_related("tool"))) if keys else _NOTHING
    _read[project] = _Read(now, keys, known.by_tool, known.by_name)
    return _read[project]


def _compile(policies: list[Policy]) -> _Read:
    """A published policy was compiled when it was saved, so that a failure here is of ours."""
    by_tool: dict[int, CompiledPolicy] = {}
    by_name: dict[str, CompiledPolicy] = {}
    for policy in policies:
        try:
            spec = PolicySpec.from_json(json.load(policy.document))
            compiled = compile_policy(spec, number=policy.number, is_tried=True)
        except BadPolicy:
            logger.exception("%s cannot be used and judges no call", policy)
            continue
        by_tool[policy.tool_id] = by_name[policy.tool.name] = compiled
    return _Read(0.0, frozenset(), by_tool, by_name)


def forget_policies(project: Project) -> None:
    """Read the policies anew in this process: they were just changed here."""
    _read.pop(project.pk, None)
