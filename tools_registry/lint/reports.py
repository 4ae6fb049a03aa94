"""Findings of files as a person, a program or a CI reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args
from xml.etree import ElementTree

from tools_registry.lint.problems import CODES, Severity

Format = Literal["text", "json", "sarif", "github", "junit"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True)
class Finding:
    """A problem in a file; ``path`` is relative and has slashes, line and column count from 1."""

    path: str
    line: int
    column: int
    severity: Severity
    code: str
    message: str
    tool: str = ""
    pointer: str = ""

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """What stays the same when lines move: by it a baseline knows a finding."""
        return self.path, self.tool, self.code, self.pointer, self.message


def write_report(
    kind: Format, findings: Sequence[Finding], files: Sequence[str], tools: int
) -> str:
    """The report as text, without a line end at its end."""
    return _WRITERS[kind](findings, files, tools)


def _write_text(findings: Sequence[Finding], files: Sequence[str], tools: int) -> str:
    lines = [
        f"{found.path}:{found.line}:{found.column}: {found.severity} {found.code}"
        f"{f' [{found.tool}]' if found.tool else ''} {found.message}"
        for found in findings
    ]
    counts = [_count(findings, severity) for severity in ("error", "warning", "note")]
    told = ", ".join(count for count in counts if count) or "no problems"
    return "\n".join([*lines, f"{_plural(tools, 'tool')} in {_plural(len(files), 'file')}: {told}"])


def _count(findings: Sequence[Finding], severity: str) -> str:
    number = sum(found.severity == severity for found in findings)
    return _plural(number, severity) if number else ""


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _write_json(findings: Sequence[Finding], files: Sequence[str], tools: int) -> str:
    whole = {"files": list(files), "tools": tools, "findings": [asdict(one) for one in findings]}
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _write_sarif(findings: Sequence[Finding], files: Sequence[str], tools: int) -> str:
    """SARIF 2.1.0 (OASIS), as code scanning reads it."""
    used = sorted({found.code for found in findings})
    rules = [{"id": code, "shortDescription": {"text": CODES[code].summary}} for code in used]
    results = [
        {
            "ruleId": found.code,
            "ruleIndex": used.index(found.code),
            "level": found.severity,
            "message": {"text": found.message},
            "locations": [_sarif_place(found)],
        }
        for found in findings
    ]
    driver = {"name": "lint_tools", "rules": rules}
    whole = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _sarif_place(found: Finding) -> dict[str, Any]:
    region = {"startLine": found.line, "startColumn": found.column}
    return {"physicalLocation": {"artifactLocation": {"uri": found.path}, "region": region}}


def _write_github(findings: Sequence[Finding], files: Sequence[str], tools: int) -> str:
    """GitHub's workflow commands: each becomes an annotation of the pull request."""
    kinds = {"error": "error", "warning": "warning", "note": "notice"}
    return "\n".join(
        f"::{kinds[found.severity]} file={_property(found.path)},line={found.line},"
        f"col={found.column},title={_property(found.code)}::{_data(found.message)}"
        for found in findings
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _write_junit(findings: Sequence[Finding], files: Sequence[str], tools: int) -> str:
    """One test case a file; errors and warnings fail it."""
    failed = {found.path for found in findings if found.severity != "note"}
    suite = ElementTree.Element(
        "testsuite", name="lint_tools", tests=str(len(files)), failures=str(len(failed))
    )
    for path in files:
        case = ElementTree.SubElement(suite, "testcase", classname="lint_tools", name=path)
        own = [found for found in findings if found.path == path]
        told = "\n".join(f"{one.line}:{one.column} {one.code} {one.message}" for one in own)
        if path in failed:
            bad = [found for found in own if found.severity != "note"]
            message = _plural(len(bad), "problem")
            ElementTree.SubElement(case, "failure", message=message).text = _xml(told)
        elif own:
            ElementTree.SubElement(case, "system-out").text = _xml(told)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def _xml(text: str) -> str:
    """Without the characters that no XML can hold."""
    return "".join(
        c if c in "\t\n" or " " <= c < "\ud800" or c > "\udfff" else "\ufffd" for c in text
    )


_WRITERS: dict[Format, Callable[[Sequence[Finding], Sequence[str], int], str]] = {
    "text": _write_text,
    "json": _write_json,
    "sarif": _write_sarif,
    "github": _write_github,
    "junit": _write_junit,
}
