"""From a start request to a run: read it with all its reasons at once, then make the rows.

``read`` refuses with every reason together, so that a blocked Run lists them all.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from console.accounts.models import Project, User
from console.lib import json, uuid7
from conversations import recording
from conversations.connections import endpoint_of
from conversations.models import Connection, Conversation, Run, Turn
from conversations.providers import Ask, Endpoint
from conversations.rounds import Offered
from tools_registry.dialects import UnreadableTool, read_tool, to_openai_chat
from tools_registry.models import Tool, ToolVersion
from tools_registry.policies.published import policies_for
from tools_registry.specs import ToolSpec

MODES = ("hand", "fixed", "sample", "recorded")
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
    """The ``request`` of ``run.start``, as docs/protocol.md describes it."""

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


@dataclass(frozen=True)
class Plan:
    """The rows of a run, and what the runner reads from them."""

    row: Run
    conversation: UUID
    offered: Offered
    toolset: int | None
    parent: recording.Parent | None


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
    return Checked(body, json.dump(payload), connection, tools, conversation)


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


def create(order: Order, asked: recording.Asked | None = None) -> Plan:
    """Make the rows of a run, all or none; those of its first turn with them."""
    project, checked, run_id = order.project, order.checked, order.run
    body = checked.body
    wire = [pick.wire for pick in checked.tools]
    with transaction.atomic():
        toolset = None
        if wire:
            versions = [pick.version.pk if pick.version else None for pick in checked.tools]
            toolset = recording.keep_toolset(project, wire, versions)
        conversation = checked.conversation or _new_conversation(order, turns=1 if asked else 0)
        run = Run.objects.create(
            id=run_id,
            project=project,
            user=order.user,
            conversation=conversation,
            connection=checked.connection,
            group=body.group or uuid7.now(),
            column=body.column,
            trial=body.trial,
            request=checked.text,
            model=body.model,
            title=body.title,
        )
        ids = versions_of(body, toolset.versions if toolset else [])
        plan = _plan(run, checked, ids, toolset.pk if toolset else None)
        if asked:
            _create_turn(order, plan, asked)
    return plan


def _create_turn(order: Order, plan: Plan, asked: recording.Asked) -> None:
    start = recording.TurnStart(
        order.project, plan.conversation, order.connection, asked, plan.toolset, plan.parent
    )
    if order.checked.conversation is None:
        recording.turn_row(start, 1).save(force_insert=True)
    else:
        recording.begin_turn(start)


def _new_conversation(order: Order, turns: int) -> Conversation:
    now, body = timezone.now(), order.checked.body
    return Conversation.objects.create(
        project=order.project,
        key=f"playground:{order.run}",
        title=body.title or _first_words(body.messages),
        source="playground",
        user=order.user.email,
        turn_count=turns,
        started_at=now,
        last_at=now,
    )


def _first_words(messages: list[dict[str, Any]]) -> str:
    for message in messages:
        if message.get("role") == "user" and isinstance(message.get("content"), str):
            return " ".join(message["content"][:300].split())[:120]
    return ""


def _plan(run: Run, checked: Checked, ids: list[int], toolset: int | None) -> Plan:
    body = checked.body
    assert run.conversation is not None
    parent = None
    if checked.conversation is not None:
        parent = recording.find_parent(checked.conversation, body.messages)
    specs = [pick.spec for pick in checked.tools]
    return Plan(
        row=run,
        conversation=run.conversation.pk,
        offered=offer_of(specs, ids, run.project, body.tool_choice),
        toolset=toolset,
        parent=parent,
    )


def versions_of(body: RunRequest, kept: list[int]) -> list[int]:
    """The ids of the offered versions: those that were picked, else those of the toolset.

    A toolset is known by what the model is told, which two versions may share.
    """
    picked = [tool.get("version") for tool in body.tools]
    return [pick or known for pick, known in zip(picked, kept, strict=False)]


def offer_of(
    specs: list[ToolSpec | None], ids: list[int], project: Project, tool_choice: Any
) -> Offered:
    """What was offered, for judging calls; ``ids`` are the versions in the same order."""
    numbers = dict(ToolVersion.objects.filter(pk__in=ids).values_list("pk", "number"))
    versions = {
        spec.name: (pk, numbers[pk])
        for spec, pk in zip(specs, ids, strict=False)
        if spec is not None and pk in numbers
    }
    known = Tool.objects.filter(project=project).values_list("name", flat=True)
    return Offered(
        specs={spec.name: spec for spec in specs if spec is not None},
        versions=versions,
        known=frozenset(known),
        tool_choice=tool_choice,
        policies=policies_for(project),
    )


def turns_of(run: Run) -> list[Turn]:
    """The turns that this run made, in order."""
    keys = [recording.turn_key(run.pk, number) for number in range(1, MOST_ROUNDS + 1)]
    return list(Turn.objects.filter(conversation=run.conversation, key__in=keys).order_by("number"))
