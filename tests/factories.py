"""Real rows for tests: every function makes one, with sensible values where none is given.

``make_people`` gives the people of the access tests: Alice (admin), Bob (engineer),
Rita (responder) and Vera (viewer) of one project, and Charlie, admin of another.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone

from console.accounts.models import ApiKey, Invitation, Member, Project, User
from console.lib import json
from conversations.models import Connection, Conversation, Quarantined, Run, ToolCall, Turn
from tools_registry.imports.plan import plan
from tools_registry.imports.reading import read_text
from tools_registry.models import Tool, ToolImport, Toolset, ToolVersion
from tools_registry.specs import ToolSpec

PASSWORD = "a long enough passphrase"
_numbers = itertools.count(1)

WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "The weather of a city now.",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
}


def make_user(email: str = "", **fields: Any) -> User:
    """A user who signs in with ``PASSWORD``."""
    email = email or f"user{next(_numbers)}@example.com"
    return User.objects.create(email=email, password=_hash_password(), **fields)


@functools.cache
def _hash_password() -> str:
    """Once a test run: hashing is slow on purpose."""
    return make_password(PASSWORD)


def make_project(name: str = "", slug: str = "") -> Project:
    number = next(_numbers)
    name = name or f"Project {number}"
    return Project.objects.create(name=name, slug=slug or f"project-{number}")


def make_member(
    project: Project | None = None, role: str = "admin", user: User | None = None
) -> Member:
    return Member.objects.create(
        project=project or make_project(), user=user or make_user(), role=role
    )


def make_key(
    project: Project | None = None, scopes: Iterable[str] = ("read",), name: str = "a key"
) -> tuple[ApiKey, str]:
    """A key and its text, to be sent as ``Authorization: Bearer <text>``."""
    return ApiKey.issue(project=project or make_project(), name=name, scopes=list(scopes))


def make_invitation(
    project: Project | None = None, role: str = "engineer", email: str = ""
) -> tuple[Invitation, str]:
    """An open invitation and its token; without a project that of the first administrator."""
    return Invitation.issue(project=project, role=role, email=email)


@dataclass(frozen=True)
class People:
    project: Project
    alice: Member
    bob: Member
    rita: Member
    vera: Member
    charlie: Member

    @property
    def by_role(self) -> dict[str, Member]:
        return {
            "viewer": self.vera,
            "responder": self.rita,
            "engineer": self.bob,
            "admin": self.alice,
        }


def make_people() -> People:
    project = make_project()

    def member(name: str, role: str, of: Project = project) -> Member:
        email = f"{name.lower()}{next(_numbers)}@example.com"
        return make_member(of, role, make_user(email, name=name))

    return People(
        project=project,
        alice=member("Alice", "admin"),
        bob=member("Bob", "engineer"),
        rita=member("Rita", "responder"),
        vera=member("Vera", "viewer"),
        charlie=member("Charlie", "admin", make_project()),
    )


def client_of(who: Member | User, **options: Any) -> Client:
    """A browser in which this person has signed in."""
    client = Client(**options)
    client.force_login(who.user if isinstance(who, Member) else who)
    return client


def make_tool(project: Project | None = None, name: str = "get_weather") -> Tool:
    return Tool.objects.get_or_create(project=project or make_project(), name=name)[0]


def make_tool_version(
    project: Project | None = None,
    definition: Mapping[str, Any] | ToolSpec = WEATHER,
    **fields: Any,
) -> ToolVersion:
    """The next version of the tool that the definition names."""
    spec = definition if isinstance(definition, ToolSpec) else ToolSpec.from_json(definition)
    tool = make_tool(project, spec.name)
    if fields.get("origin", "registered") == "registered":
        fields = {"published_at": timezone.now(), **fields}
    return ToolVersion.objects.create(
        project=tool.project,
        tool=tool,
        number=tool.versions.count() + 1,
        hash=spec.hash,
        definition=json.dump(spec.to_json()),
        **fields,
    )


def make_import(
    project: Project | None = None, definition: object = WEATHER, *, name: str = "tools.json"
) -> ToolImport:
    """An import that was read and waits to be saved."""
    project = project or make_project()
    read = read_text(json.dump(definition))
    planned, _ = plan(project, read.items)
    items = json.dump([one.to_json() for one in planned])
    return ToolImport.objects.create(
        project=project, kind="text", source=name, state="ready", found=read.format, items=items
    )


def make_toolset(*versions: ToolVersion) -> Toolset:
    """The versions as one request offers them, in the form of OpenAI."""
    wire = json.dump(
        [{"type": "function", "function": version.spec.to_json()} for version in versions]
    )
    return Toolset.objects.create(
        project=versions[0].project,
        hash=hashlib.sha256(wire.encode()).hexdigest(),
        wire=wire,
        versions=[version.pk for version in versions],
    )


def make_connection(project: Project | None = None, **fields: Any) -> Connection:
    """A connection that no test reaches by accident: to a closed port of this machine."""
    number = next(_numbers)
    values = {
        "name": f"Connection {number}",
        "protocol": "openai",
        "base_url": "http://127.0.0.1:9/v1",
        "model_names": ["a-model"],
    }
    return Connection.objects.create(project=project or make_project(), **(values | fields))


def make_conversation(project: Project | None = None, **fields: Any) -> Conversation:
    now = timezone.now()
    values = {
        "key": f"conversation-{next(_numbers)}",
        "title": "What is the weather in Lisbon?",
        "source": "api",
        "started_at": now,
        "last_at": now,
    }
    return Conversation.objects.create(project=project or make_project(), **(values | fields))


def make_turn(
    conversation: Conversation | None = None, at: datetime | None = None, **fields: Any
) -> Turn:
    """A finished turn, the next of its conversation; values that are not text become JSON."""
    conversation = conversation or make_conversation()
    number = conversation.turns.count() + 1
    messages = fields.pop("messages", [{"role": "user", "content": "What is the weather?"}])
    values = {
        "number": number,
        "key": f"{conversation.key}-{number}",
        "at": at or timezone.now(),
        "source": conversation.source,
        "model": "a-model",
        "messages": messages,
        "message_count": len(messages),
        "response": {"role": "assistant", "content": "Sunny."},
        "finish_reason": "stop",
    }
    given = values | fields
    for name in ("messages", "parameters", "response", "error", "usage", "findings"):
        if name in given and not isinstance(given[name], str):
            given[name] = json.dump(given[name])
    turn = Turn.objects.create(project=conversation.project, conversation=conversation, **given)
    conversation.turn_count = number
    conversation.save(update_fields=["turn_count"])
    return turn


def make_call(turn: Turn | None = None, **fields: Any) -> ToolCall:
    """A call of the turn, the next by its position."""
    turn = turn or make_turn()
    position = ToolCall.objects.filter(turn_id=turn.pk).count()
    values = {
        "position": position,
        "at": turn.at,
        "call_id": f"call_{next(_numbers)}",
        "name": "get_weather",
        "arguments": '{"city":"Lisbon"}',
        "model": turn.model,
    }
    call = ToolCall.objects.create(
        project=turn.project,
        conversation=turn.conversation,
        turn_id=turn.pk,
        **(values | fields),
    )
    turn.conversation.call_count += 1
    turn.conversation.save(update_fields=["call_count"])
    return call


def make_quarantined(project: Project | None = None, **fields: Any) -> Quarantined:
    """An open record in quarantine."""
    values = {
        "door": "api",
        "received_at": timezone.now(),
        "reason": "clock_skew",
        "body": b"{}",
    }
    return Quarantined.objects.create(project=project or make_project(), **(values | fields))


def make_run(project: Project | None = None, **fields: Any) -> Run:
    """A finished run of the playground."""
    project = project or make_project()
    values = {
        "request": json.dump({"messages": [{"role": "user", "content": "Hello"}], "tools": []}),
        "model": "a-model",
        "title": "Hello",
        "status": "finished",
        "finished_at": timezone.now(),
    }
    given = values | fields
    if "connection" not in given:
        given["connection"] = make_connection(project)
    return Run.objects.create(project=project, **given)
