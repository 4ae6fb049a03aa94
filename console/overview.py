"""What the overview says beside its figures: what came last, and what to do first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from console.accounts.models import Project
from conversations.connections import find_open
from conversations.doors.proxy.snippets import Target, write_curl
from conversations.models import Conversation, IngestLoss, Run
from conversations.views.connect import target_of
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


def write_call(project: Project, site: str) -> str:
    """The command that asks a model of the project through the recording proxy."""
    asked = next((one for one in find_open(project) if one.protocol in ("local", "openai")), None)
    return write_curl(site, target_of(asked) if asked else Target("openai", "openai"))


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
