"""Stored streams as timelines: fragments, the moment of invalidity, marks of the chart."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from conversations import timeline, timeline_plot
from conversations.wire import Chunk
from tools_registry.specs import ToolSpec

SPEC = ToolSpec(
    "get_weather",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "temprature": {"type": "string"}},
        "additionalProperties": False,
    },
)
OFFERED = {"get_weather": SPEC}


def frame(delta: Any) -> bytes:
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta}]})}\n\n".encode()


def call(index: int, arguments: str, name: str = "", call_id: str = "") -> bytes:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    body: dict[str, Any] = {"index": index, "function": function}
    return frame({"tool_calls": [body | ({"id": call_id} if call_id else {})]})


def stream(*pieces: str, start: float = 488.0, step: float = 30.0) -> list[Chunk]:
    chunks = [(start, call(0, "", "get_weather", "c1"))]
    chunks += [(start + step * at, call(0, piece)) for at, piece in enumerate(pieces, 1)]
    return [*chunks, (start + step * (len(pieces) + 1), b"data: [DONE]\n\n")]


BAD = stream('{"ci', 'ty": ', '"Osl', 'o", "', "temp", "era", "ture", '": "', "cel", 'sius"}')


def test_it_names_the_fragment_at_which_the_call_became_invalid() -> None:
    found = timeline.replay("openai.chat", BAD, OFFERED)
    track = found.tracks[0]
    assert (track.name, track.fragments, found.chunks) == ("get_weather", 11, 12)
    assert track.invalid is not None
    assert (track.invalid.number, track.invalid.text, track.invalid.at) == (9, '": "', 728.0)
    assert [piece.violation is not None for piece in found.fragments] == [False] * 8 + [True] * 3


def test_fragments_join_to_what_the_model_sent() -> None:
    found = timeline.replay("openai.chat", BAD, OFFERED)
    text = "".join(piece.text for piece in found.fragments if piece.field == "arguments")
    assert json.loads(text) == {"city": "Oslo", "temperature": "celsius"}
    offsets = [piece.offset for piece in found.fragments if piece.field == "arguments"]
    assert offsets == sorted(offsets)


def test_without_a_definition_nothing_becomes_invalid() -> None:
    assert timeline.replay("openai.chat", BAD).tracks[0].invalid is None


def test_parallel_calls_and_text_keep_their_lanes() -> None:
    chunks: list[Chunk] = [
        (1.0, frame({"content": "Both: "})),
        (2.0, call(0, '{"a"', "one", "c1")),
        (3.0, call(1, "{", "two", "c2")),
        (4.0, call(0, ":1}")),
        (5.0, call(1, "}")),
    ]
    found = timeline.replay("openai.chat", chunks)
    assert [(track.call, track.name) for track in found.tracks] == [(0, "one"), (1, "two")]
    assert [step["l"] for step in found.steps][:2] == ["0.", "0.0"]
    rows = timeline_plot.plot(found).rows
    assert [row.label for row in rows][:3] == ["Text", "Name 1", "Arguments 1"]


@pytest.mark.parametrize("chunks", [[], [(5.0, b": ping\n\n")], [(5.0, b"data: [DONE]\n\n")]])
def test_a_stream_without_content_has_no_fragments(chunks: list[Chunk]) -> None:
    found = timeline.replay("openai.chat", chunks)
    assert (found.fragments, found.tracks, found.first) == ((), (), 0.0)


def test_a_cut_stream_shows_what_had_arrived() -> None:
    whole = b"".join(chunk for _, chunk in BAD)
    found = timeline.replay("openai.chat", [(1.0, whole[:500]), (2.0, whole[500:700])])
    assert found.fragments
    assert found.ended == 2.0


def test_a_long_stream_is_thinned_and_keeps_its_text_and_its_turning_point() -> None:
    filler = [f'"k{at}": 1, ' for at in range(4000)]
    long = stream('{"city": "x", ', '"wrong": 1, ', *filler, '"z": 1}', step=1.0)
    found = timeline.replay("openai.chat", long, OFFERED)
    thin = timeline.thin(found, most=300)
    assert len(thin.fragments) <= 310
    assert "".join(p.text for p in thin.fragments) == "".join(p.text for p in found.fragments)
    first = next(piece for piece in thin.fragments if piece.violation)
    assert found.tracks[0].invalid is not None
    assert first.number == found.tracks[0].invalid.number


def test_marks_lie_on_the_axis_in_order_and_their_labels_do_not_overlap() -> None:
    found = timeline.replay("openai.chat", BAD, OFFERED)
    marks = [mark for mark in timeline_plot.plot(found).marks if mark.kind.startswith("fa")]
    assert all(timeline_plot.LEFT <= mark.x <= timeline_plot.RIGHT for mark in marks)
    for left, right in pairwise(marks):
        end = left.label_x + len(left.label) * timeline_plot.LETTER if left.label else left.x
        assert end <= right.x + 1
    assert [mark.kind for mark in marks].index("fa bad") == 7


def test_validity_turns_where_the_limit_stands() -> None:
    drawn = timeline_plot.plot(timeline.replay("openai.chat", BAD, OFFERED))
    good, bad = drawn.spans
    assert good.x + good.width == pytest.approx(bad.x)
    assert drawn.limits[0].x == bad.x
    assert drawn.limits[0].label == "valid until here, 728 ms"


@pytest.mark.parametrize(
    ("first", "last", "labels"),
    [
        (488, 905, ["500 ms", "600", "700", "800", "900"]),
        (0, 10_000, ["0 ms", "2,000", "4,000", "6,000", "8,000", "10,000"]),
        (1.0, 1.4, ["1.0 ms", "1.2", "1.4"]),
        (5, 5, ["5.0 ms"]),
    ],
)
def test_ticks_are_round_and_the_first_has_the_unit(
    first: float, last: float, labels: list[str]
) -> None:
    assert [label for _, label in timeline_plot.ticks(first, last)] == labels
