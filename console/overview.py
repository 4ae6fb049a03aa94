"""What the overview says beside its figures: what came last, and what to do first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from console.accounts.models import Project
from conversations.models import Conversation, IngestLoss, Run
from tools_registry.models import Tool

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


def latest_conversations(project: Project, limit: int = 10) -> list[Conversation]:
    return list(Conversation.objects.filter(project=project).order_by("-last_at", "-id")[:limit])


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
