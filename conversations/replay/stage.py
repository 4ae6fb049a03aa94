"""All that a worker needs of a replay, read once: variants, definitions, policies, cases."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from console.accounts.models import Project
from console.lib import json
from conversations.models import Connection
from conversations.replay.answers import Policy
from conversations.replay.cases import Case
from conversations.replay.composition import Composed, compose
from conversations.replay.judging import Bench
from conversations.replay.records import Replay, ReplayCase
from conversations.replay.variants import Variant
from conversations.routers.offering import offer
from tools_registry.dialects import to_openai_chat
from tools_registry.models import Tool, ToolVersion
from tools_registry.policies import PolicySpec, compile_policy
from tools_registry.policies.published import policies_for
from tools_registry.validation import CompiledPolicy

_KEPT = 2_000
"""Cases that are kept read."""


def read_versions(project: Project, variants: Iterable[Variant]) -> dict[int, Mapping[str, Any]]:
    """The definitions of the tool versions that variants name, by key; those missing are absent."""
    wanted = {version for variant in variants for version in variant.versions}
    found = ToolVersion.objects.filter(project=project, pk__in=wanted)
    return {version.pk: to_openai_chat(version.spec) for version in found}


@dataclass(frozen=True)
class Scene:
    """One case under one variant, ready to be asked and judged."""

    case: Case
    composed: Composed
    bench: Bench
    routed: str = ""


class Stage:
    """A replay as one worker sees it. Nothing of it changes while it runs but the cases'
    expectations, which are read with the cases."""

    def __init__(self, row: Replay) -> None:
        self.row, self.project = row, row.project
        self.variants = {one.pk: one.value for one in row.variants.all()}
        self.versions = read_versions(self.project, self.variants.values())
        self.connections = self._read_connections()
        names = Tool.objects.filter(project=self.project).values_list("name", flat=True)
        self.known = frozenset(names)
        self.answers = Policy.from_json(row.answers)
        self._policies = {pk: self._judges(one) for pk, one in self.variants.items()}
        self._cases: OrderedDict[int, Case] = OrderedDict()

    def _read_connections(self) -> dict[int, Connection]:
        lanes = self.row.outcomes.order_by().values_list("connection_id", flat=True).distinct()
        return Connection.objects.in_bulk([lane for lane in lanes if lane is not None])

    def _judges(self, variant: Variant) -> Mapping[str, CompiledPolicy]:
        published = dict(policies_for(self.project))
        for name, document in variant.policies.items():
            published.pop(name, None)
            if document is not None:
                spec = PolicySpec.from_json(document)
                published[name] = compile_policy(spec, is_tried=True)
        return published

    def read_cases(self, keys: Iterable[int]) -> None:
        """Read these cases where they are not read yet."""
        missing = set(keys) - self._cases.keys()
        if not missing:
            return
        for pk, body in ReplayCase.objects.filter(pk__in=missing).values_list("pk", "body"):
            self._cases[pk] = Case.from_json(json.load(body))
        while len(self._cases) > _KEPT:
            self._cases.popitem(last=False)

    def has_router(self, variant: int) -> bool:
        return self.variants[variant].router is not None

    def scene(self, case_key: int, variant_key: int) -> Scene:
        """The case under the variant. Asks the router where the variant has one, which reads the
        database and may ask a model: raises ``NotRouted``."""
        self.read_cases([case_key])
        case, variant = self._cases[case_key], self.variants[variant_key]
        composed, routed = compose(case, variant, self.versions), ""
        if variant.router is not None:
            chosen = offer(self.project, variant.router, composed.messages, composed.names)
            composed, routed = composed.offering(chosen.tools), chosen.why
        bench = Bench(composed.specs, self.known, composed.tool_choice, self._policies[variant_key])
        return Scene(case, composed, bench, routed)
