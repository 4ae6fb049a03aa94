"""Which labels of a recorded turn say the calls that a person found right."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.replay.compare import Made
from conversations.replay.labelling import drafts_of

OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'


@pytest.mark.parametrize(
    ("recorded", "right", "labels"),
    [
        ([("get", OSLO)], [("get", '{"city":"Oslo"}')], []),
        ([("get", OSLO)], [("get", ROME)], [("wrong_arguments", 0, "get", ROME)]),
        ([("get", OSLO)], [("find", OSLO)], [("wrong_tool", 0, "find", OSLO)]),
        ([("get", OSLO), ("get", ROME)], [("get", ROME)], [("needless", 0, "", "")]),
        ([("get", OSLO)], [], [("needless", 0, "", "")]),
        ([], [("get", OSLO)], [("missing", None, "get", OSLO)]),
        ([], [("get", OSLO), ("get", ROME)], None),
    ],
)
def test_labels_say_what_is_right(recorded: Any, right: Any, labels: Any) -> None:
    drafts = drafts_of([Made(*one) for one in recorded], [Made(*one) for one in right])
    assert (drafts is None) == (labels is None)
    told = [(one.kind, one.position, one.tool, one.arguments) for one in drafts or ()]
    assert told == (labels or [])
