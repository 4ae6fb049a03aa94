"""Recorded exchanges and transcripts become turns, and nothing of them is lost on the way."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conversations.ingest.files import Source, read_file
from conversations.ingest.record import BadRecord, TurnRecord, read_record
from conversations.ingest.usage import read_usage

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main(data: Path) -> None:
    counts: Counter[str] = Counter()
    for path in sorted((data / "exchanges").glob("*.jsonl.gz")):
        check_exchanges(path, counts)
    print(f"   {dict(counts)}")
    prompts = json.loads((data / "tau" / "system_prompts.json").read_text())
    source = Source(NOW, prompts=prompts)
    counts = Counter()
    for folder in ("tau", "conversations"):
        for path in sorted((data / folder).glob("*.jsonl.gz")):
            check_transcripts(path, source, counts)
    print(f"   {dict(counts)}")


def check_exchanges(path: Path, counts: Counter[str]) -> None:
    body = gzip.decompress(path.read_bytes())
    lines = [json.loads(line) for line in body.splitlines()]
    entries = list(read_file(body, Source(NOW)))
    assert len(entries) == len(lines)
    for sent, entry in zip(lines, entries, strict=True):
        record = entry.item
        assert isinstance(record, TurnRecord), (sent["id"], record)
        assert read_record(json.loads(json.dumps(record.to_json()))) == record
        assert record.id == sent["id"] and record.protocol == sent["protocol"]
        check_calls(record, sent)
        counts["exchanges"] += 1
        counts["errors"] += record.error is not None
        counts["calls"] += len(record.calls)
        counts["model unknown"] += record.model == "unknown"
        assert (record.error is not None) == (sent["status"] >= 400), sent["id"]
        if record.response and record.response.usage:
            usage = read_usage(record.response.usage)
            counts["usage read"] += usage is not None and usage.output_tokens is not None


def check_calls(record: TurnRecord, sent: dict[str, Any]) -> None:
    found = [call_of(call) for call in record.calls]
    raw = raw_calls(sent["protocol"], sent["response"]) if sent["status"] < 400 else []
    assert found == raw, (sent["id"], found, raw)


def call_of(call: dict[str, Any]) -> tuple[Any, Any, Any]:
    body = call.get("custom") or call["function"]
    return call.get("id"), body["name"], arguments_of(body.get("arguments", body.get("input")))


def arguments_of(arguments: Any) -> Any:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return arguments


def raw_calls(protocol: str, response: dict[str, Any]) -> list[tuple[Any, Any, Any]]:
    """The calls of a provider's answer, taken straight from its JSON."""
    if protocol in ("openai.chat", "cohere.v2", "ollama.chat"):
        message = (response.get("choices") or [response])[0]["message"]
        legacy = message.get("function_call") or {}
        calls = [call_of(call) for call in message.get("tool_calls") or ()]
        if not calls and legacy.get("name"):
            calls = [(None, legacy["name"], arguments_of(legacy["arguments"]))]
        return calls
    if protocol == "openai.responses":
        kinds = {"function_call": "arguments", "custom_tool_call": "input"}
        return [
            (item["call_id"], item["name"], arguments_of(item[kinds[item["type"]]]))
            for item in response["output"]
            if item["type"] in kinds
        ]
    if protocol == "anthropic.messages":
        blocks = response["content"]
        return [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"]
    if protocol == "bedrock.converse":
        uses = [b["toolUse"] for b in response["output"]["message"]["content"] if "toolUse" in b]
        return [(use["toolUseId"], use["name"], use["input"]) for use in uses]
    parts = response["candidates"][0].get("content", {}).get("parts", [])
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    return [(call.get("id"), call["name"], call.get("args") or {}) for call in calls]


def check_transcripts(path: Path, source: Source, counts: Counter[str]) -> None:
    body = gzip.decompress(path.read_bytes())
    groups: dict[int, list[TurnRecord | BadRecord]] = {}
    for entry in read_file(body, source):
        groups.setdefault(entry.line, []).append(entry.item)
    for number, line in enumerate(body.splitlines(), 1):
        check_transcript(json.loads(line), groups[number], source, counts)


def check_transcript(
    sent: dict[str, Any], items: list[TurnRecord | BadRecord], source: Source, counts: Counter[str]
) -> None:
    counts["transcripts"] += 1
    messages = sent["messages"]
    answers = [one for one in messages if one["role"] == "assistant"]
    if not answers:
        assert [one.code for one in items if isinstance(one, BadRecord)] == ["no_answer"]
        counts["without an answer"] += 1
        return
    turns = [one for one in items if isinstance(one, TurnRecord)]
    assert len(turns) == len(items) == len(answers), sent["id"]
    counts["turns"] += len(turns)
    last = turns[-1]
    assert last.response is not None
    rebuilt = [*last.request.messages, last.response.message]
    if sent.get("system_ref") in source.prompts:
        assert rebuilt.pop(0)["content"] == source.prompts[sent["system_ref"]]
    trailing = messages[len(rebuilt) :]
    assert json.dumps(rebuilt) == json.dumps(messages[: len(rebuilt)]), sent["id"]
    given = [one["content"] for one in trailing if one["role"] in ("tool", "function")]
    assert [one.content for one in last.tool_results] == given[: len(last.tool_results)]
    left = len(trailing) - len(last.tool_results)
    assert ("trailing_messages" in {note.code for note in last.notes}) == (left > 0)
    counts["trailing messages told"] += left
    counts["expected carried"] += last.expected is not None
    assert (last.expected is not None) == bool(sent.get("expected"))
    assert [turn.at for turn in turns] == sorted(turn.at for turn in turns)
