"""Every call that a real trace holds comes out of it: five dialects, both encodings, any order."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from conversations.ingest.otlp import (
    LogFragment,
    ResultFragment,
    TurnFragment,
    decode,
    join,
    map_traces,
    read_log,
    read_span,
)
from conversations.ingest.record import TurnRecord, read_record

ID_FIELDS = {"traceId", "spanId", "parentSpanId"}


def main(data: Path) -> None:
    counts: Counter[str] = Counter()
    for path in sorted((data / "otlp").glob("*.jsonl.gz")):
        of_file: Counter[str] = Counter()
        for trace in read_lines(path):
            check_trace(trace, of_file)
        print(f"   {path.name}: {dict(of_file)}")
        counts += of_file
    print(
        f"   {counts['traces']} traces, {counts['turns']} turns, {counts['calls']} calls found as "
        f"they are, {counts['lost']} that the spans do not hold"
    )
    assert counts["traces"] == 351, counts


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path) as lines:
        yield from (json.loads(line) for line in lines)


def check_trace(trace: dict[str, Any], counts: Counter[str]) -> None:
    bodies = {"traces": trace["otlp_traces"], "logs": trace["otlp_logs"] or {}}
    spans = decode(json.dumps(bodies["traces"]).encode(), "traces", "json")
    logs = decode(json.dumps(bodies["logs"]).encode(), "logs", "json")
    assert not spans.rejected and not logs.rejected
    assert decode(as_protobuf(bodies["traces"], "traces"), "traces", "protobuf") == spans
    assert decode(as_protobuf(bodies["logs"], "logs"), "logs", "protobuf") == logs
    joined = map_traces(spans.spans, logs.logs)
    assert not joined.refused and not joined.results and not joined.logs, joined.refused
    check_order(spans.spans, logs.logs, joined.records, trace["id"])
    turns = {record.id.split("-")[1]: record for record in joined.records}
    for expected in trace["expected"]["llm_spans_in_time_order"]:
        check_turn(turns.pop(expected["span_id"]), expected, counts)
    assert not turns, "spans became turns that are none"
    counts["traces"] += 1


def check_turn(record: TurnRecord, expected: dict[str, Any], counts: Counter[str]) -> None:
    counts["turns"] += 1
    assert read_record(json.loads(json.dumps(record.to_json()))) == record
    held = [call for call in expected["tool_calls"] if call["in_otlp"]["name"]]
    lost = len(expected["tool_calls"]) - len(held)
    found = [(call["id"], call["function"]) for call in record.calls]
    assert len(found) == len(held), (record.id, found, held)
    for (call_id, function), call in zip(found, held, strict=True):
        assert function["name"] == call["name"], (record.id, function, call)
        if call["in_otlp"]["id"]:
            assert call_id == call["id"], (record.id, call_id, call)
        if call["in_otlp"]["arguments"]:
            assert same(function["arguments"], call["arguments"]), (record.id, function, call)
        counts["calls"] += 1
    counts["lost"] += lost
    if lost:
        assert "calls_not_recorded" in {note.code for note in record.notes}, record.notes
    if expected["response_model"]:
        # One instrumentation cuts the vendor off ("meta-llama/…").
        assert expected["response_model"].endswith(record.model), (record.model, expected)
    counts["with messages"] += bool(record.request.messages)
    counts["with tools"] += bool(record.request.tools)
    for note in record.notes:
        counts[note.code] += 1


def same(found: str, expected: str) -> bool:
    """Equal JSON; no text at all counts as {}, as it does for the syntax layer."""
    try:
        return bool(json.loads(found or "{}") == json.loads(expected or "{}"))
    except ValueError:
        return found == expected


def check_order(spans: Any, logs: Any, records: tuple[TurnRecord, ...], seed: str) -> None:
    """Shuffled and cut into batches of one, through the JSON of a waiting store: the same."""
    order = random.Random(seed)
    mixed = [*spans, *logs]
    order.shuffle(mixed)
    turns, results, spoken = [], [], []
    for one in mixed:
        fragment = read_span(one) if one in spans else read_log(one)
        if isinstance(fragment, TurnFragment):
            turns.append(TurnFragment.from_json(json.loads(json.dumps(fragment.to_json()))))
        elif isinstance(fragment, ResultFragment):
            results.append(ResultFragment.from_json(json.loads(json.dumps(fragment.to_json()))))
        elif isinstance(fragment, LogFragment):
            spoken.append(LogFragment.from_json(json.loads(json.dumps(fragment.to_json()))))
    assert join(turns, results, spoken).records == records, seed


def as_protobuf(body: dict[str, Any], signal: str) -> bytes:
    kind = ExportTraceServiceRequest if signal == "traces" else ExportLogsServiceRequest
    return json_format.ParseDict(with_base64(body), kind()).SerializeToString()


def with_base64(value: Any) -> Any:
    """OTLP's JSON writes ids in hexadecimal where protobuf's own mapping has base64."""
    if isinstance(value, list):
        return [with_base64(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode()
        if key in ID_FIELDS
        else with_base64(item)
        for key, item in value.items()
    }
