"""``manage.py replay``: a suite asked in a CI, with its exit status."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from console.accounts.models import Project
from conversations.models import Suite, SuiteCase
from conversations.replay.files import read_variant
from conversations.replay.records import Replay
from conversations.replay.variants import BadVariant
from tests.factories import WEATHER, make_project, make_tool_version
from tests.replay.making import MISSPELT, TOOL, connect
from tests.replay.provider import Body, Reply, call, provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def near(settings: LazySettings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


def make_suite(project: Project, expected: bool = True) -> Suite:
    suite = Suite.objects.create(project=project, name="Weather", case_count=4)
    for number in range(4):
        calls = [{"name": "get_weather", "arguments": {"city": f"Town {number}"}}]
        question = {"role": "user", "content": f"What is the weather in Town {number}?"}
        SuiteCase.objects.create(
            suite=suite,
            number=number + 1,
            position=number,
            title=question["content"],
            messages=json.dumps([question]),
            tools=json.dumps([TOOL]),
            expectation=json.dumps({"calls": calls}) if expected else "",
        )
    return suite


def answer(body: Body) -> Body:
    """Right but for Town 3, and for every town under another definition."""
    names = body["tools"][0]["function"]["parameters"]["properties"]
    town = body["messages"][-1]["content"].split(" in ")[1].rstrip("?")
    return call("get_weather", {next(iter(names)): "Rome" if town == "Town 3" else town})


def run(*args: str, model: Any = answer, expected: bool = True) -> tuple[int, str]:
    with provider(model) as upstream:
        connection = connect(make_project(), upstream.url, name="near")
        make_suite(connection.project, expected)
        given = ["--suite", "Weather", "--connection", "near", "--model", "m", *args]
        out = io.StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("replay", *given, stdout=out, stderr=io.StringIO())
    return int(str(ended.value.code)), out.getvalue()


@pytest.mark.parametrize(("least", "status"), [("0.75", 0), ("0.8", 1), ("1", 1), ("0", 0)])
def test_the_status_says_whether_enough_are_right(least: str, status: int) -> None:
    code, told = run("--fail-under", least)
    assert code == status
    assert "As recorded: 3 of 4 (75%, 95% CI 19–99)" in told  # noqa: RUF001
    assert "Town 3?" in told and "/replays/" in told


def test_a_variant_from_a_file_decides(tmp_path: Path) -> None:
    path = tmp_path / "misspelt.json"
    path.write_text(json.dumps({"replaced": {"get_weather": MISSPELT}}))
    code, told = run("--fail-under", "0.5", "--variant", str(path), "--trials", "2")
    assert code == 1 and "misspelt: 0 of 4" in told
    assert Replay.objects.get().outcomes.count() == 16


def test_junit_has_a_suite_for_each_variant() -> None:
    code, told = run("--format", "junit", "--variant", '{"name": "Cold", "system_prompt": "Brr"}')
    suites = ElementTree.fromstring(told)
    assert code == 1 and [one.get("name") for one in suites] == ["As recorded", "Cold"]
    assert [one.get("failures") for one in suites] == ["1", "1"]
    failure = suites[0].find("testcase/failure")
    assert failure is not None and "0 of 1 trials right" in str(failure.get("message"))


def test_json_tells_all() -> None:
    code, told = run("--format", "json", "--fail-under", "0.5")
    data = json.loads(told)
    assert (code, data["status"], data["variants"][0]["right"]["part"]) == (0, "finished", 3)


def fails(*args: str, **more: Any) -> str:
    with provider(more.pop("model", answer)) as upstream:
        connection = connect(make_project(), upstream.url, name="near")
        make_suite(connection.project, more.pop("expected", True))
        with pytest.raises(CommandError) as error:
            call_command("replay", *args, stdout=io.StringIO(), stderr=io.StringIO())
    assert error.value.returncode == 2
    return str(error.value)


SUITE = ("--suite", "Weather", "--model", "m")


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("--suite", "Wether"), "no such suite"),
        (SUITE, "Choose a connection"),
        ((*SUITE, "--connection", "far"), "no connection far"),
        ((*SUITE, "--variant", "absent.json"), "absent.json cannot be read"),
        ((*SUITE, "--fail-under", "95"), "a share from 0 to 1"),
        ((*SUITE, "--ceiling-dollars", "much"), "a number, such as 2.50"),
        ((*SUITE, "--connection", "near", "--ceiling-tokens", "1"), "more than its ceiling"),
    ],
)
def test_what_cannot_run_says_why(args: tuple[str, ...], problem: str) -> None:
    assert problem in fails(*args)


def test_nothing_to_judge_by_is_no_success() -> None:
    told = fails(*SUITE, "--connection", "near", expected=False)
    assert "say in the suite what should be called" in told


def test_a_provider_that_refuses_is_no_success() -> None:
    def refuse(body: Body) -> Reply:
        return Reply({"error": {"message": "No"}}, status=403)

    assert "No case could be judged" in fails(*SUITE, "--connection", "near", model=refuse)


def test_versions_and_connections_go_by_their_names() -> None:
    project = make_project()
    version = make_tool_version(project, WEATHER)
    connection = connect(project, "http://127.0.0.1:9/v1", name="near")
    text = json.dumps(
        {
            "name": "v",
            "replaced": {"get_weather": "v1"},
            "added": ["get_weather v1"],
            "connection": "near",
        }
    )
    found = read_variant(project, text)
    assert (found.replaced, found.added, found.connection) == (
        {"get_weather": version.pk},
        [version.pk],
        connection.pk,
    )
    for wrong in ('{"name": "v", "added": ["v2"]}', '{"name": "v", "added": ["x"]}', "{"):
        with pytest.raises(BadVariant):
            read_variant(project, wrong)
