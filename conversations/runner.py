"""The runs that this process plays: each is an asyncio task, which goes on when nobody watches."""

from __future__ import annotations

import asyncio
import sys
import weakref
from uuid import UUID

import httpx2

from console.lib import http
from conversations import live
from conversations.player import Player
from conversations.runs import Order
from tools_registry.execution import valkey

_playing: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[UUID, Player]] = (
    weakref.WeakKeyDictionary()
)
_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = (
    weakref.WeakKeyDictionary()
)


def start(order: Order) -> Player:
    """Play the run in the background of the running event loop."""
    loop = asyncio.get_running_loop()
    players = _playing.get(loop)
    if players is None:
        players = _playing[loop] = {}
        _close_with_server()
    player = Player(order, live.hub(), _client())
    players[order.run] = player
    player.task.add_done_callback(lambda _: players.pop(order.run, None))
    return player


def _client() -> httpx2.AsyncClient:
    loop = asyncio.get_running_loop()
    found = _clients.get(loop)
    if found is None or found.is_closed:
        found = _clients[loop] = http.client()
    return found


async def close() -> None:
    """End this loop's runs as interrupted, with what had arrived, and its connections."""
    loop = asyncio.get_running_loop()
    players = list(_playing.pop(loop, {}).values())
    for player in players:
        player.stop("interrupted")
    if players:
        await asyncio.wait([player.task for player in players], timeout=5)
    await live.hub().close()
    await valkey.close()
    client = _clients.pop(loop, None)
    if client is not None:
        await client.aclose()


def _close_with_server() -> None:
    """Under Daphne: end the runs before the server ends."""
    reactor = sys.modules.get("twisted.internet.reactor")
    if reactor is None or not getattr(reactor, "running", False):
        return
    from twisted.internet.defer import Deferred

    def ending() -> Deferred[None]:
        return Deferred.fromFuture(asyncio.ensure_future(close()))

    reactor.addSystemEventTrigger("before", "shutdown", ending)
