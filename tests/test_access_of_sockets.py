"""Every socket, as a stranger, as another project's admin, and in a role that does not reach."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator

from console.accounts.models import Member, Project
from console.asgi import application
from console.lib import json
from conversations.models import Run
from conversations.routing import websocket_urlpatterns
from tests.factories import People, client_of, make_people, make_run

SOCKETS = [str(pattern.pattern) for pattern in websocket_urlpatterns]
OURSELVES = (b"origin", b"http://localhost")


def socket_of(
    route: str, project: Project, who: Member | None, origin: tuple[bytes, bytes] = OURSELVES
) -> WebsocketCommunicator:
    assert "<" not in route, f"say here what fills the parts of {route}"
    cookie = client_of(who).cookies.output(header="", sep=";").strip() if who else ""
    headers = [origin, (b"cookie", cookie.encode())]
    return WebsocketCommunicator(application, f"/{route}?project={project.slug}", headers=headers)


async def refusal(socket: WebsocketCommunicator) -> int:
    """The code that the socket is closed with; it may say why before, and nothing else."""
    connected, code = await socket.connect(timeout=10)
    if not connected:
        return int(code or 0)
    said = await socket.receive_output(timeout=10)
    if said["type"] == "websocket.send":
        assert json.load(said["text"])["type"] == "error"
        said = await socket.receive_output(timeout=10)
    assert said["type"] == "websocket.close"
    return int(said["code"])


@pytest.fixture
def people(transactional_db: None) -> People:
    """Stored for other threads, too."""
    return make_people()


@pytest.fixture
def run(people: People) -> Run:
    return make_run(people.project)


@pytest.mark.parametrize("route", SOCKETS)
async def test_a_socket_refuses_strangers_and_other_projects(route: str, people: People) -> None:
    open_to = sync_to_async(socket_of)
    assert await refusal(await open_to(route, people.project, None)) == 4401
    assert await refusal(await open_to(route, people.project, people.charlie)) == 4403
    elsewhere = (b"origin", b"http://evil.example")
    connected, _ = await (await open_to(route, people.project, people.alice, elsewhere)).connect()
    assert not connected


@pytest.mark.parametrize("route", SOCKETS)
async def test_a_socket_serves_members_by_their_role(route: str, people: People) -> None:
    socket = await sync_to_async(socket_of)(route, people.project, people.vera)
    connected, _ = await socket.connect(timeout=10)
    assert connected
    await socket.send_json_to({"type": "ping"})
    assert (await socket.receive_json_from(timeout=10))["type"] == "pong"
    await socket.send_json_to({"type": "run.start", "ref": "r", "request": {}})
    answer = await socket.receive_json_from(timeout=10)
    assert (answer["type"], answer["code"]) == ("error", "forbidden")
    await socket.disconnect()


@pytest.mark.parametrize("route", SOCKETS)
async def test_a_socket_shows_no_other_projects_run(route: str, people: People, run: Run) -> None:
    charlie = people.charlie
    socket = await sync_to_async(socket_of)(route, charlie.project, charlie)
    await socket.connect(timeout=10)
    for command in ("run.resume", "run.cancel", "call.answer"):
        frame = {"type": command, "run": str(run.pk), "call": "0", "content": ""}
        await socket.send_json_to(frame)
        answer = await socket.receive_json_from(timeout=10)
        assert (answer["type"], answer["code"]) == ("error", "not_found")
    await socket.disconnect()
