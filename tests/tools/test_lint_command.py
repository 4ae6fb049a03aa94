"""`manage.py lint_tools` as a CI runs it: formats, exit status, baseline, an earlier revision."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from django.core.management import ManagementUtility

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


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Lint = Callable[..., Ended]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tools").mkdir()
    write(tmp_path, "good.json", GOOD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def lint(folder: Path, capsys: pytest.CaptureFixture[str]) -> Lint:
    """The command in this process, which may not ask a database."""

    def run(*arguments: str) -> Ended:
        status = 0
        try:
            ManagementUtility(["manage.py", "lint_tools", *arguments]).execute()
        except SystemExit as ended:
            status = int(ended.code or 0)
        return Ended(status, *capsys.readouterr())

    return run


def write(folder: Path, name: str, definition: Any) -> None:
    (folder / "tools" / name).write_text(json.dumps(definition, indent=1))


def test_a_good_definition_passes_without_a_database_or_a_console(folder: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.endswith("_URL")}
    ended = run_command("lint_tools", "tools", env=kept | {"VAR_DIR": str(folder / "var")})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "1 tool in 1 file: no problems\n"


def test_a_bad_one_fails_at_its_line_in_every_format(folder: Path, lint: Lint) -> None:
    write(folder, "list.json", {"result": {"tools": [{"type": "function", "function": BAD}]}})
    ended = lint("tools")
    assert ended.returncode == 1
    assert "tools/list.json:12:8: error param_misspelled [get_weather]" in ended.stdout
    assert "::error file=tools/list.json,line=12,col=8,title=param_misspelled::" in (
        lint("tools", "--format", "github").stdout
    )
    report = json.loads(lint("tools", "--format", "sarif").stdout)
    (result,) = report["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("param_misspelled", "error")
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 12
    suite = ElementTree.fromstring(lint("tools", "--format", "junit").stdout)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    (found,) = json.loads(lint("tools", "--format", "json").stdout)["findings"]
    assert found["pointer"] == "/parameters/properties/temprature"


def test_what_cannot_run_says_so(folder: Path, lint: Lint) -> None:
    for arguments in (
        ["absent"],
        ["tools", "--diff", "no-such-revision"],
        ["tools", "--format", "x"],
    ):
        ended = lint(*arguments)
        assert ended.returncode == 2
        assert ended.stderr and "Traceback" not in ended.stderr


def test_a_file_that_is_no_definition_is_a_finding(folder: Path, lint: Lint) -> None:
    (folder / "tools" / "broken.json").write_text('{\n "name": }')
    ended = lint("tools")
    assert ended.returncode == 1
    assert "tools/broken.json:2:10: error unreadable This is not JSON" in ended.stdout


def test_warnings_fail_only_where_asked(folder: Path, lint: Lint) -> None:
    write(folder, "good.json", GOOD | {"description": "Weather."})
    assert lint("tools").returncode == 0
    assert lint("tools", "--fail-on", "warning").returncode == 1


def test_a_baseline_takes_what_is_known_and_a_dictionary_what_is_right(
    folder: Path, lint: Lint
) -> None:
    write(folder, "bad.json", BAD)
    assert lint("tools", "--baseline", "known", "--write-baseline").returncode == 0
    assert lint("tools", "--baseline", "known").returncode == 0
    write(folder, "worse.json", BAD)
    assert lint("tools", "--baseline", "known").returncode == 1
    (folder / "words").write_text("# ours\ntemprature\n")
    assert lint("tools", "--dictionary", "words").returncode == 0


def test_a_breaking_change_against_a_revision_fails(folder: Path, lint: Lint) -> None:
    def git(*arguments: str) -> None:
        name = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True)

    git("init", "-q")
    git("add", "tools")
    git("commit", "-qm", "first")
    assert lint("tools", "--diff", "HEAD").returncode == 0
    write(folder, "good.json", GOOD | {"name": "get_weathre"})
    ended = lint("tools", "--diff", "HEAD")
    assert ended.returncode == 1
    assert "error tool_misspelled [get_weathre]" in ended.stdout
    assert "error breaking_change [get_weathre] tool_renamed" in ended.stdout
    write(folder, "good.json", BAD)
    ended = lint("tools", "--diff", "HEAD")
    assert "breaking_change [get_weather] parameter_renamed" in ended.stdout


def test_a_tool_that_is_gone_breaks_against_an_earlier_folder(folder: Path, lint: Lint) -> None:
    (folder / "before").mkdir()
    (folder / "before" / "all.json").write_text(json.dumps([GOOD, GOOD | {"name": "pay_bill"}]))
    ended = lint("tools", "--diff", "before")
    assert ended.returncode == 1
    assert "breaking_change [pay_bill] pay_bill is gone" in ended.stdout
