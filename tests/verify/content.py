"""How often the content layer flags what real models sent, and how many attacks it tells of."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.tools.attacks import ATTACKS
from tools_registry.validation.content import check_content
from tools_registry.validation.detectors import DETECTORS, plain

FOLDERS = ("tau", "bfcl", "conversations", "exchanges", "streams", "otlp")
ARGUMENTS = ("arguments", "args", "kwargs", "input", "tool_input")
MOST_ALARMS = 0.01
LEAST_RECALL = 0.95


def read_calls(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of arguments in a record, with the name beside it; also in texts of JSON."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ARGUMENTS or key.endswith(("tool.arguments", "call.arguments")):
                held = read_text(item) if isinstance(item, str) else item
                if isinstance(held, dict) and held and "properties" not in held:
                    yield str(value.get("name", "")), held
            yield from read_calls(item)
    elif isinstance(value, list):
        for item in value:
            yield from read_calls(item)
    elif isinstance(value, str):
        yield from read_calls(read_text(value))


def read_text(text: str) -> Any:
    if text[:1] not in ("{", "[") or len(text) > 200_000:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def main(data: Path) -> None:
    calls: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    seen: set[str] = set()
    for folder in FOLDERS:
        for path in sorted((data / folder).glob("*.jsonl.gz")):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    for name, arguments in read_calls(json.loads(line)):
                        key = f"{name} {json.dumps(arguments, sort_keys=True)}"
                        if key in seen:
                            continue
                        seen.add(key)
                        calls[folder] += 1
                        codes = {one.code for one in check_content(None, arguments).findings}
                        alarms.update(codes)
                        for code in sorted(codes):
                            print(f"   {code}: {path.parent.name}/{path.name} {key[:160]}")
    total = sum(calls.values())
    print(f"   {total:,} different calls: {', '.join(f'{k} {n:,}' for k, n in calls.items())}")
    for code in DETECTORS:
        share = alarms[code] / total
        told = sum(DETECTORS[code](plain(text) if code != "control_characters" else text)
                   is not None for text in ATTACKS[code])  # fmt: skip
        recall = told / len(ATTACKS[code])
        print(
            f"   {code}: {alarms[code]} of {total:,} flagged ({share:.2%}),"
            f" {told} of {len(ATTACKS[code])} written attacks told ({recall:.0%})"
        )
        assert share < MOST_ALARMS, code
        assert recall >= LEAST_RECALL, code


if __name__ == "__main__":
    main(Path(__file__).resolve().parents[3] / "shared" / "data")
