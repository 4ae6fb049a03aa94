"""A backtest as JSON, and as a person at a terminal or a CI reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args
from xml.etree import ElementTree

from django.conf import settings
from django.urls import reverse

from console.lib import json
from conversations.backtest.comparison import CHANGES, KINDS
from conversations.backtest.records import Backtest

Format = Literal["text", "json", "junit"]
FORMATS: tuple[Format, ...] = get_args(Format)
_SHOWN = 20


def address_of(row: Backtest) -> str:
    """The whole URL of the backtest's page."""
    path = reverse("conversations:backtest", args=[row.project.slug, row.pk])
    return f"{settings.SITE_URL}{path}"


def describe(row: Backtest) -> dict[str, Any]:
    """What a program is told: how it stands, its base, and the counts."""
    told = row.told
    findings = [{"finding": key, **counts} for key, counts in told.get("findings", {}).items()]
    return {
        "id": str(row.pk),
        "status": row.status,
        "error": row.error or None,
        "url": address_of(row),
        "tool": row.tool,
        "version": row.version.number if row.version else None,
        "policy": row.policy_name,
        "filter": row.query,
        "last": row.limit,
        "done": row.done,
        "total": row.total,
        "available": row.available,
        "from": told.get("first"),
        "to": told.get("last"),
        "seconds": round(row.seconds, 3),
        "newly_rejected": told.get("kinds", {}).get("newly_rejected", 0),
        "kinds": {kind: told.get("kinds", {}).get(kind, 0) for kind in KINDS},
        "matrix": told.get("matrix", {}),
        "findings": sorted(findings, key=weight_of),
        "models": told.get("models", {}),
        "weeks": told.get("weeks", {}),
    }


def weight_of(counts: Mapping[str, Any]) -> tuple[int, int, str]:
    """Order of findings: those that come or go in most calls first."""
    changed = counts.get("new", 0) + counts.get("gone", 0)
    return -changed, -counts.get("after", 0), counts["finding"]


def tell_base(row: Backtest) -> str:
    """What the numbers are of: "100,000 of 134,221 calls"."""
    if row.available is None:
        return f"{row.done:,} calls"
    noun = "call" if row.available == 1 else "calls"
    return f"{row.done:,} of {row.available:,} {noun}"


def write_report(form: Format, row: Backtest) -> str:
    """The report as text, without a line end at its end."""
    return _WRITERS[form](row)


def _write_json(row: Backtest) -> str:
    return json.pretty(describe(row))


def _write_text(row: Backtest) -> str:
    told = describe(row)
    span = f", {told['from'][:16]} to {told['to'][:16]} UTC" if told["from"] else ""
    lines = [
        f"{row.tool}, {row.judge_name} with {row.policy_name}: {tell_base(row)}{span}",
        *(f"  {KINDS[kind]:30}{told['kinds'][kind]:>10,}" for kind in KINDS),
    ]
    lines += _tell_findings(told["findings"])
    return "\n".join([*lines, told["url"]])


def _tell_findings(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    changed = [one for one in findings if one.get("new") or one.get("gone")]
    if changed:
        yield "  Findings that come (+) and go (-):"
    for one in changed[:_SHOWN]:
        yield f"    +{one.get('new', 0):<8,} -{one.get('gone', 0):<8,} {one['finding']}"
    if len(changed) > _SHOWN:
        yield f"    and {len(changed) - _SHOWN} more"


def _write_junit(row: Backtest) -> str:
    """One test case for each way in which calls can change; newly rejected calls fail."""
    told = describe(row)
    failed = told["newly_rejected"]
    suite = ElementTree.Element(
        "testsuite", name="backtest", tests=str(len(CHANGES)), failures=str(int(failed > 0))
    )
    for kind in CHANGES:
        case = ElementTree.SubElement(suite, "testcase", classname=row.tool, name=KINDS[kind])
        count = told["kinds"][kind]
        if kind == "newly_rejected" and failed:
            failure = ElementTree.SubElement(case, "failure")
            failure.set("message", f"{failed:,} of {row.done:,} calls would be newly rejected")
            failure.text = "\n".join([*_tell_findings(told["findings"]), told["url"]])
        elif count:
            ElementTree.SubElement(case, "system-out").text = f"{count:,} calls"
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


_WRITERS: dict[Format, Callable[[Backtest], str]] = {
    "text": _write_text,
    "json": _write_json,
    "junit": _write_junit,
}
