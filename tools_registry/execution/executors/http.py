"""A tool behind an HTTP address, through the guarded door. Redirects are not followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

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

_SLOT = re.compile(r"\{([^{}]+)\}")
_TIMED_OUT = (408, 504)
_IN_QUERY = ("GET", "DELETE")


@dataclass(frozen=True)
class _Request:
    url: str
    body: bytes | None


class HttpExecutor:
    def __init__(self, settings: execution.Http) -> None:
        self.settings = settings

    @property
    def target(self) -> str:
        return urlsplit(self.settings.url).netloc

    def preview(self, job: Job) -> Preview:
        request = self._build(job)
        parts = {header.name: _describe(header) for header in self.settings.headers}
        if request.body is not None:
            parts["Body"] = request.body.decode()
        return Preview(f"{self.settings.method} {request.url}", parts)

    async def run(self, job: Job) -> Answer:
        request = self._build(job)
        headers = {
            header.name: header.prefix + secret(header.variable)
            if header.variable
            else header.value
            for header in self.settings.headers
        }
        if request.body is not None:
            headers.setdefault("Content-Type", "application/json")
        try:
            status, text, more = await self._send(job, request, headers)
        except httpx2.TimeoutException as error:
            message = f"{self.target} did not answer within {job.timeout_s:g} s"
            raise Fault(
                "timeout", message, transient=True, limit_ms=job.timeout_s * 1000
            ) from error
        except http.BlockedAddress as error:
            raise Fault("tool_error", str(error), blocked=True) from error
        except http.BodyTooLarge as error:
            raise Fault("tool_error", f"{self.target}: {error}") from error
        except (httpx2.HTTPError, httpcore2.ConnectError) as error:
            message = f"{self.target} cannot be reached: {error or type(error).__name__}"
            raise Fault("tool_error", message, transient=True) from error
        except (httpx2.InvalidURL, ValueError) as error:
            raise Fault("tool_error", f"The request cannot be made: {error}") from error
        if status >= 300:
            raise self._refused(status, text, more)
        return pick(Answer.of_text(text), self.settings.result)

    async def _send(
        self, job: Job, request: _Request, headers: dict[str, str]
    ) -> tuple[int, str, httpx2.Headers]:
        timeout = httpx2.Timeout(job.timeout_s)
        async with (
            http.client(timeout=timeout, allowed=job.allowed) as client,
            client.stream(
                self.settings.method, request.url, headers=headers, content=request.body
            ) as response,
        ):
            body = await http.read_whole(response, limit=LARGEST)
            return response.status_code, body.decode(errors="replace"), response.headers

    def _refused(self, status: int, text: str, headers: httpx2.Headers) -> Fault:
        detail: dict[str, Any] = {"http": status, "answer": shorten(text) or None}
        if status < 400:
            where = shorten(headers.get("location", ""))
            message = f"{self.target} answered {status} to {where}: redirects are not followed"
            return Fault("tool_error", message, **detail)
        message = f"{self.target} answered {status}" + (
            f": {shorten(text)}" if text.strip() else ""
        )
        if status == 429:
            wait = headers.get("retry-after")
            return Fault("rate_limited", message, transient=True, retry_after=wait, **detail)
        code = "timeout" if status in _TIMED_OUT else "tool_error"
        return Fault(code, message, transient=status >= 500 or code == "timeout", **detail)

    def _build(self, job: Job) -> _Request:
        """Raises ``Fault`` where the address needs an argument that is not there."""
        settings = self.settings
        used = set(_SLOT.findall(settings.url))
        url = _fill_url(settings.url, job.arguments)
        rest = {name: value for name, value in job.arguments.items() if name not in used}
        if settings.method in _IN_QUERY:
            query = urlencode(list(_pairs(rest)))
            return _Request(f"{url}{'&' if '?' in url else '?'}{query}" if query else url, None)
        body = rest if settings.body is None else _fill_body(settings.body, job.arguments)
        return _Request(url, json.dump_bytes(body))


def _describe(header: execution.Header) -> str:
    return f"{header.prefix}(from {header.variable})" if header.variable else header.value


def _fill_url(url: str, arguments: Any) -> str:
    """Each argument stays within its place: separators are escaped, and a part of the path is
    neither empty nor a step up."""

    def value_of(match: re.Match[str]) -> str:
        if (value := arguments.get(match[1])) is None:
            raise Fault("tool_error", f"The address needs {match[1]}, which the call does not give")
        text = _as_text(value)
        if match.start() < path_end and text.strip() in ("", ".", ".."):
            raise Fault("tool_error", f"{match[1]} is {text!r}, which cannot stand in the address")
        return quote(text, safe="")

    path_end = len(re.split(r"[?#]", url, maxsplit=1)[0])
    return _SLOT.sub(value_of, url)


def _fill_body(template: Any, arguments: Any) -> Any:
    """A text that is one slot becomes the value, and is left out where there is none."""
    if isinstance(template, dict):
        filled = {name: _fill_body(item, arguments) for name, item in template.items()}
        return {name: item for name, item in filled.items() if item is not _NOTHING}
    if isinstance(template, list):
        items = (_fill_body(item, arguments) for item in template)
        return [item for item in items if item is not _NOTHING]
    if not isinstance(template, str):
        return template
    if whole := _SLOT.fullmatch(template):
        return arguments.get(whole[1], _NOTHING)
    return _SLOT.sub(lambda match: _as_text(arguments.get(match[1], "")), template)


_NOTHING = object()


def _pairs(arguments: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in arguments.items():
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                yield name, _as_text(item)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dump(value)
