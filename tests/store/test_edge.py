"""Requests over a limit are answered by their head, before their body is sent: on a real socket."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from conversations.doors.limits import SENT
from conversations.models import Turn
from tests.conftest import daphne, test_database_url
from tests.factories import make_key
from tests.store.talks import talk

RATE = 64
"""KiB a second."""


@pytest.fixture(scope="module")
def web(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock():
        url = test_database_url()
    with daphne({"DATABASE_URL": url, "INGEST_KIB_PER_SECOND": str(RATE)}) as address:
        yield address


@contextmanager
def dial(url: str) -> Iterator[socket.socket]:
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as line:
        yield line


def send_head(line: socket.socket, path: str, **headers: str) -> None:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    line.sendall("\r\n".join([*lines, "", ""]).encode())


def read_answer(line: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Status, headers in small letters, and the JSON body; to the end of the connection."""
    data = b""
    while piece := line.recv(65536):
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    return int(first.split()[1]), headers, json.loads(body)


@pytest.mark.parametrize(
    ("path", "length", "told"),
    [
        ("/api/v1/turns", SENT + 1, lambda body: body["code"] == "body_too_large"),
        ("/v1/traces", SENT + 1, lambda body: body["code"] == 8),
        ("/v1/logs", 10**15, lambda body: body["code"] == 8),
        ("/proxy/local/v1/chat/completions", 10**9, lambda body: "error" in body),
        ("/sign-in/", 10**9, lambda body: body["status"] == 413),
    ],
)
def test_a_head_alone_is_refused_for_its_length(
    web: str, path: str, length: int, told: Any
) -> None:
    with dial(web) as line:
        send_head(line, path, Content_Length=str(length), Content_Type="application/json")
        status, _, body = read_answer(line)
    assert status == 413 and told(body)


@pytest.mark.parametrize(
    ("path", "headers", "status", "told"),
    [
        ("/sign-in/?q=" + "a" * 20_000, {}, 414, lambda body: body["code"] == "address_too_long"),
        ("/v1/traces?" + "a" * 90_000, {}, 414, lambda body: "address" in body["message"]),
        ("/sign-in/", {"X_Long": "a" * 20_000}, 431, lambda body: body["status"] == 431),
    ],
)
def test_a_line_of_the_head_that_is_too_long_is_answered(
    web: str, path: str, headers: dict[str, str], status: int, told: Any
) -> None:
    with dial(web) as line:
        send_head(line, path, **headers)
        answered, _, body = read_answer(line)
    assert answered == status and told(body)


def test_a_client_that_asks_first_is_not_told_to_go_on(web: str) -> None:
    with dial(web) as line:
        send_head(line, "/api/v1/turns", Content_Length=str(SENT + 1), Expect="100-continue")
        assert read_answer(line)[0] == 413


def test_a_body_in_chunks_is_read_to_its_limit(web: str) -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    with dial(web) as line:
        send_head(line, "/api/v1/turns", Transfer_Encoding="chunked")
        for _ in range(SENT // 0x100000):
            line.sendall(chunk)
        line.setblocking(False)
        time.sleep(0.3)
        with pytest.raises(BlockingIOError):
            line.recv(1)
        line.settimeout(10)
        line.sendall(chunk)
        assert read_answer(line)[0] == 413


@pytest.mark.django_db(transaction=True)
def test_a_key_that_sent_too_much_is_refused_by_the_head(web: str) -> None:
    key = make_key(scopes=["ingest"])[1]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    padded = json.dumps(talk(1)).encode() + b" " * (RATE * 1024 * 10)
    assert httpx2.post(f"{web}/api/v1/turns", content=padded, headers=headers).status_code == 200
    for path in ("/api/v1/turns", "/v1/traces"):
        with dial(web) as line:
            named = {name.replace("-", "_"): value for name, value in headers.items()}
            send_head(line, path, Content_Length="300000", **named)
            status, answered, _ = read_answer(line)
        assert status == 429 and 1 <= int(answered["retry-after"]) <= 10
    assert Turn.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_body_in_chunks_is_metered_by_its_size(web: str) -> None:
    key = make_key(scopes=["ingest"])[1]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    pieces = [json.dumps(talk(1)).encode(), *[b" " * 65536] * RATE]
    for status in (200, 429):
        sent = httpx2.post(f"{web}/api/v1/turns", content=iter(pieces), headers=headers)
        assert sent.status_code == status


@pytest.mark.django_db(transaction=True)
def test_another_key_is_not_held_up_by_it(web: str) -> None:
    for _ in range(2):
        key = make_key(scopes=["ingest"])[1]
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        body = json.dumps(talk(1)).encode() + b" " * (RATE * 1024 * 9)
        assert httpx2.post(f"{web}/api/v1/turns", content=body, headers=headers).status_code == 200
