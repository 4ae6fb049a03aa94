"""Which keys are guarded, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import models

from console.accounts.models import ApiKey, Project, User
from tools_registry.models import RouterVersion
from tools_registry.policies import CompiledPolicy
from tools_registry.policies.published import policies_for
from tools_registry.routing import RouterSpec

MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Terms:
    """How a key's calls are guarded: its router with the version's name, how often rejected calls
    are answered back to the model before they are held, and the project's published policies by
    tool."""

    tries: int
    policies: Mapping[str, CompiledPolicy] = field(default_factory=dict, repr=False)
    router: RouterSpec | None = None
    router_name: str = ""


class ProxyGuard(models.Model):
    """The guard of a key; a key without a row is only observed."""

    api_key = models.OneToOneField(ApiKey, models.CASCADE, related_name="guard")
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    router_version = models.ForeignKey(
        RouterVersion, models.CASCADE, null=True, blank=True, related_name="+"
    )
    tries = models.PositiveSmallIntegerField(default=2)
    changed_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "conversations"

    def __str__(self) -> str:
        return f"guard of {self.api_key_id}"

    @property
    def terms(self) -> Terms:
        version, policies = self.router_version, policies_for(self.project)
        if version is None:
            return Terms(self.tries, policies)
        return Terms(self.tries, policies, version.spec, str(version))


def terms_of(api_key: int) -> Terms | None:
    """None for a key that is only observed."""
    rows = ProxyGuard.objects.select_related("project", "router_version__router").filter(
        api_key=api_key
    )
    found = rows.first()
    return found.terms if found else None
