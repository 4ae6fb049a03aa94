"""How a tool is run: its executor and its bounds, as parts of the policy.

Secrets are no part of it: a header or a key is the name of an environment variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Discriminator, Field, StrictBool, StrictInt, Tag

from tools_registry.policies.parts import Part, Pointer, Problem
from tools_registry.policies.places import read_place

TIMEOUT_MS = 5_000
"""Milliseconds that a call may take where its policy says nothing."""

_Variable = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_MaybeVariable = Annotated[str, Field(max_length=100, pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")]
_Milliseconds = Annotated[StrictInt, Field(ge=1, le=600_000)]
_Number = Annotated[str, Field(pattern=r"^[1-9]\d{0,8}$")]
_SLOT = re.compile(r"\{([^{}]*)\}")
_SLOT_NAME = re.compile(r"[^{}/?#]{1,200}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET = re.compile(r"authori[sz]ation|cookie|token|secret|password|api-?key|auth-?key", re.I)
_OURS = frozenset(["host", "content-length", "transfer-encoding", "connection"])


class Mock(Part):
    """No call at all: a fixed text, a value sampled from the output schema, or the recorded
    result of an earlier call. ``delay_ms`` is how long it takes."""

    kind: Literal["mock"]
    answer: Literal["fixed", "sampled", "recorded"] = "fixed"
    content: str = Field(default="", max_length=100_000)
    delay_ms: StrictInt = Field(default=0, ge=0, le=60_000)


class Header(Part):
    """A header of a fixed ``value``, or of ``prefix`` and what an environment variable holds."""

    name: str = Field(min_length=1, max_length=100)
    value: str = Field(default="", max_length=500)
    variable: _MaybeVariable = ""
    prefix: str = Field(default="", max_length=40)


class Http(Part):
    """A request to an address. ``{name}`` in ``url`` and in the texts of ``body`` is the argument
    of that name; without ``body``, the arguments that the address does not take go into the
    query of GET and DELETE, else into a JSON object. ``result`` is a pointer into the answer."""

    kind: Literal["http"]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: str = Field(min_length=1, max_length=2_000)
    headers: tuple[Header, ...] = Field(default=(), max_length=30)
    body: Any = None
    result: Pointer = ""


class Lambda(Part):
    """A function of AWS Lambda, which gets the arguments as its event. The keys are read from
    the environment variables named; ``endpoint`` is another address than AWS's own."""

    kind: Literal["lambda"]
    function: str = Field(min_length=1, max_length=200)
    region: str = Field(min_length=1, max_length=40, pattern=r"^[a-z0-9-]+$")
    qualifier: str = Field(default="", max_length=128)
    endpoint: str = Field(default="", max_length=500)
    key_variable: _Variable = "AWS_ACCESS_KEY_ID"
    secret_variable: _Variable = "AWS_SECRET_ACCESS_KEY"
    session_variable: _MaybeVariable = ""
    result: Pointer = ""


class Mcp(Part):
    """A tool of an MCP server: of a program whose command line MCP_COMMANDS lists, or at an
    address. ``tool`` is its name there, where it is another."""

    kind: Literal["mcp"]
    command: str = Field(default="", max_length=500)
    url: str = Field(default="", max_length=2_000)
    key_variable: _MaybeVariable = ""
    tool: str = Field(default="", max_length=200)
    result: Pointer = ""


KINDS = ("mock", "http", "lambda", "mcp")
Executor = Mock | Http | Lambda | Mcp


def _kind_of(value: Any) -> str | None:
    if isinstance(value, str):
        return "name"
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if kind in KINDS else None


# A bare text is of policies that were published before executors had settings.
AnyExecutor = Annotated[
    Annotated[str, Tag("name"), Field(max_length=200)]
    | Annotated[Mock, Tag("mock")]
    | Annotated[Http, Tag("http")]
    | Annotated[Lambda, Tag("lambda")]
    | Annotated[Mcp, Tag("mcp")],
    Discriminator(
        _kind_of,
        custom_error_type="unknown_executor",
        custom_error_message=f"Name its kind: one of {', '.join(KINDS)}",
    ),
]


class Breaker(Part):
    """After so many failures in a row nothing is sent for ``open_s`` seconds; then one call
    tries."""

    failures: StrictInt = Field(default=5, ge=1, le=1_000)
    open_s: StrictInt = Field(default=30, ge=1, le=3_600)


class Execution(Part):
    """How the tool is run: times in ms and seconds, ``budget`` in calls of a conversation,
    ``rate`` in calls a minute of one user, ``cost`` in US dollars a call.

    ``timeouts`` are those of single versions, by their numbers. ``resource`` points at the
    argument that names what a call touches. ``retries`` is how often a call that failed in
    passing is tried again, after a random wait of up to ``retry_wait_ms``, doubled each time.
    """

    executor: AnyExecutor = ""
    effect: Literal["", "read", "write"] = ""
    idempotent: StrictBool = False
    resource: Pointer = ""
    timeout_ms: _Milliseconds | None = None
    timeouts: dict[_Number, _Milliseconds] = Field(default={}, max_length=1_000)
    rate: StrictInt | None = Field(default=None, ge=1, le=1_000_000)
    budget: StrictInt | None = Field(default=None, ge=0, le=1_000_000)
    retries: StrictInt = Field(default=0, ge=0, le=5)
    retry_wait_ms: StrictInt = Field(default=200, ge=0, le=60_000)
    breaker: Breaker | None = None
    cache_ttl: StrictInt | None = Field(default=None, ge=0, le=31_536_000)
    cost: float | None = Field(default=None, ge=0, le=1_000_000, allow_inf_nan=False)

    @property
    def runs(self) -> Executor | None:
        """What runs the tool, None where nothing does."""
        return None if isinstance(self.executor, str) else self.executor

    def timeout_of(self, version: int | None) -> int:
        """Milliseconds that a call of this version may take."""
        own = self.timeouts.get(str(version)) if version is not None else None
        return own or self.timeout_ms or TIMEOUT_MS


def find_problems(execution: Execution, *, destructive: bool) -> Iterator[Problem]:
    """What keeps these settings from being used, each at its place in the policy."""
    at = "/execution"
    writes = destructive or execution.effect == "write"
    if execution.resource:
        yield from _check_pointer(f"{at}/resource", execution.resource)
    if destructive and execution.effect == "read":
        yield Problem(f"{at}/effect", "A destructive tool does not only read")
    if execution.cache_ttl and writes:
        yield Problem(
            f"{at}/cache_ttl", "Only what reads is cached: a write must be made each time"
        )
    if execution.retries and destructive:
        yield Problem(f"{at}/retries", "A destructive tool is never tried again by itself")
    elif execution.retries and not (execution.idempotent or execution.effect == "read"):
        reason = "Only what is idempotent is tried again: declare it, or that the tool reads"
        yield Problem(f"{at}/retries", reason)
    yield from _check_executor(f"{at}/executor", execution.executor)


def _check_executor(at: str, executor: str | Executor) -> Iterator[Problem]:
    match executor:
        case "":
            return
        case str():
            yield Problem(at, f'Say how: {{"kind": "…"}} with one of {", ".join(KINDS)}')
        case Mock():
            if executor.content and executor.answer != "fixed":
                yield Problem(f"{at}/content", "Only a fixed answer has a content")
        case Http():
            yield from _check_http(at, executor)
        case Lambda():
            if executor.endpoint:
                yield from _check_url(f"{at}/endpoint", executor.endpoint)
        case Mcp():
            if bool(executor.command) == bool(executor.url):
                yield Problem(at, "Name either the command or the url of the MCP server")
            if executor.url:
                yield from _check_url(f"{at}/url", executor.url)
    if not isinstance(executor, str | Mock) and executor.result:
        yield from _check_pointer(f"{at}/result", executor.result)


def _check_http(at: str, http: Http) -> Iterator[Problem]:
    yield from _check_url(f"{at}/url", http.url)
    for slot in _SLOT.findall(http.url):
        if not _SLOT_NAME.fullmatch(slot):
            yield Problem(f"{at}/url", f"{{{slot[:40]}}} names no argument")
    if re.search(r"[{}]", _SLOT.sub("", http.url)):
        yield Problem(f"{at}/url", "A { or } has no partner")
    if http.body is not None and http.method in ("GET", "DELETE"):
        yield Problem(f"{at}/body", f"{http.method} has no body: use POST, or leave it out")
    for index, header in enumerate(http.headers):
        yield from _check_header(f"{at}/headers/{index}", header)


def _check_header(at: str, header: Header) -> Iterator[Problem]:
    if not _HEADER.fullmatch(header.name):
        yield Problem(f"{at}/name", f"{header.name[:40]!r} is no name of a header")
    elif header.name.lower() in _OURS:
        yield Problem(f"{at}/name", f"{header.name} is set by the request itself")
    if header.value and header.variable:
        yield Problem(at, "Give a value or the name of a variable, not both")
    elif not header.variable and _SECRET.search(header.name):
        reason = "A secret is not written here: name the environment variable that holds it"
        yield Problem(f"{at}/value", reason)
    if re.search(r"[\x00-\x1f\x7f]", header.value + header.prefix):
        yield Problem(at, "A header holds no control characters")


def _check_url(at: str, url: str) -> Iterator[Problem]:
    """The scheme and the host of an address stand fast: no argument chooses where it leads."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        yield Problem(at, f"This is no address: {error}")
        return
    if parts.scheme not in ("http", "https") or not host:
        yield Problem(at, "An address begins with https:// or http:// and names a host")
    elif re.search(r"[{}\s]", parts.netloc):
        yield Problem(at, "The host stands fast: an argument may be in the path and the query only")
    elif "@" in parts.netloc:
        yield Problem(at, "An address holds no password: use a header with a variable")


def _check_pointer(at: str, pointer: str) -> Iterator[Problem]:
    try:
        read_place(pointer)
    except ValueError as error:
        yield Problem(at, str(error))
