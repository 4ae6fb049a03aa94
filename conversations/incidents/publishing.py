"""Publishing what a replay's variant changed, with the replay as the evidence for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max

from console.accounts.models import Project, User
from conversations.incidents.afterwards import Proof
from conversations.incidents.lifecycle import log
from conversations.incidents.records import Incident
from conversations.replay.variants import Tool, Variant
from tools_registry import publishing, registry
from tools_registry.checking import lint_next
from tools_registry.dialects import read_tool
from tools_registry.models import Policy, ToolVersion
from tools_registry.policies.published import forget_policies
from tools_registry.policies.spec import PolicySpec
from tools_registry.publishing import Blocked, find_tool, open_drafts
from tools_registry.specs import ToolSpec


@dataclass(frozen=True, slots=True)
class Change:
    """A definition that a variant offered. ``version`` is the one with this very content, None
    where it would be a new one; ``number`` is what it is or would be."""

    spec: ToolSpec
    version: ToolVersion | None
    number: int
    errors: tuple[str, ...] = ()

    @property
    def is_published(self) -> bool:
        return self.version is not None and self.version.state == "published"

    def __str__(self) -> str:
        return f"{self.spec.name} v{self.number}"


def changes_of(project: Project, variant: Variant) -> list[Change]:
    """The definitions that the variant offers instead of what was recorded, each once."""
    specs = {spec.hash: spec for spec in _specs(project, variant)}
    return [_describe(project, spec) for spec in specs.values()]


def _specs(project: Project, variant: Variant) -> Iterator[ToolSpec]:
    offered: list[Tool] = [*variant.replaced.values(), *variant.added, *(variant.toolset or ())]
    versions = ToolVersion.objects.filter(project=project).in_bulk(
        [tool for tool in offered if isinstance(tool, int)]
    )
    for tool in offered:
        if isinstance(tool, int):
            if tool in versions:
                yield versions[tool].spec
        elif (spec := read_tool(tool)) is not None:
            yield spec


def _describe(project: Project, spec: ToolSpec) -> Change:
    tool = find_tool(project, spec.name)
    version = tool.versions.filter(hash=spec.hash).first() if tool else None
    latest = tool.latest if tool else None
    number = version.number if version else latest.number + 1 if latest else 1
    errors = lint_next(project, spec, tool).errors if version is None else []
    return Change(spec, version, number, tuple(f"{one.code} {one.pointer}" for one in errors))


def publish(incident: Incident, proof: Proof, user: User, *, reason: str = "") -> list[Change]:
    """Publish the tools and policies that the variant changed, with the replay as the evidence.

    Raises ``Blocked`` where there is nothing to publish, and for lint errors without a
    ``reason``.
    """
    variant, project = proof.variant.value, incident.project
    changes = changes_of(project, variant)
    policies = {name: document for name, document in variant.policies.items() if document}
    if not changes and not policies:
        raise Blocked("This variant changes no tool and no policy: there is nothing to publish")
    if any(change.errors for change in changes) and not reason:
        raise Blocked("Lint reports errors: mend them, or say why to publish anyway")
    with transaction.atomic():
        # Of two who publish at once the second finds what the first did.
        Incident.objects.select_for_update(of=("self",)).get(pk=incident.pk)
        for change in changes:
            version = _publish_tool(incident, change, proof, user, reason)
            detail = {"version": version.pk, "replay": proof.replay.number, "url": proof.url}
            log(incident, "published", f"{version}, by {_tell(proof)}", author=user, detail=detail)
        for name, document in policies.items():
            number = _publish_policy(project, name, document, incident, proof, user)
            text = f"Policy {number} of {name}, by {_tell(proof)}"
            detail = {"replay": proof.replay.number, "url": proof.url}
            log(incident, "published", text, author=user, detail=detail)
    return changes


def _tell(proof: Proof) -> str:
    return f"{proof.replay.name}. {proof.text}"


def _publish_tool(
    incident: Incident, change: Change, proof: Proof, user: User, reason: str
) -> ToolVersion:
    """A new version, or one that is there; an open draft of this content becomes it."""
    told: dict[str, Any] = {
        "note": f"Fix of {incident.name}",
        "reason": reason if change.errors else "",
        "evidence": [{"name": proof.replay.name, "url": proof.url, "text": proof.text}],
    }
    tool = find_tool(incident.project, change.spec.name)
    for draft in open_drafts(incident.project, tool) if change.version is None else ():
        spec = draft.read().spec
        if spec is not None and spec.hash == change.spec.hash:
            return publishing.publish(draft, revision=draft.revision, user=user, **told)
    told["overrode"] = change.errors
    return registry.register(incident.project, change.spec, user=user, **told)[0]


def _publish_policy(
    project: Project,
    name: str,
    document: Mapping[str, Any],
    incident: Incident,
    proof: Proof,
    user: User,
) -> int:
    """The number of the policy; one with this content that is published stays."""
    spec, tool = PolicySpec.from_json(document), find_tool(project, name)
    if tool is None:
        raise Blocked(f"There is no tool {name} to have a policy")
    published = tool.policies.filter(state="published", hash=spec.hash).first()
    if published:
        return published.number
    last = tool.policies.aggregate(last=Max("number"))["last"] or 0
    note = f"Fix of {incident.name}, by {proof.replay.name}"
    policy = Policy(project=project, tool=tool, number=last + 1, note=note, created_by=user)
    policy.write(spec)
    policy.save()
    policy.publish(user)
    forget_policies(project)
    return policy.number
