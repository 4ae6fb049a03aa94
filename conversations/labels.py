"""Labels: what a person says of a turn's calls, and what follows from it.

A label is never changed: a later one of the same call (or of the turn) supersedes it. Labels
make the turn's expectation; its findings are judged anew, and the former judgement is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from console.accounts.models import User
from console.lib import json
from console.lib.fields import to_stored
from conversations.expected import NAMES_CALL, OF_CALLS, Said, judge_expected, judge_labels
from conversations.models import Conversation, Label, ToolCall, Turn
from tools_registry.dialects import read_offer
from tools_registry.validation.expectation import (
    CallMade,
    Expectation,
    ExpectedCall,
    Judgement,
    judge,
)
from tools_registry.validation.findings import Finding, LayerResult, worst
from tools_registry.validation.syntax import read_arguments


class BadLabel(ValueError):
    """A label that cannot be set; ``field`` is the one to correct, the text says how."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


# ---- what a form says


@dataclass(frozen=True, slots=True)
class Draft:
    """A label as a person fills it in: ``position`` of the call, texts as they were typed."""

    kind: str
    position: int | None = None
    tool: str = ""
    arguments: str = ""
    note: str = ""


def read_draft(draft: Draft, calls: Sequence[ToolCall]) -> Said:
    """The label that the form means. Raises ``BadLabel``."""
    if draft.kind not in dict(Label._meta.get_field("kind").choices or ()):
        raise BadLabel("kind", "Choose what is right or wrong.")
    if draft.position is not None and not 0 <= draft.position < len(calls):
        raise BadLabel("call", "There is no such call in this turn.")
    if draft.kind in OF_CALLS and draft.position is None:
        if not calls:
            raise BadLabel("kind", "No call was made in this turn: it is right, or one is missing.")
        raise BadLabel("call", "Choose the call that the label is for.")
    position = None if draft.kind == "missing" else draft.position
    made = calls[position] if position is not None else None
    return Said(draft.kind, position, _read_expected(draft, made))


def _read_expected(draft: Draft, made: ToolCall | None) -> ExpectedCall | None:
    if draft.kind not in NAMES_CALL:
        return None
    tool, text = draft.tool.strip(), draft.arguments.strip()
    if draft.kind == "wrong_arguments" and made is not None:
        tool = made.name
    elif made is not None and tool == made.name:
        raise BadLabel("tool", "This is the tool that was called. Name another, or none.")
    if not text:
        unnamed = not tool or draft.kind == "wrong_arguments"
        return None if unnamed else ExpectedCall(tool)
    if not tool:
        raise BadLabel("tool", "Name the tool that these arguments are for.")
    arguments, read = read_arguments(text)
    if read.findings or not isinstance(arguments, Mapping):
        said = read.findings[0].message if read.findings else "This is no JSON object"
        raise BadLabel("arguments", f"{said}. Write the arguments as a JSON object.")
    expected = ExpectedCall(tool, arguments)
    if made is not None and not any(
        judge([CallMade(made.name, made.arguments)], Expectation((expected,))).findings
    ):
        raise BadLabel("arguments", "These are the arguments that the call has.")
    return expected


# ---- stored labels


def labels_of(turn: Turn) -> list[Label]:
    """Every label of the turn with its author, superseded ones too, the newest first."""
    rows = Label.objects.filter(turn_id=turn.pk, project=turn.project_id)
    return list(rows.select_related("author").order_by("-id"))


def calls_of(turn: Turn) -> list[ToolCall]:
    rows = ToolCall.objects.filter(turn_id=turn.pk, project=turn.project_id)
    return list(rows.order_by("position"))


def set_label(turn: Turn, draft: Draft, author: User) -> Label:
    """Set a label and judge the turn anew. Raises ``BadLabel``.

    ``right`` without a call says it of the whole turn and supersedes the labels of its calls;
    ``withdrawn`` without one takes all labels back.
    """
    with transaction.atomic():
        # The conversation first: whoever stores turns takes its lock, too.
        Conversation.objects.select_for_update().get(pk=turn.conversation_id)
        turn = Turn.objects.select_for_update().get(pk=turn.pk, project=turn.project_id)
        calls = calls_of(turn)
        said = read_draft(draft, calls)
        call = calls[said.position] if said.position is not None else None
        _supersede(turn, said.kind, call)
        label = Label.objects.create(
            project_id=turn.project_id,
            conversation_id=turn.conversation_id,
            turn_id=turn.pk,
            call_id=call.pk if call else None,
            kind=said.kind,
            expected=_write_expected(said.expected, draft.arguments.strip()),
            note=to_stored(draft.note.strip())[:500],
            verdict_before=turn.verdict,
            author=author,
        )
        judge_again(turn, calls)
    return label


def _supersede(turn: Turn, kind: str, call: ToolCall | None) -> None:
    current = Label.objects.filter(turn_id=turn.pk, superseded_at=None)
    if call is not None:
        place = Q(call_id=call.pk)
        if kind in OF_CALLS:  # then not all of the turn is right
            place |= Q(call_id=None, kind="right")
        current = current.filter(place)
    elif kind == "missing":
        current = current.filter(call_id=None)
    current.update(superseded_at=timezone.now())


def _write_expected(expected: ExpectedCall | None, arguments: str) -> str:
    """``{name, arguments}`` with the arguments as the text that was typed."""
    if expected is None:
        return ""
    return json.dump({"name": expected.name, **({"arguments": arguments} if arguments else {})})


def read_said(labels: Sequence[Label], calls: Sequence[UUID]) -> list[Said]:
    """The labels that hold, as values; withdrawn ones say nothing. ``calls`` are the keys of the
    turn's calls in their order."""
    positions: dict[UUID | None, int] = {call: at for at, call in enumerate(calls)}
    return [
        Said(label.kind, positions.get(label.call_id), _load_expected(label.expected))
        for label in labels
        if label.superseded_at is None and label.kind != "withdrawn"
    ]


def _load_expected(text: str) -> ExpectedCall | None:
    if not text:
        return None
    data = json.load(text)
    arguments = read_arguments(data["arguments"])[0] if "arguments" in data else None
    return ExpectedCall(data["name"], arguments)


def judge_turn(
    turn: Turn,
    calls: Sequence[CallMade],
    said: Sequence[Said],
    specs: Mapping[str, Any] | None = None,
) -> Judgement | None:
    """What is expected of a stored turn: by its labels, else by the expectation that its record
    carried; None where there is neither."""
    if said:
        return judge_labels(calls, said, specs)
    if not turn.expected or turn.status != "finished":
        return None
    try:
        return judge_expected(json.load(turn.expected), calls, specs)
    except ValueError:  # the turn says so in its notes
        return None


def judge_again(turn: Turn, calls: Sequence[ToolCall]) -> None:
    """Replace the expectation layer's findings of a turn by those of its labels, or of its record.

    Within the caller's transaction, which holds the locks.
    """
    specs = dict(read_offer(turn.toolset.tools)) if turn.toolset else None
    made = [CallMade(call.name, call.arguments) for call in calls]
    said = read_said(labels_of(turn), [call.pk for call in calls])
    judgement = judge_turn(turn, made, said, specs)
    by_call = judgement.calls if judgement else ((),) * len(calls)
    for call, findings in zip(calls, by_call, strict=True):
        _settle(call, findings, ran=judgement is not None)
    kept = [finding for finding in turn.found if finding.layer != "expectation"]
    own = [*kept, *(judgement.turn if judgement else ())]
    everything = [*own, *(finding for call in calls for finding in call.found)]
    turn.findings = json.dump([finding.to_json() for finding in own])
    turn.codes = list(dict.fromkeys(finding.code for finding in everything))
    turn.verdict = worst(everything)
    turn.save(update_fields=["findings", "codes", "verdict"])
    _settle_conversation(turn)


def _settle(call: ToolCall, new: Sequence[Finding], *, ran: bool) -> None:
    """Put the findings into the call's row; a judgement that changes is kept as the former."""
    findings = [*(one for one in call.found if one.layer != "expectation"), *new]
    if findings == call.found:
        return
    call.former = json.dump(
        {
            "verdict": call.verdict,
            "findings": json.load(call.findings),
            "until": timezone.now().isoformat(),
        }
    )
    layers = [layer for layer in call.layers if layer["layer"] != "expectation"]
    if ran:
        layers.append(LayerResult("expectation", True, tuple(new)).to_json())
    call.findings = json.dump([finding.to_json() for finding in findings])
    call.layers = layers
    call.codes = list(dict.fromkeys(finding.code for finding in findings))
    call.verdict = worst(findings)
    call.save(update_fields=["former", "findings", "layers", "codes", "verdict"])


def _settle_conversation(turn: Turn) -> None:
    verdicts = set(
        Turn.objects.filter(conversation=turn.conversation_id)
        .order_by()
        .values_list("verdict", flat=True)
        .distinct()
    )
    value = next((one for one in ("rejected", "flagged") if one in verdicts), "accepted")
    Conversation.objects.filter(pk=turn.conversation_id).update(verdict=value)
