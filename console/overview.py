"""What the overview says of a project: the last day's calls, what came last, what to do first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, Sum

from console.accounts.models import Project
from console.lib import uuid7
from console.lib.proportions import wilson
from conversations.models import Conversation, IngestLoss, Run, ToolCall
from tools_registry.models import Tool, ToolVersion

DAY = timedelta(hours=24)
SAMPLE_TOOL = """{
  "name": "get_weather",
  "description": "The weather in a city right now",
  "parameters": {
    "type": "object",
    "required": ["city"],
    "properties": {
      "city": {"type": "string", "description": "City name, such as Oslo"},
      "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}
    },
    "additionalProperties": false
  }
}"""


def write_put(site: str) -> str:
    """The command that registers the sample tool with an API key."""
    return (
        f"curl -X PUT {site}/api/v1/tools/get_weather \\\n"
        '  -H "Authorization: Bearer $MISFIRE_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{SAMPLE_TOOL}'"
    )


@dataclass(frozen=True, slots=True)
class Share:
    """So many of the day's calls, in per cent with the 95 % interval; no interval without calls."""

    count: int
    whole: int

    @property
    def percent(self) -> float:
        return 100 * self.count / self.whole if self.whole else 0.0

    @property
    def low(self) -> float:
        return 100 * wilson(self.count, self.whole)[0]

    @property
    def high(self) -> float:
        return 100 * wilson(self.count, self.whole)[1]


@dataclass(frozen=True, slots=True)
class Calls:
    """Tool calls of 24 hours by verdict."""

    total: int
    flagged: Share
    rejected: Share

    @property
    def accepted(self) -> Share:
        return Share(self.total - self.flagged.count - self.rejected.count, self.total)


def count_calls(project: Project, now: datetime) -> Calls:
    """Count by the key range of the day, which reads no older partition."""
    counted = ToolCall.objects.filter(project=project, id__gte=uuid7.floor(now - DAY)).aggregate(
        total=Count("id"),
        flagged=Count("id", filter=Q(verdict="flagged")),
        rejected=Count("id", filter=Q(verdict="rejected")),
    )
    total = counted["total"]
    return Calls(total, Share(counted["flagged"], total), Share(counted["rejected"], total))


def latest_conversations(project: Project, limit: int = 10) -> list[Conversation]:
    return list(Conversation.objects.filter(project=project).order_by("-last_at", "-id")[:limit])


def latest_versions(project: Project, limit: int = 5) -> list[ToolVersion]:
    """The tool versions that came last, with their tool and who registered them."""
    versions = ToolVersion.objects.filter(project=project).select_related("tool", "created_by")
    return list(versions.order_by("-created_at", "-id")[:limit])


def count_lost(project: Project, now: datetime) -> int:
    """Turns of the day that passed the proxy and could not be recorded."""
    lost = IngestLoss.objects.filter(project=project, last_at__gte=now - DAY)
    return lost.aggregate(turns=Sum("turns"))["turns"] or 0


@dataclass(frozen=True, slots=True)
class Progress:
    """Which of the first three things are done."""

    has_tool: bool
    has_run: bool
    has_used_key: bool

    @property
    def is_complete(self) -> bool:
        return self.has_tool and self.has_run and self.has_used_key


def measure_progress(project: Project) -> Progress:
    return Progress(
        has_tool=Tool.objects.filter(project=project).exists(),
        has_run=Run.objects.filter(project=project).exists(),
        has_used_key=project.api_keys.exclude(last_used_at=None).exists(),
    )
