"""The policy of a tool: what the model does not see, and we enforce.

Pure but for ``models`` and ``published``: a ``PolicySpec`` is a value with an identity,
``compile_policy`` makes it ready to judge calls, ``sanitise`` shows what its transformations
would make of a value.
"""

from __future__ import annotations

from tools_registry.policies.compiled import CompiledPolicy, compile_policy
from tools_registry.policies.context import CallContext
from tools_registry.policies.parts import BadPolicy, Problem
from tools_registry.policies.sanitisers import Change, Sanitised, sanitise
from tools_registry.policies.spec import PolicySpec

__all__ = [
    "BadPolicy",
    "CallContext",
    "Change",
    "CompiledPolicy",
    "PolicySpec",
    "Problem",
    "Sanitised",
    "compile_policy",
    "sanitise",
]
