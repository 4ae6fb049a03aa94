"""``POST /api/v1/turns``: what it takes, what it refuses, and that it adds up."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from django.db.models import Sum
from django.http import HttpResponse
from django.test import Client

from conversations.doors import limits
from conversations.models import IngestTally, Quarantined, ToolCall, Turn
from tests.factories import make_key
from tests.store.talks import ask, assistant, talk, turn, user

pytestmark = pytest.mark.django_db
COUNTS = ("sent", "stored", "duplicate", "rejected", "quarantined")


def post(
    body: bytes | list[Any], kind: str = "application/json", key: str = "", **headers: str
) -> HttpResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    text = key or make_key(scopes=["ingest"])[1]
    sent = {"Authorization": f"Bearer {text}", **headers}
    return Client().post("/api/v1/turns", data, content_type=kind, headers=sent)  # type: ignore[return-value]


def tally() -> tuple[int, ...]:
    sums = IngestTally.objects.aggregate(**{name: Sum(name) for name in COUNTS})
    return tuple(sums[name] or 0 for name in COUNTS)


def test_an_array_is_stored_and_counted() -> None:
    response = post(talk(3))
    assert response.status_code == 200
    body = response.json()
    assert body == {"stored": 3, "duplicate": 0, "rejected": 0, "quarantined": 0, "errors": []}
    assert Turn.objects.count() == 3 and tally() == (3, 3, 0, 0, 0)
    assert Turn.objects.first().source == "api"  # type: ignore[union-attr]


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_lines_are_taken_compressed_or_not(encoding: str) -> None:
    lines = b"\n".join(json.dumps(body).encode() for body in talk(2))
    headers = {"Content-Encoding": encoding} if encoding else {}
    body = gzip.compress(lines) if encoding else lines
    assert post(body, "application/x-ndjson", **headers).json()["stored"] == 2


def test_twice_is_once() -> None:
    key = make_key(scopes=["ingest"])[1]
    post(talk(2), key=key)
    assert post(talk(2), key=key).json()["duplicate"] == 2
    assert tally() == (4, 2, 2, 0, 0)


def test_one_bad_record_does_not_fail_the_others() -> None:
    good, other = talk(2)
    lines = [json.dumps(good), '{"id": "x"', json.dumps({"id": "y"}), json.dumps(other)]
    response = post("\n".join(lines).encode(), "application/x-ndjson")
    body = response.json()
    assert (body["stored"], body["quarantined"], body["rejected"]) == (2, 2, 0)
    assert [(one["line"], one["code"]) for one in body["errors"]] == [
        (2, "not_json"),
        (3, "missing_field"),
    ]
    assert tally() == (4, 2, 0, 0, 2)
    held = Quarantined.objects.order_by("pk")
    assert [bytes(one.body) for one in held] == [b'{"id": "x"', b'{"id": "y"}']


def test_nothing_good_is_no_success() -> None:
    response = post(b"\xff\xfe not text", "application/x-ndjson")
    assert response.status_code == 422 and response.json()["rejected"] == 1


def changed(**fields: Any) -> bytes:
    return json.dumps({**talk(1)[0], **fields}).encode()


HOSTILE: dict[str, tuple[bytes, str]] = {
    "deep nesting": (b"[" * 5 + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"]" * 5, "too_deep"),
    "a record cut off": (json.dumps(talk(1)[0]).encode()[:-40], "truncated"),
    "bytes that are no text": (b"\xff\xfe\xfd", "not_utf8"),
    "not a number": (b'{"id": NaN}', "not_json"),
    "an endless integer": (b'{"id": ' + b"9" * 5000 + b"}", "not_json"),
    "a NUL in a name": (changed(id="a\0b"), "bad_text"),
    "half a character in a name": (changed(user="\ud83d"), "bad_text"),
    "a time before time": (changed(at="0001-01-01T00:00:00Z"), "bad_time"),
    "a clock that is off": (changed(at="2099-01-01T00:00:00Z"), "clock_skew"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_records_are_told_apart_and_the_rest_is_stored(name: str) -> None:
    raw, code = HOSTILE[name]
    good = json.dumps(turn("good", [user("Hi")])).encode()
    response = post(good + b"\n" + raw, "application/x-ndjson")
    body = response.json()
    assert response.status_code == 200 and body["stored"] == 1, body
    assert code in {one["code"] for one in body["errors"]}
    sums = tally()
    assert sums[0] == sum(sums[1:])


def test_ten_megabytes_of_arguments_are_stored_byte_for_byte() -> None:
    arguments = json.dumps({"city": "x" * 10_000_000})
    call = {**ask("Oslo"), "function": {"name": "get_weather", "arguments": arguments}}
    assert post([turn("large", [user("Hi")], assistant(call))]).json()["stored"] == 1
    assert ToolCall.objects.get().arguments == arguments


def test_a_bomb_is_refused_as_it_unfolds() -> None:
    bomb = gzip.compress(b'{"id": "' + b"a" * (limits.BODY + 1_000_000) + b'"}')
    assert len(bomb) < 200_000
    response = post(bomb, "application/x-ndjson", **{"Content-Encoding": "gzip"})
    assert response.status_code == 413 and response.json()["code"] == "body_too_large"


def test_what_came_before_a_broken_end_is_stored() -> None:
    lines = b"".join(json.dumps(body).encode() + b"\n" for body in talk(50))
    cut = gzip.compress(lines)[:-200]
    response = post(cut, "application/x-ndjson", **{"Content-Encoding": "gzip"})
    body = response.json()
    assert response.status_code == 400 and body["code"] == "truncated_body"
    assert 0 < body["stored"] == Turn.objects.count() < 50


@pytest.mark.parametrize(
    ("kind", "headers", "status"),
    [
        ("application/x-protobuf", {}, 415),
        ("multipart/form-data; boundary=x", {}, 415),
        ("application/json", {"Content-Encoding": "br"}, 415),
        ("application/json", {"Content-Encoding": "gzip"}, 400),
        ("application/json", {"Content-Length": str(limits.SENT + 1)}, 413),
    ],
)
def test_other_bodies_are_refused(kind: str, headers: dict[str, str], status: int) -> None:
    response = post(b"[]", kind, **headers)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"


def test_a_key_that_sends_too_fast_waits(settings: Any) -> None:
    settings.INGEST_KIB_PER_SECOND = 1
    key = make_key(scopes=["ingest"])[1]
    answers = [post(talk(3), key=key) for _ in range(6)]
    late = [one for one in answers if one.status_code == 429]
    assert answers[0].status_code == 200 and late
    assert int(late[0]["Retry-After"]) >= 1 and late[0].json()["code"] == "too_fast"
    assert post(talk(1), key=make_key(scopes=["ingest"])[1]).status_code == 200
