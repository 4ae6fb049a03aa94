"""`manage.py lint_tools` as a CI runs it: formats, exit status, baseline, an earlier revision."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.conftest import run_command

GOOD = {
    "name": "get_weather",
    "description": "Get the current weather of a city. Not for forecasts.",
    "parameters": {
        "type": "object",
        "properties": {"temperature": {"type": "string", "description": "Its unit"}},
        "required": ["temperature"],
    },
}
BAD = json.loads(json.dumps(GOOD).replace("temperature", "temprature"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    write(tmp_path, "good.json", GOOD)
    return tmp_path


def write(folder: Path, name: str, definition: Any) -> None:
    (folder / "tools" / name).write_text(json.dumps(definition, indent=1))


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Without a database, an address of one, or a console."""
    kept = {key: value for key, value in os.environ.items() if not key.endswith("_URL")}
    environment = kept | {"VAR_DIR": str(folder / "var")}
    return run_command("lint_tools", *arguments, cwd=folder, env=environment)


def test_a_good_definition_passes(folder: Path) -> None:
    ended = lint(folder, "tools")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "1 tool in 1 file: no problems\n"


def test_a_bad_one_fails_at_its_line_in_every_format(folder: Path) -> None:
    write(folder, "list.json", {"result": {"tools": [{"type": "function", "function": BAD}]}})
    ended = lint(folder, "tools")
    assert ended.returncode == 1
    assert "tools/list.json:12:8: error param_misspelled [get_weather]" in ended.stdout
    assert "::error file=tools/list.json,line=12,col=8,title=param_misspelled::" in (
        lint(folder, "tools", "--format", "github").stdout
    )
    report = json.loads(lint(folder, "tools", "--format", "sarif").stdout)
    (result,) = report["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("param_misspelled", "error")
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 12
    suite = ElementTree.fromstring(lint(folder, "tools", "--format", "junit").stdout)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    (found,) = json.loads(lint(folder, "tools", "--format", "json").stdout)["findings"]
    assert found["pointer"] == "/parameters/properties/temprature"


def test_what_cannot_run_says_so(folder: Path) -> None:
    for arguments in (
        ["absent"],
        ["tools", "--diff", "no-such-revision"],
        ["tools", "--format", "x"],
    ):
        ended = lint(folder, *arguments)
        assert ended.returncode == 2
        assert ended.stderr and "Traceback" not in ended.stderr


def test_a_file_that_is_no_definition_is_a_finding(folder: Path) -> None:
    (folder / "tools" / "broken.json").write_text('{\n "name": }')
    ended = lint(folder, "tools")
    assert ended.returncode == 1
    assert "tools/broken.json:2:10: error unreadable This is not JSON" in ended.stdout


def test_warnings_fail_only_where_asked(folder: Path) -> None:
    write(folder, "good.json", GOOD | {"description": "Weather."})
    assert lint(folder, "tools").returncode == 0
    assert lint(folder, "tools", "--fail-on", "warning").returncode == 1


def test_a_baseline_takes_what_is_known_and_a_dictionary_what_is_right(folder: Path) -> None:
    write(folder, "bad.json", BAD)
    assert lint(folder, "tools", "--baseline", "known", "--write-baseline").returncode == 0
    assert lint(folder, "tools", "--baseline", "known").returncode == 0
    write(folder, "worse.json", BAD)
    assert lint(folder, "tools", "--baseline", "known").returncode == 1
    (folder / "words").write_text("# ours\ntemprature\n")
    assert lint(folder, "tools", "--dictionary", "words").returncode == 0


def test_a_breaking_change_against_a_revision_fails(folder: Path) -> None:
    def git(*arguments: str) -> None:
        name = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True)

    git("init", "-q")
    git("add", "tools")
    git("commit", "-qm", "first")
    assert lint(folder, "tools", "--diff", "HEAD").returncode == 0
    write(folder, "good.json", GOOD | {"name": "get_weathre"})
    ended = lint(folder, "tools", "--diff", "HEAD")
    assert ended.returncode == 1
    assert "error tool_misspelled [get_weathre]" in ended.stdout
    assert "error breaking_change [get_weathre] tool_renamed" in ended.stdout
    write(folder, "good.json", BAD)
    ended = lint(folder, "tools", "--diff", "HEAD")
    assert "breaking_change [get_weather] parameter_renamed" in ended.stdout


def test_a_tool_that_is_gone_breaks_against_an_earlier_folder(folder: Path) -> None:
    (folder / "before").mkdir()
    (folder / "before" / "all.json").write_text(json.dumps([GOOD, GOOD | {"name": "pay_bill"}]))
    ended = lint(folder, "tools", "--diff", "before")
    assert ended.returncode == 1
    assert "breaking_change [pay_bill] pay_bill is gone" in ended.stdout
