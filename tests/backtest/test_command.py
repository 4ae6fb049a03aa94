"""``manage.py backtest``: a report, and an exit status for CI."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command

from console.accounts.models import Project
from conversations.backtest.records import Backtest
from tests.backtest.making import arguments, definition, make_calls, make_versions
from tests.factories import make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Iterator[Project]:
    project = make_project()
    right, _ = make_versions(project)
    make_calls(right, [arguments(n) for n in range(6)])
    yield project


def backtest(project: Project, *options: str) -> tuple[int, str]:
    """The exit status and what was reported."""
    out = io.StringIO()
    try:
        with pytest.raises(SystemExit) as ended:
            call_command("backtest", "get_weather", "--project", project.slug, *options, stdout=out)
    except CommandError as error:
        return error.returncode, str(error)
    return int(str(ended.value.code)), out.getvalue()


def test_nothing_newly_rejected_is_fine(project: Project) -> None:
    status, text = backtest(project, "--use-version", "1")
    assert status == 0
    assert "get_weather, v1 with no policy: 6 of 6 calls" in text


def test_newly_rejected_calls_fail_and_are_told(project: Project) -> None:
    status, text = backtest(project)
    assert status == 1
    assert "Newly rejected" in text and "+6" in text and "missing_required /temprature" in text
    assert str(Backtest.objects.get().pk) in text


def test_a_file_judges_without_being_saved(project: Project, tmp_path: Path) -> None:
    draft = tmp_path / "tool.json"
    draft.write_text(json.dumps(definition()))
    assert backtest(project, "--draft", str(draft))[0] == 0
    policy = tmp_path / "policy.json"
    policy.write_text('{"rules": [{"name": "none", "expression": "args.city == \\"x\\""}]}')
    assert backtest(project, "--draft", str(draft), "--policy", str(policy))[0] == 1


def test_the_report_is_written_for_programs(project: Project) -> None:
    told = json.loads(backtest(project, "--format", "json", "--last", "4")[1])
    assert (told["status"], told["done"], told["available"]) == ("finished", 4, 6)
    suite = ElementTree.fromstring(backtest(project, "--format", "junit")[1])
    assert (suite.tag, suite.get("failures")) == ("testsuite", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None and failure.get("message") == "6 of 6 calls would be newly rejected"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--use-version", "9"), "no version 9"),
        (("--filter", "colour:red"), "no field colour"),
        (("--last", "0"), "--last"),
        (("--draft", "/nowhere/tool.json"), "No such file"),
        (("--policy", "5"), "no policy 5"),
    ],
)
def test_what_keeps_it_from_running_is_said(
    project: Project, options: tuple[str, ...], said: str
) -> None:
    status, text = backtest(project, *options)
    assert status == 2
    assert said in text


def test_a_project_is_named_where_there_are_several(project: Project) -> None:
    make_project()
    with pytest.raises(CommandError, match="--project") as refused:
        call_command("backtest", "get_weather")
    assert refused.value.returncode == 2
