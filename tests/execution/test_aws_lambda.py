"""The Lambda executor against moto's server on loopback, and against AWS's answers in trouble."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from pytest_django import Settings

from console.embedded.child import free_port
from tests.execution.test_executors import LOOPBACK, executor, job, refusal
from tests.providers.upstream import Upstream, answer, hang
from tests.tools.test_import_mcp import wait_for

KEYS = {"key_variable": "AWS_TEST_API_KEY", "secret_variable": "AWS_SECRET_API_KEY"}
WEATHER = {"function": "weather", "region": "eu-north-1", **KEYS}


@pytest.fixture(autouse=True)
def keys(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTBOUND_ALLOW, settings.LOCAL_MODEL_URL = [*LOOPBACK], ""
    monkeypatch.setenv("AWS_TEST_API_KEY", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_API_KEY", "s3cret")


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        url = f"http://127.0.0.1:{port}"
        tell(url, "config", {"lambda": {"use_docker": False}})
        make_function(url)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def tell(url: str, what: str, body: Any) -> None:
    request = urllib.request.Request(
        f"{url}/moto-api/{what}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request).close()


def make_function(url: str) -> None:
    made: dict[str, Any] = {
        "endpoint_url": url,
        "region_name": "eu-north-1",
        "aws_access_key_id": "a",
        "aws_secret_access_key": "b",
    }
    role = boto3.client("iam", **made).create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("f.py", "def main(event, context): return event")
    boto3.client("lambda", **made).create_function(
        FunctionName="weather",
        Runtime="python3.11",
        Role=role["Role"]["Arn"],
        Handler="f.main",
        Code={"ZipFile": code.getvalue()},
    )


async def test_a_function_is_invoked(aws: str) -> None:
    queued = {"results": ['{"now": {"c": 21}}'], "region": "eu-north-1"}
    tell(aws, "static/lambda-simple/response", queued)
    weather = executor("lambda", endpoint=aws, result="/now", **WEATHER)
    assert (await weather.run(job({"city": "Oslo"}))).value == {"c": 21}
    preview = weather.preview(job({"city": "Oslo"}))
    assert preview.line == "Invoke weather in eu-north-1" and "s3cret" not in str(preview)


async def test_the_door_guards_it_too(aws: str) -> None:
    fault = await refusal("lambda", job(hosts=()), endpoint=aws, **WEATHER)
    assert fault.detail["blocked"]


async def test_the_event_is_signed_and_sent_once() -> None:
    async with Upstream(answer(200, {"ok": 1})) as upstream:
        weather = executor("lambda", endpoint=f"http://127.0.0.1:{upstream.port}", **WEATHER)
        assert (await weather.run(job({"city": "Oslo"}))).value == {"ok": 1}
        [sent] = upstream.requests
    assert sent.path == "/2015-03-31/functions/weather/invocations"
    assert sent.json == {"city": "Oslo"}
    assert "credential=akiatest/" in sent.headers["authorization"]
    assert "/eu-north-1/lambda/" in sent.headers["authorization"]


@pytest.mark.parametrize(
    ("status", "body", "more", "code", "transient", "text"),
    [
        (
            200,
            {"errorMessage": "no such city", "errorType": "KeyError"},
            {"x_amz_function_error": "Unhandled"},
            "tool_error",
            False,
            "The function failed: no such city",
        ),
        (
            200,
            {"errorMessage": "2026-01-01T00:00:00Z 7f Task timed out after 3.00 seconds"},
            {"x_amz_function_error": "Unhandled"},
            "timeout",
            True,
            "timed out",
        ),
        (
            429,
            {"message": "Rate Exceeded."},
            {"x_amzn_errortype": "TooManyRequestsException"},
            "rate_limited",
            True,
            "Rate Exceeded",
        ),
        (
            404,
            {"message": "Function not found"},
            {"x_amzn_errortype": "ResourceNotFoundException"},
            "tool_error",
            False,
            "ResourceNotFoundException: Function not found",
        ),
        (502, b"", {}, "tool_error", True, "502"),
    ],
)
async def test_trouble_is_told_apart(
    status: int, body: Any, more: dict[str, str], code: str, transient: bool, text: str
) -> None:
    async with Upstream(answer(status, body, **more)) as upstream:
        endpoint = f"http://127.0.0.1:{upstream.port}"
        fault = await refusal("lambda", endpoint=endpoint, **WEATHER)
        assert len(upstream.requests) == 1
    assert (fault.code, fault.transient) == (code, transient) and text in fault.message


async def test_a_function_that_hangs_is_a_timeout() -> None:
    async with Upstream(hang) as upstream:
        endpoint = f"http://127.0.0.1:{upstream.port}"
        fault = await refusal("lambda", job(timeout_s=0.2), endpoint=endpoint, **WEATHER)
    assert fault.code == "timeout"


async def test_without_its_keys_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_API_KEY")
    fault = await refusal("lambda", endpoint="http://127.0.0.1:9", **WEATHER)
    assert "AWS_SECRET_API_KEY is not set" in fault.message
