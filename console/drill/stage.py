"""Where a drill is played: a project of its own with a key, and the rule that watches it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from analytics.alerts.defaults import BY_KEY
from analytics.alerts.forms.rules import make_default
from analytics.alerts.records import AlertRule
from console.accounts.models import ApiKey, Member, Project, User

_SCOPES = ("ingest", "read", "replay")


@dataclass(frozen=True)
class Stage:
    project: Project
    rule: AlertRule
    key: ApiKey
    text: str
    """The key itself."""

    def strike(self) -> None:
        """Void the key and watch no longer; what was seen stays."""
        ApiKey.objects.filter(pk=self.key.pk).update(revoked_at=timezone.now())
        AlertRule.objects.filter(pk=self.rule.pk).update(enabled=False)


def build(now: datetime, window: int) -> Stage:
    """A new project whose administrators are those of the console, with the first of the rules
    that an empty page offers; only its window is ``window`` seconds."""
    slug = f"drill-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    project = Project.objects.create(slug=slug, name=f"Drill {now:%Y-%m-%d %H:%M}")
    for user in User.objects.filter(is_superuser=True, is_active=True):
        Member.objects.create(project=project, user=user, role="admin")
    key, text = ApiKey.issue(project=project, name="drill", scopes=list(_SCOPES))
    rule = make_default(project, BY_KEY["rejections"], None)
    assert rule is not None
    AlertRule.objects.filter(pk=rule.pk).update(window=window)
    return Stage(project, rule, key, text)
