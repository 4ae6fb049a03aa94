"""A function of AWS Lambda: boto3 makes and signs the request, the guarded door sends it.

Keys come from the environment variables that the policy names and from nowhere else: neither
boto3's files nor a machine's own role are asked.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import httpcore2
import httpx2

from console.lib import http, json
from tools_registry.execution.executors.base import (
    LARGEST,
    Answer,
    Fault,
    Job,
    Preview,
    pick,
    secret,
    shorten,
)
from tools_registry.policies import execution

_TRANSIENT = ("TooManyRequestsException", "ServiceException", "EC2ThrottledException")


class LambdaExecutor:
    def __init__(self, settings: execution.Lambda) -> None:
        self.settings = settings

    @property
    def target(self) -> str:
        return f"{self.settings.function} in {self.settings.region}"

    def preview(self, job: Job) -> Preview:
        parts = {
            "Event": json.pretty(dict(job.arguments)),
            "Keys": f"from {self.settings.key_variable} and {self.settings.secret_variable}",
        }
        return Preview(f"Invoke {self.target}", parts)

    async def run(self, job: Job) -> Answer:
        return pick(await asyncio.to_thread(self._invoke, job), self.settings.result)

    def _invoke(self, job: Job) -> Answer:
        from botocore.exceptions import BotoCoreError, ClientError

        more = {"Qualifier": self.settings.qualifier} if self.settings.qualifier else {}
        payload = json.dump_bytes(dict(job.arguments))
        try:
            client = self._client(job)
            answer = client.invoke(FunctionName=self.settings.function, Payload=payload, **more)
            text = answer["Payload"].read().decode(errors="replace")
        except ClientError as error:
            raise _refused(error) from error
        except httpx2.TimeoutException as error:
            message = f"{self.target} did not answer within {job.timeout_s:g} s"
            raise Fault(
                "timeout", message, transient=True, limit_ms=job.timeout_s * 1000
            ) from error
        except http.BlockedAddress as error:
            raise Fault("tool_error", str(error), blocked=True) from error
        except (http.BodyTooLarge, BotoCoreError) as error:
            raise Fault("tool_error", f"{self.target}: {error}") from error
        except (httpx2.HTTPError, httpcore2.ConnectError) as error:
            message = f"{self.target} cannot be reached: {error}"
            raise Fault("tool_error", message, transient=True) from error
        if "FunctionError" in answer:
            raise _failed(text)
        return Answer.of_text(text)

    def _client(self, job: Job) -> Any:
        import boto3
        from botocore.config import Config

        settings = self.settings
        session = boto3.session.Session(
            aws_access_key_id=secret(settings.key_variable),
            aws_secret_access_key=secret(settings.secret_variable),
            aws_session_token=secret(settings.session_variable) or None,
            region_name=settings.region,
        )
        config = Config(retries={"total_max_attempts": 1}, ignore_configured_endpoint_urls=True)
        made = session.client("lambda", endpoint_url=settings.endpoint or None, config=config)
        made.meta.events.register("before-send.lambda", lambda request, **_: _send(request, job))
        return made


class _Raw(io.BytesIO):
    """A body as botocore reads it."""

    def stream(self, amt: int = 65536, **_: Any) -> Iterator[bytes]:
        while chunk := self.read(amt):
            yield chunk


def _send(request: Any, job: Job) -> Any:
    """Send what boto3 signed; botocore takes the answer in place of its own."""
    from botocore.awsrequest import AWSResponse

    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    timeout = httpx2.Timeout(job.timeout_s)
    with (
        http.sync_client(timeout=timeout, allowed=job.allowed) as client,
        client.stream(request.method, request.url, headers=headers, content=request.body) as answer,
    ):
        body = http.read_whole_sync(answer, limit=LARGEST, seconds=job.timeout_s)
    # The body is read whole and decompressed: what the headers say of it holds no more.
    kept = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("content-length", "content-encoding", "transfer-encoding")
    }
    return AWSResponse(request.url, answer.status_code, kept, _Raw(body))


def _refused(error: Any) -> Fault:
    """AWS did not run the function."""
    told = error.response.get("Error", {})
    code, status = told.get("Code", ""), error.response["ResponseMetadata"]["HTTPStatusCode"]
    said = f"AWS answered {code or status}: {shorten(str(told.get('Message', '')))}"
    limited = code == "TooManyRequestsException"
    return Fault(
        "rate_limited" if limited else "tool_error",
        said,
        transient=code in _TRANSIENT or status >= 500,
        http=status,
    )


def _failed(text: str) -> Fault:
    """The function itself failed: its runtime tells the error as an object."""
    value = Answer.of_text(text).value
    told = value if isinstance(value, dict) else {}
    message = shorten(str(told.get("errorMessage") or text))
    timed_out = "Task timed out" in message
    kind = told.get("errorType")
    code = "timeout" if timed_out else "tool_error"
    return Fault(code, f"The function failed: {message}", transient=timed_out, error_type=kind)
