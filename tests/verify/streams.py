"""Recorded provider streams: our assembled message is the provider SDK's, or right where it fails.

Run as ``python -m tests.verify.streams``. ``docs/assembly.md`` says what right means for each
quirk and each exception that is listed here.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from conversations.assembly import Assembler, assemble, read_answer
from conversations.parts import Answer, Reasoning

Record = dict[str, Any]

CLEAN = ("openai_chat", "openai_responses", "anthropic_messages", "google_generatecontent")
EXCHANGES = ("openai_chat", "openai_responses", "anthropic_messages", "google_generateContent")
CUTS = 3

# Fixtures that hold several Anthropic messages in one stream. The SDK knows one message only:
# it looks blocks up by index in the first one and glues or loses the later ones. Right is each
# block by itself, in order; ``blocks_of`` reads them from the bytes.
SEVERAL_MESSAGES = {"s_0024035b1cdb", "s_2ac79bd2b512", "s_be11e7440096", "s_cdaf96a8539a"}
# Four responses of one agent run, recorded one after another. The SDK raises, the provider's
# last event knows the last response only. Right is all of them: three calls, then the text.
SEVERAL_RESPONSES = {"s_c2ac1c748471"}
# Mistral's content is here a list of chunks, there a text; the SDK drops the text chunk of the
# list: "144" was said, not "44".
TEXT_IN_LIST = {"s_3a2792c40b48": "1"}


def data_folder() -> Path:
    named = os.environ.get("MISFIRE_DATA") or os.environ.get("VERIFY_DATA")
    return Path(named or Path(__file__).resolve().parents[2].parent / "shared" / "data")


def records(folder: Path, name: str) -> Iterator[Record]:
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def calls_of(answer: Answer) -> list[Record]:
    """Our calls in the form of the data's ``expected.tool_calls``."""
    legacy = answer.protocol == "openai.chat"
    return [
        {
            "choice": choice.index,
            "id": call.id,
            "type": "legacy_function_call"
            if legacy and call.type == "function_call"
            else call.type,
            "name": call.name,
            "arguments": call.arguments,
        }
        for choice in answer.choices
        for call in choice.calls
    ]


def call_problems(ours: list[Record], theirs: list[Record]) -> Iterator[str]:
    if len(ours) != len(theirs):
        yield f"{len(ours)} calls, expected {len(theirs)}"
        return
    for mine, other in zip(ours, theirs, strict=True):
        for key in ("choice", "id", "type", "name"):
            if mine[key] != other[key]:
                yield f"call {key}: ours {mine[key]!r}, expected {other[key]!r}"
        # Where no argument text was streamed, the provider gave a JSON object instead.
        if other["arguments"] or not other["arguments_json"]:
            same = mine["arguments"] == (other["arguments"] or "") or (
                other["arguments"] is None and json.loads(mine["arguments"]) == {}
            )
        else:
            same = json.loads(mine["arguments"]) == other["arguments_json"]
        if not same:
            yield f"arguments: ours {mine['arguments']!r}, expected {other['arguments']!r}"


def choices_of(answer: Answer) -> list[tuple[str, str | None]]:
    """Text and finish reason of each choice; no text and an empty one are the same."""
    return [(choice.text, choice.finish_reason) for choice in answer.choices]


def expected_choices(record: Record) -> list[tuple[str, str | None]]:
    expected, final = record["expected"], record["expected"]["final"]
    match record["protocol"]:
        case "openai.chat":
            return [
                (choice["message"].get("content") or "", choice["finish_reason"])
                for choice in expected["choices"]
            ]
        case "openai.responses":
            messages = [item for item in final["output"] if item["type"] == "message"]
            said = "".join(p.get("text") or "" for item in messages for p in item["content"])
            reason = (final.get("incomplete_details") or {}).get("reason")
            return [(said, reason or final["status"])]
        case "anthropic.messages":
            said = "".join(p["text"] for p in final["content"] if p["type"] == "text")
            return [(said, final["stop_reason"])]
    return [(final["text"] or "", final["finish_reason"])]


def covers(ours: Any, theirs: Any) -> bool:
    """Everything that the SDK's usage says is in ours, which may know more."""
    if isinstance(theirs, dict):
        known = ours if isinstance(ours, dict) else {}
        return all(covers(known.get(key), value) for key, value in theirs.items())
    return theirs is None or ours == theirs


def blocks_of(body: str) -> tuple[list[tuple[str, str]], str]:
    """The calls (id, arguments) and the text of an Anthropic stream, block by block."""
    calls: dict[tuple[int, int], tuple[str, str]] = {}
    said, message = "", 0
    for line in body.split("\n"):
        event = json.loads(line[5:]) if line.startswith("data:") else {"type": ""}
        place = (message, event.get("index", 0))
        if event["type"] == "message_start":
            message += 1
            for number, block in enumerate(event["message"]["content"]):
                calls[message, number] = (block["id"], json.dumps(block["input"]))
        elif event["type"] == "content_block_start" and "input" in event["content_block"]:
            block = event["content_block"]
            calls[place] = (block["id"], json.dumps(block["input"]) if block["input"] else "")
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            said += delta.get("text", "")
            if "partial_json" in delta:
                calls[place] = (calls[place][0], calls[place][1] + delta["partial_json"])
    return list(calls.values()), said


def done_arguments(body: str) -> list[str]:
    """The arguments in the closing events of a Responses stream."""
    events = [json.loads(line[5:]) for line in body.split("\n") if line.startswith("data:")]
    done = "response.function_call_arguments.done"
    return [event["arguments"] for event in events if event["type"] == done]


def block_problems(answer: Answer, body: str) -> Iterator[str]:
    calls, said = blocks_of(body)
    ours = [(call.id, "".join(call.arguments.split())) for call in answer.calls]
    if ours != [(id, "".join(arguments.split())) for id, arguments in calls]:
        yield f"blocks: ours {ours!r}, expected {calls!r}"
    if answer.first.text != said:
        yield f"text: ours {answer.first.text!r}, expected {said!r}"
    if not any(decision.code == "several_messages" for decision in answer.decisions):
        yield "nothing notes that the stream holds several messages"


def problems(record: Record) -> Iterator[str]:
    """What differs between our answer and the expected one."""
    answer = assemble(record["protocol"], record["body"].encode())
    yield from recut_problems(record, answer)
    if record["id"] in QUIRKS:
        yield from QUIRKS[record["id"]](answer, record)
    if record["id"] in SEVERAL_MESSAGES:
        yield from block_problems(answer, record["body"])
        return
    if record["expected"] is None or "final" not in record["expected"]:
        return
    if record["id"] in SEVERAL_RESPONSES:
        wanted = [json.loads(payload) for payload in done_arguments(record["body"])]
        if [json.loads(call.arguments) for call in answer.calls] != wanted:
            yield f"calls of several responses: ours {answer.calls!r}, expected {wanted!r}"
    else:
        yield from call_problems(calls_of(answer), record["expected"]["tool_calls"])
    ours, theirs = choices_of(answer), expected_choices(record)
    if record["id"] in TEXT_IN_LIST:
        theirs = [(TEXT_IN_LIST[record["id"]] + text, reason) for text, reason in theirs]
    if ours != theirs:
        yield f"choices: ours {ours!r}, expected {theirs!r}"
    usage = dict(answer.usage.raw) if answer.usage else {}
    if not covers(usage, record["expected"]["final"].get("usage")):
        yield f"usage: ours {usage!r}, expected {record['expected']['final']['usage']!r}"


def recut_problems(record: Record, whole: Answer) -> Iterator[str]:
    body = record["body"].encode()
    dice = random.Random(record["id"])
    for _ in range(CUTS):
        assembler = Assembler(record["protocol"])
        cuts = sorted(dice.randrange(len(body) + 1) for _ in range(min(200, len(body))))
        for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
            assembler.feed(body[start:end])
        assembler.finish()
        if assembler.answer != whole:
            yield "cut at other positions, the answer differs"


# What is right where the SDK raises or errs.


def decided(code: str) -> Callable[[Answer, Record], Iterator[str]]:
    def check(answer: Answer, record: Record) -> Iterator[str]:
        if not any(decision.code == code for decision in answer.decisions):
            yield f"no decision {code} is noted"

    return check


def failed_midway(code: str) -> Callable[[Answer, Record], Iterator[str]]:
    def check(answer: Answer, record: Record) -> Iterator[str]:
        if answer.error is None or answer.error.code != code:
            yield f"error: ours {answer.error!r}, expected {code}"
        if code == "tool_use_failed":
            if answer.complete or not any(isinstance(p, Reasoning) for p in answer.first.parts):
                yield "what had arrived before the error was lost, or is called complete"
            if "failed_generation" not in (answer.error.raw if answer.error else {}):
                yield "the provider's failed generation was lost"

    return check


def cut_short(answer: Answer, record: Record) -> Iterator[str]:
    if answer.first.finish_reason != "max_output_tokens" or not answer.complete:
        yield f"finish: ours {answer.first.finish_reason!r}, complete {answer.complete}"


def kept(key: str) -> Callable[[Answer, Record], Iterator[str]]:
    def check(answer: Answer, record: Record) -> Iterator[str]:
        if not answer.first.provider_details.get(key):
            yield f"{key} was lost"

    return check


def said_once(answer: Answer, record: Record) -> Iterator[str]:
    if answer.decisions or answer.findings or answer.error:
        yield f"a plain stream is not plain to us: {answer.decisions!r}"


def glued(answer: Answer, record: Record) -> Iterator[str]:
    yield from decided("index_reused")(answer, record)
    if len({call.id for call in answer.calls}) != 2 or any(
        "_file_" in c.id or "" for c in answer.calls
    ):
        yield "the two calls are not told apart"


QUIRKS: dict[str, Callable[[Answer, Record], Iterator[str]]] = {
    "s_25e988586b4d": failed_midway("tool_use_failed"),
    "s_28c539ef8602": said_once,
    "s_58387ea2c8fa": cut_short,
    "s_85e0fecadf70": cut_short,
    "s_d04fdda971d0": cut_short,
    "s_9b755433cd95": kept("reasoning_details"),
    "s_d063e9b63e54": kept("annotations"),
    "s_b157c9e1aa76": decided("index_missing"),
    "s_b9133f925fb0": decided("index_missing"),
    "s_bf33f749c9a8": said_once,
    "s_c2ac1c748471": decided("several_messages"),
    "s_ce62faea01a1": failed_midway("insufficient_quota"),
    "s_d636ca4b4e13": glued,
    "s_dc37ec1073d5": said_once,
}


def whole_calls(protocol: str, response: Record) -> list[tuple[str, Any]]:
    """Name and arguments of the calls in a whole answer, read as simply as can be."""
    found: list[tuple[str, Any]] = []
    for choice in response.get("choices") or ():
        message = choice["message"]
        functions = [entry["function"] for entry in message.get("tool_calls") or ()]
        legacy = message.get("function_call") or {}
        functions += [legacy] if legacy.get("name") else []
        found += [(function["name"], function["arguments"]) for function in functions]
    for item in response.get("output") or ():
        if item["type"] in ("function_call", "mcp_call", "custom_tool_call"):
            found.append((item["name"], item.get("arguments", item.get("input"))))
    for block in response.get("content") or ():
        if block["type"].endswith("tool_use"):
            found.append((block["name"], block["input"]))
    for candidate in response.get("candidates") or ():
        for part in (candidate.get("content") or {}).get("parts") or ():
            if "functionCall" in part:
                found.append((part["functionCall"]["name"], part["functionCall"].get("args", {})))
    return found


def whole_problems(protocol: str, response: Record) -> Iterator[str]:
    answer = read_answer(protocol, json.dumps(response).encode())  # type: ignore[arg-type]
    calls = [call for choice in answer.choices for call in choice.calls]
    expected = whole_calls(protocol, response)
    ours = [
        (
            call.name,
            call.arguments if isinstance(given, str) else json.loads(call.arguments or "{}"),
        )
        for call, (_, given) in zip(calls, expected, strict=False)
    ]
    if len(calls) != len(expected) or ours != expected:
        yield f"whole answer: ours {ours!r}, expected {expected!r}"


def main(data: Path | None = None) -> int:
    """Compare everything; the number of records that are wrong, as an exit status."""
    folder = data or data_folder()
    counts: dict[str, int] = {}
    wrong = 0
    for name in (*CLEAN, "text_only", "quirks"):
        for record in records(folder / "streams", name):
            counts[name] = counts.get(name, 0) + 1
            found = list(problems(record))
            wrong += bool(found)
            for problem in found:
                print(f"{record['id']} {record['protocol']} {record['provider']}: {problem[:500]}")
    for name in EXCHANGES:
        for record in records(folder / "exchanges", name):
            counts["exchanges"] = counts.get("exchanges", 0) + 1
            found = list(whole_problems(record["protocol"], record["response"]))
            wrong += bool(found)
            for problem in found:
                print(f"{record['id']} {name}: {problem[:500]}")
    total = ", ".join(f"{count} {name}" for name, count in counts.items())
    print(f"streams: {sum(counts.values()) - wrong} of {sum(counts.values())} right ({total})")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
