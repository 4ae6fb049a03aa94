"""Who may use which connection: asked of the database, remembered for seconds.

A route that the database confirmed holds for ``FRESH`` seconds without a query. While the
database does not answer, one that it confirmed within ``STALE`` seconds still holds, without
waiting; any other is refused with 503, as nobody can tell whose key it is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from console.accounts.models import ApiKey, hash_token
from conversations.connections import read_key
from conversations.doors.proxy.address import KEY_MARK
from conversations.doors.proxy.refusals import Refused
from conversations.guard.records import Terms, terms_of
from conversations.models import Connection
from conversations.providers import ProviderFault, load

FRESH = 5.0
STALE = 3600.0
PATIENCE = 2.0
"""Seconds that a request waits for the database before it counts as away."""
MOST = 10_000
MOST_ASKED = 100
"""Questions that may wait for a database that is away."""
_LAST_USE_STEP = timedelta(minutes=1)
logger = logging.getLogger(__name__)
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """A key's way to a connection. ``base_url`` is what provider paths are appended to.

    ``lent`` is the connection's own key, from the environment; ``fault`` says why there is
    none although one is named. ``bucket`` is the key's hash, whose limit its turns count against.
    ``guard`` is None where turns are only observed.
    """

    project: int
    api_key: int
    connection: int
    provider: str
    kind: str
    base_url: str
    bucket: str = field(repr=False)
    lent: str = field(default="", repr=False)
    fault: str = ""
    guard: Terms | None = None


@dataclass(slots=True)
class _Held:
    route: Route
    at: float


class Gate:
    """The routes that one process knows."""

    def __init__(self) -> None:
        self._held: OrderedDict[Name, _Held] = OrderedDict()
        self._asking: dict[Name, asyncio.Future[Route]] = {}
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="proxy-gate")
        self._is_away = False

    async def find(self, key: str, connection: str) -> Route:
        """The route of a key's text to a connection's name or id. Raises ``Refused``."""
        if not key.startswith(KEY_MARK):
            raise Refused(
                401,
                "project_key_missing",
                "Send a project key as X-Misfire-Key: mf_…, or in the address as"
                " /proxy/k/mf_…/<connection>/v1.",
            )
        name = (hash_token(key), connection)
        held, now = self._held.get(name), time.monotonic()
        if held and now - held.at < FRESH:
            return held.route
        if self._is_away:
            if held and now - held.at < STALE:
                if not self._asking:
                    self._ask(name)
                return held.route
            if len(self._asking) >= MOST_ASKED:
                raise _away()
        try:
            return await asyncio.wait_for(asyncio.shield(self._ask(name)), PATIENCE)
        except (TimeoutError, DatabaseError, InterfaceError) as error:
            self._note_away(error)
            if held and now - held.at < STALE:
                return held.route
            raise _away() from error

    def _note_away(self, error: BaseException) -> None:
        if not self._is_away:
            logger.warning("the database does not answer the proxy: %s", type(error).__name__)
        self._is_away = True

    def _ask(self, name: Name) -> asyncio.Future[Route]:
        """Of several requests that ask the same at once, one asks the database."""
        if name not in self._asking:
            loop = asyncio.get_running_loop()
            asking = self._asking[name] = loop.run_in_executor(self._threads, find_route, *name)
            asking.add_done_callback(lambda done: self._answered(name, done))
        return self._asking[name]

    def _answered(self, name: Name, done: asyncio.Future[Route]) -> None:
        self._asking.pop(name, None)
        error = None if done.cancelled() else done.exception()
        if isinstance(error, Refused):
            self._held.pop(name, None)
        elif error is not None:
            self._note_away(error)
            return
        elif not done.cancelled():
            self._hold(name, done.result())
        self._is_away = False

    def _hold(self, name: Name, route: Route) -> None:
        self._held[name] = _Held(route, time.monotonic())
        self._held.move_to_end(name)
        while len(self._held) > MOST:
            self._held.popitem(last=False)


def _away() -> Refused:
    return Refused(
        503,
        "store_away",
        "The database does not answer, so this key cannot be checked. Keys that were used within"
        " the last hour still pass. Try again shortly.",
    )


def find_route(key_hash: str, name: str) -> Route:
    """Ask the database, in a thread of its own. Raises ``Refused``."""
    try:
        key = ApiKey.objects.filter(key_hash=key_hash, revoked_at=None).first()
        if key is None:
            raise Refused(401, "project_key_unknown", "No live project key is the one sent.")
        if "ingest" not in key.scopes:
            raise Refused(
                403, "scope_missing", "This key lacks the scope ingest; make one that has it."
            )
        route = route_of(key, _find_connection(key.project_id, name))
        _note_use(key)
        return route
    finally:
        connection.close()


def _find_connection(project: int, name: str) -> Connection:
    open_ones = Connection.objects.filter(project_id=project, archived_at=None)
    found = open_ones.filter(name=name).first()
    if found is None and name.isascii() and name.isdecimal() and len(name) < 10:
        found = open_ones.filter(pk=int(name)).first()
    if found is None:
        raise Refused(
            404,
            "connection_unknown",
            "The project has no open connection of this name or id. Connections are listed in"
            " its settings.",
        )
    return found


def route_of(key: ApiKey, found: Connection) -> Route:
    """Where the connection leads. Raises ``Refused`` for one that leads to no provider."""
    if found.protocol == "scripted":
        raise Refused(400, "connection_scripted", "A scripted connection leads to no provider.")
    base_url, lent, fault = found.base_url, "", ""
    if found.protocol == "local":
        base_url, lent = settings.LOCAL_MODEL_URL, settings.LOCAL_MODEL_KEY
        if not base_url:
            raise Refused(503, "no_local_model", "No local model runs here.")
    else:
        try:
            lent = read_key(found.key_variable)
        except ProviderFault as missing:
            fault = missing.detail
    return Route(
        project=key.project_id,
        api_key=key.pk,
        connection=found.pk,
        provider=found.name,
        kind=found.protocol,
        base_url=_with_version(found.protocol, base_url),
        bucket=key.key_hash,
        lent=lent,
        fault=fault,
        guard=terms_of(key.pk),
    )


def _with_version(kind: str, base_url: str) -> str:
    """The address that stands for ``…/v1``: what an SDK of OpenAI is given as it is."""
    base = (base_url or load(kind).default_url).rstrip("/")
    if kind in ("openai", "local"):
        return base
    return base.removesuffix("/v1").removesuffix("/api") + "/v1"


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > _LAST_USE_STEP:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
