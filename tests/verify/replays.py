"""Real conversations replayed: against a provider that plays what was recorded, every answer must
come out as it was; against the local model, every outcome must be made.

A hundred conversations of tau go through the scripted provider (next calls) and through a
provider on this machine (whole conversations, tools answered by the recording). The local model
reads a prompt of 4,000 tokens for two minutes on one busy processor (50 tokens a second), so that
it is asked only where VERIFY_REPLAYS_LOCAL says of how many: 100 asks it of a hundred, in both
modes. The smallest are taken, and those that begin alike follow each other, as what a prompt has
in common with the one before is not read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from console.embedded.child import Child, stop_all
from console.embedded.model import model
from tests.replay.provider import Body, provider, says
from tests.servers import database
from tests.verify.store import entries_of

LOCAL = int(os.environ.get("VERIFY_REPLAYS_LOCAL") or 0)
WANTED = {"airline": max(50, min(LOCAL, 250)), "retail": 25, "telecom": 25}
"""Conversations of each file. Those of telecom take more tokens than the local model can hold."""
TURNS = 4
"""Turns of each conversation that are asked again one by one."""
LONGEST = 400.0
"""Seconds for the local model in each mode, unless it is asked of more than a few."""
SHORT, ROUNDS = 64, 4
"""Tokens of an answer of the local model, and its answers in a conversation."""
SLICE = 60.0
"""Seconds after which it is told how far the local model came."""
LOCAL_MODEL = "smollm2-135m-instruct"


def main(data: Path) -> None:
    with local_model(), database():
        project = load(data)
        next_calls(project)
        conversations(project)
        if LOCAL:
            ask_local(project)


@contextmanager
def local_model() -> Iterator[None]:
    """The model server, named in the environment before settings are read."""
    spec, url, key = model()
    os.environ.update(LOCAL_MODEL_URL=url, LOCAL_MODEL_KEY=key, OUTBOUND_ALLOW="127.0.0.1")
    folder = Path(os.environ.get("TMPDIR") or "/tmp")
    child = Child(spec, folder)
    try:
        child.start()
        child.wait_ready()
        yield
    finally:
        stop_all([child])


def load(data: Path) -> Any:
    """A project with the conversations as they are stored from their files."""
    from console.accounts.models import Project
    from conversations.ingest.imports import import_entries
    from conversations.models import Conversation

    project = Project.objects.create(slug="replays", name="Replays")
    prompts = json.loads((data / "tau" / "system_prompts.json").read_text())
    for name, count in WANTED.items():
        entries = entries_of(data / "tau" / f"{name}.jsonl.gz", prompts)
        keys = dict.fromkeys(_key(entry) for entry in entries if _is_record(entry))
        chosen = set(list(keys)[:count])
        kept = [one for one in entries if _is_record(one) and _key(one) in chosen]
        import_entries(project, kept)
    found = Conversation.objects.filter(project=project).count()
    assert found == sum(WANTED.values()), found
    return project


def _is_record(entry: Any) -> bool:
    return hasattr(entry.item, "conversation")


def _key(entry: Any) -> str:
    return str(entry.item.conversation)


def turns_of(project: Any) -> dict[UUID, list[Any]]:
    """The turns by their conversation, in order."""
    from conversations.models import Turn

    turns: defaultdict[UUID, list[Any]] = defaultdict(list)
    for turn in Turn.objects.filter(project=project).order_by("conversation_id", "number"):
        turns[turn.conversation_id].append(turn)
    return turns


def next_calls(project: Any) -> None:
    """Each turn asked again of a script that answers as it was answered."""
    from conversations.models import Connection
    from conversations.replay.turns import cases_of_turns

    wanted = [turn.pk for turns in turns_of(project).values() for turn in _spread(turns)]
    cases = cases_of_turns(project, wanted)
    scripts = {case.key: _script(case) for case in cases}
    connection = Connection.objects.create(
        project=project, name="Scripted", protocol="scripted", settings={"scripts": scripts}
    )

    row, seconds = run(project, list(map(named_by_key, cases)), connection)
    check_same(row, "next call, scripted", seconds)


def named_by_key(case: Any) -> Any:
    """The case as if a model of its own had answered it, which plays its answer again."""
    return replace(case, recorded=replace(case.recorded, model=case.key))


def _spread(turns: Sequence[Any]) -> list[Any]:
    step = max(1, len(turns) // TURNS)
    return list(turns[::step])[:TURNS]


def _script(case: Any) -> dict[str, Any]:
    recorded = case.recorded
    calls = [
        {"name": call.name, "arguments": call.arguments, "id": call.id} for call in recorded.calls
    ]
    return {"text": recorded.text, "calls": calls, "fragment": 40}


def conversations(project: Any) -> None:
    """Each conversation from its first turn on, against a provider that knows what was said."""
    from conversations.recording import rebuild_messages
    from conversations.replay.turns import cases_of_turns
    from tests.factories import make_connection

    answers: dict[str, Body] = {}
    firsts, rounds = [], 0
    for turns in turns_of(project).values():
        firsts.append(turns[0].pk)
        rounds += len(turns)
        for turn in turns:
            # Two conversations may begin alike: the model's name says which is played.
            name = _name(str(turns[0].pk), rebuild_messages(turn))
            answers[name] = json.loads(turn.response)

    def answer(body: Body) -> Body:
        found = answers.get(_name(body["model"], body["messages"]))
        return found or says("This was never asked.")

    with provider(answer) as upstream:
        connection = make_connection(
            project, name="Playback", base_url=upstream.url, settings={"concurrency": 16}
        )
        cases = list(map(named_by_key, cases_of_turns(project, firsts, mode="conversation")))
        row, seconds = run(project, cases, connection, mode="conversation")
        asked = len(upstream.requests)
    made = Counter[str]()
    for text in row.outcomes.values_list("rounds", flat=True):
        for one in json.loads(text):
            made["rounds"] += 1
            made.update(one["by"])
            made["unasked"] += one["reply"].get("content") == "This was never asked."
    print(f"   {asked} model calls for {rounds} recorded turns; {dict(made)}")
    check_same(row, "conversation, playback", seconds)
    # Some end with a call that was answered earlier in them: the model is asked once more.
    assert made["rounds"] == asked and asked - rounds == made["unasked"], made
    assert made["unasked"] <= row.total // 50, made


def _name(conversation: str, messages: Sequence[Any]) -> str:
    """What was said, whatever ids and empty fields it was said with."""
    said: list[Any] = [conversation]
    for message in messages:
        functions = [call["function"] for call in message.get("tool_calls") or []]
        calls = [[function["name"], function["arguments"]] for function in functions]
        said.append([message["role"], message.get("content") or "", calls])
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def run(
    project: Any,
    cases: Sequence[Any],
    connection: Any,
    *,
    within: float = 600.0,
    slice: float = 600.0,
    **more: Any,
) -> tuple[Any, float]:
    """The replay of these cases, once; and its seconds. It is cancelled after ``within``; after
    each ``slice`` it is told how far it is."""
    from conversations.replay import control, engine
    from conversations.replay.orders import Order
    from conversations.replay.starting import start

    order = Order(cases, trials=1, connection=connection, **{"max_rounds": 200, **more})
    row = start(project, order, enqueue=False)
    began = time.monotonic()
    clock = threading.Timer(within, control.cancel, [row])
    clock.start()
    while not (step := engine.run(row.pk, seconds=slice)).is_over:
        done = row.outcomes.exclude(finished_at=None).count()
        print(f"   {done} of {row.total} in {time.monotonic() - began:.0f} s", flush=True)
        time.sleep(min(step.wait, 1.0))
    clock.cancel()
    row.refresh_from_db()
    return row, time.monotonic() - began


def check_same(row: Any, name: str, seconds: float) -> None:
    """Every outcome is there once, with the calls that were recorded."""
    from conversations.replay.compare import Made, signature
    from conversations.replay.playing import whole_of

    assert row.status == "finished", (row.status, row.error)
    found: Counter[str] = Counter()
    for one in row.outcomes.select_related("case"):
        case = one.case.value
        recorded: Any = case.recorded
        if row.mode == "conversation":
            recorded = whole_of(recorded)
        then = signature([Made(call.name, call.arguments) for call in recorded.calls])
        now = signature([Made(call["name"], call["arguments"]) for call in one.made_calls])
        found["same calls" if then == now else "other calls"] += 1
        found[f"status {one.status}"] += 1
        found[f"passed {one.passed}"] += 1
    print(f"   {name}: {row.total} outcomes in {seconds:.1f} s; {dict(found)}")
    assert found["same calls"] == found["status done"] == row.total == row.outcomes.count()


def ask_local(project: Any) -> None:
    """The local model, in both modes: it answers as it can, and each outcome is made."""
    from conversations.connections import ensure_local
    from conversations.replay.plan import size_of
    from conversations.replay.turns import cases_of_turns

    connection = ensure_local(project)
    assert connection is not None
    # One after the other, so that each finds in memory what prompts begin with.
    connection.settings["concurrency"] = 1
    connection.save()
    first = [turns[0].pk for turns in turns_of(project).values()]
    smallest = sorted(cases_of_turns(project, first), key=lambda case: size_of([case.to_json()]))
    chosen = [UUID(case.key) for case in sorted(smallest[:LOCAL], key=_prefix)]
    within = LONGEST if LOCAL <= 5 else 24 * 3600.0
    for mode in ("next_call", "conversation"):
        found = cases_of_turns(project, chosen, mode=mode)
        cases = [replace(case, parameters={"max_tokens": SHORT, "seed": 1}) for case in found]
        more = {"mode": mode, "model": LOCAL_MODEL, "max_rounds": ROUNDS}
        row, seconds = run(project, cases, connection, within=within, slice=SLICE, **more)
        told: Counter[str] = Counter(row.outcomes.values_list("status", flat=True))
        calls = sum(row.outcomes.values_list("model_calls", flat=True))
        print(
            f"   {mode}, local model: {row.total} cases in {seconds:.0f} s, {calls} model calls"
            f" ({seconds / max(1, calls):.1f} s each); {dict(told)}"
        )
        assert row.status == "finished" or seconds > within, row.status
        assert told["done"] > 0, [one.error for one in row.outcomes.all()]


def _prefix(case: Any) -> str:
    """What the prompt begins with: the instructions and the tools."""
    return json.dumps([case.messages[:1], case.tools])
