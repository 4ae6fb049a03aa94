"""BFCL's files as suites: every line becomes a case, or says why it does not.

What is taken judges its own answer as right, where BFCL's checker does, and reads back from its
export the same.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

from conversations.suites.cases import BadCase, judge_answer, read_case, unknown_names
from conversations.suites.reading import read_file
from tools_registry.validation.expectation import CallMade

FILES = {"live": (1126, 0), "non_live": (595, 0), "multi_turn": (100, 300)}
"""Lines that are taken and refused: a line of several user turns is no case."""
SEVERAL = "It tells the calls of several user turns"


def main(data: Path) -> None:
    for name, (taken, refused) in FILES.items():
        with gzip.open(data / "bfcl" / f"{name}.jsonl.gz", "rb") as file:
            body = file.read()
        read = read_file(body)
        reasons = Counter(one.reason.split(". ")[0] for one in read.refused)
        kinds = Counter(check(json.loads(line)) for line in body.splitlines())
        told = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        print(f"   {name}: {len(read.entries):,} cases, {len(read.refused):,} refused; {told}")
        for reason, times in reasons.items():
            print(f"      {times:,}: {reason}")
        assert (len(read.entries), len(read.refused)) == (taken, refused), name
        assert all(SEVERAL in one.reason for one in read.refused), reasons
        for entry in read.entries:
            assert not unknown_names(entry.case), f"{entry.case.key} expects what it lacks"
            again = read_case(json.loads(json.dumps(entry.to_json())))
            assert again.to_json() == entry.to_json(), f"{entry.case.key} reads back otherwise"


def check(line: dict[str, Any]) -> str:
    """What is expected, after the right answer was judged by it, and a wrong one."""
    try:
        case = read_case(line).case
    except BadCase:
        return "of several turns"
    calls = line["expected"]["calls"]
    right = [CallMade(call["name"], call["arguments"]) for call in calls or ()]
    other = [CallMade("make_user_happy", {})]
    if calls is None:
        right, other = other, []
    wrong, found = judge_answer(case, other), judge_answer(case, right)
    assert wrong is not None, line["id"]
    assert found is not None, line["id"]
    assert wrong.findings, f"{line['id']}: takes {other}"
    if found.findings:
        own = line["expected"].get("gold_passes_official_checker", True)
        assert not own, f"{line['id']}: {found.findings}"
        return "whose answer their own checker refuses, too"
    if calls is None:
        return "expect some call"
    return "expect calls" if calls else "expect no call"
