"""From a start request to an order: read it, or refuse it.

``check`` refuses with every reason together, so that a blocked Run lists them all.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import compress
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from console.accounts.models import Project, User
from console.lib import json, uuid7
from conversations.connections import endpoint_of
from conversations.models import Connection, Conversation
from conversations.providers import Ask, Endpoint
from conversations.routers.offering import NotRouted, offer
from tools_registry.dialects import UnreadableTool, read_tool, to_openai_chat
from tools_registry.models import ToolVersion
from tools_registry.specs import ToolSpec

MODES = ("hand", "fixed", "sample", "recorded", "execute")
MOST_ROUNDS = 50
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")


class Blocked(Exception):
    """The run cannot start; ``reasons`` are all that stand in its way, each with its cure."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class AnswerMode(BaseModel):
    """How calls of one tool are answered."""

    mode: str = "hand"
    content: str = ""


class RunRequest(BaseModel):
    """The ``request`` of ``run.start``, as docs/protocol.md describes it.

    ``routed`` is ours to say: what the router chose and why.
    """

    model_config = ConfigDict(extra="forbid")

    connection: int
    model: str = Field(min_length=1, max_length=200)
    messages: list[dict[str, Any]] = Field(min_length=1)
    tools: list[dict[str, Any]] = []
    tool_choice: str | dict[str, Any] | None = None
    parameters: dict[str, Any] = {}
    stream: bool = True
    answers: dict[str, AnswerMode] = {}
    group: UUID | None = None
    column: str = Field(default="A", pattern="^[A-D]$")
    trial: int = Field(default=1, ge=1, le=1000)
    title: str = Field(default="", max_length=300)
    conversation: UUID | None = None
    max_rounds: int = Field(default=8, ge=1, le=MOST_ROUNDS)
    router: int | None = None
    pause: bool | None = None
    routed: str = ""


@dataclass(frozen=True)
class Picked:
    """One tool of the request: its spec, the entry that is sent, its version if it is one."""

    spec: ToolSpec | None
    wire: dict[str, Any]
    version: ToolVersion | None = None


@dataclass(frozen=True)
class Checked:
    """A start request that may run."""

    body: RunRequest
    text: str
    connection: Connection
    tools: list[Picked]
    conversation: Conversation | None


@dataclass(frozen=True)
class Order:
    """A run that may start: its id is chosen, its rows are not made yet."""

    project: Project
    user: User
    checked: Checked
    ref: str = ""
    run: UUID = field(default_factory=uuid7.now)
    begun: float = field(default_factory=time.monotonic)

    @property
    def connection(self) -> Connection:
        return self.checked.connection

    @property
    def endpoint(self) -> Endpoint:
        """Raises ``ProviderFault`` where the key is missing."""
        return endpoint_of(self.connection)

    @property
    def ask(self) -> Ask:
        """The first model call."""
        body = self.checked.body
        return Ask(
            model=body.model,
            messages=body.messages,
            tools=[pick.wire for pick in self.checked.tools],
            tool_choice=body.tool_choice,
            parameters={
                key: value
                for key, value in body.parameters.items()
                if key != "strict" and value is not None
            },
            stream=body.stream,
        )


def check(project: Project, payload: Any) -> Checked:
    """Read a start request. Raises ``Blocked`` with every reason."""
    try:
        body = RunRequest.model_validate(payload)
    except ValidationError as error:
        raise Blocked([_say(problem) for problem in error.errors(include_url=False)]) from None
    reasons: list[str] = []
    connection = _find_connection(project, body, reasons)
    tools = _read_tools(project, body, reasons)
    _check_messages(body, reasons)
    _check_choice(body, tools, reasons)
    _check_answers(body, tools, reasons)
    conversation = _find_conversation(project, body, reasons)
    if reasons or connection is None:
        raise Blocked(reasons)
    body, tools = _route(project, body, tools)
    said = {"tools": body.tools, "routed": body.routed} if body.router is not None else {}
    return Checked(body, json.dump({**payload, **said}), connection, tools, conversation)


def _route(
    project: Project, body: RunRequest, tools: list[Picked]
) -> tuple[RunRequest, list[Picked]]:
    """The request with those of its tools that its router offers. Raises ``Blocked``."""
    if body.router is None:
        return body.model_copy(update={"routed": ""}), tools
    names = [pick.spec.name for pick in tools if pick.spec]
    try:
        routed = offer(project, body.router, body.messages, names)
    except NotRouted as error:
        raise Blocked([str(error)]) from None
    kept = [not pick.spec or pick.spec.name in routed.tools for pick in tools]
    narrowed = list(compress(tools, kept))
    more = {"tools": list(compress(body.tools, kept)), "routed": routed.why}
    body = body.model_copy(update=more)
    reasons: list[str] = []
    _check_choice(body, narrowed, reasons)
    if reasons:
        raise Blocked([f"{routed.why}. {reason}" for reason in reasons])
    return body, narrowed


def _say(problem: Mapping[str, Any]) -> str:
    place = "/".join(map(str, problem["loc"])) or "the request"
    if problem["type"] == "extra_forbidden":
        return f"{place} is no field of a run request; take it out."
    if place == "messages":
        return "Write at least one message."
    if place == "model":
        return "Choose a model."
    return f"{place}: {problem['msg']}."


def _find_connection(project: Project, body: RunRequest, reasons: list[str]) -> Connection | None:
    found = Connection.objects.filter(project=project, pk=body.connection).first()
    if found is None:
        reasons.append("Choose a connection of this project.")
    elif found.archived_at:
        reasons.append(f"The connection {found.name} is archived; choose another.")
    return found


def _read_tools(project: Project, body: RunRequest, reasons: list[str]) -> list[Picked]:
    wanted = [tool["version"] for tool in body.tools if isinstance(tool.get("version"), int)]
    found = {
        version.pk: version
        for version in ToolVersion.objects.filter(project=project, pk__in=wanted)
    }
    picked: list[Picked] = []
    for number, tool in enumerate(body.tools, 1):
        if "version" in tool:
            version = found.get(tool["version"])
            if version is None:
                reasons.append(f"Tool {number} is no version of this project's tools.")
                continue
            picked.append(Picked(version.spec, to_openai_chat(version.spec), version))
        else:
            try:
                picked.append(_read_definition(tool.get("definition")))
            except UnreadableTool as error:
                reasons.append(f"Tool {number} cannot be read: {error}.")
    names = [pick.spec.name for pick in picked if pick.spec]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        reasons.append(f"The tool {name} is offered twice; take one out.")
    return [_strict(pick, body) for pick in picked]


def _read_definition(definition: Any) -> Picked:
    spec = read_tool(definition)
    if spec is None:
        return Picked(None, dict(definition))
    as_given = definition.get("type") == "function" and "function" in definition
    return Picked(spec, dict(definition) if as_given else to_openai_chat(spec))


def _strict(pick: Picked, body: RunRequest) -> Picked:
    """The run's parameter ``strict`` sets it in every function."""
    strict = body.parameters.get("strict")
    if pick.spec is None or strict is None or bool(pick.spec.strict) == bool(strict):
        return pick
    function = {**pick.wire["function"], "strict": bool(strict)}
    wire = {**pick.wire, "function": function}
    return Picked(read_tool(wire), wire)


def _check_messages(body: RunRequest, reasons: list[str]) -> None:
    for number, message in enumerate(body.messages, 1):
        role = message.get("role")
        if role not in _ROLES:
            reasons.append(f"Message {number} has the role {role!r}; use {', '.join(_ROLES)}.")
        elif role in ("tool", "function") and message.get("content") is None:
            reasons.append(f"Message {number}, a tool's result, has no content.")
        elif role in ("system", "developer", "user") and not message.get("content"):
            reasons.append(f"Message {number} ({role}) is empty; write it or delete it.")


def _check_choice(body: RunRequest, tools: list[Picked], reasons: list[str]) -> None:
    match body.tool_choice:
        case None | "auto" | "none":
            return
        case "required":
            if not tools:
                reasons.append("tool_choice is required, but no tool is offered; add one.")
        case {"type": "function", "function": {"name": str(name)}}:
            if all(pick.spec is None or pick.spec.name != name for pick in tools):
                reasons.append(f"tool_choice names {name}, which is not offered; add it.")
        case _:
            reasons.append("tool_choice is auto, none, required, or names a function.")


def _check_answers(body: RunRequest, tools: list[Picked], reasons: list[str]) -> None:
    specs = {pick.spec.name: pick.spec for pick in tools if pick.spec}
    for name, answer in body.answers.items():
        if answer.mode not in MODES:
            reasons.append(f"The answers of {name} come {answer.mode}; use {', '.join(MODES)}.")
        spec = specs.get(name)
        if answer.mode == "sample" and spec is not None and _output_schema(spec, tools) is None:
            reasons.append(
                f"{name} has no output schema to sample from; add one, or give a fixed answer."
            )


def _output_schema(spec: ToolSpec, tools: list[Picked]) -> Mapping[str, Any] | None:
    return spec.output_schema


def _find_conversation(
    project: Project, body: RunRequest, reasons: list[str]
) -> Conversation | None:
    if body.conversation is None:
        return None
    found = Conversation.objects.filter(project=project, pk=body.conversation).first()
    if found is None:
        reasons.append("The conversation to continue is not in this project; start a new one.")
    return found
