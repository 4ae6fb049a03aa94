"""What the proxy could not record is counted, and told where people look."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Sum
from django.urls import reverse

from conversations.losses import Losses, count_losses
from conversations.models import IngestLoss, IngestTally, Turn
from tests.conftest import daphne, test_database_url
from tests.factories import client_of, make_key, make_member, make_project
from tests.providers.upstream import TEXT, Upstream, stream
from tests.proxy.asking import STREAM, Owner, client, connect, in_thread
from tests.proxy.conftest import Web
from tests.proxy.test_passing import CHAT


@pytest.mark.django_db
def test_losses_are_counted_once_and_add_up(tmp_path: Path) -> None:
    project = make_project()
    key = make_key(project, ["ingest"])[0]
    losses = Losses(tmp_path / "losses")
    losses.note(project.pk, key.pk, "spool_full", 1000)
    losses.note(project.pk, key.pk, "spool_full", 500)
    losses.note(project.pk, key.pk, "too_fast", 7)
    losses.note(project.pk + 1, key.pk, "too_fast", 7)
    losses.write()
    [path] = losses.folder.iterdir()
    copy = path.read_bytes()
    assert count_losses(losses.folder) == 3
    assert not list(losses.folder.iterdir())
    path.write_bytes(copy)
    assert count_losses(losses.folder) == 0, "a note that was counted counts no more"
    found = IngestLoss.objects.order_by("reason").values_list("reason", "turns", "size")
    assert list(found) == [("spool_full", 2, 1500), ("too_fast", 1, 7)]
    sums = IngestTally.objects.aggregate(sent=Sum("sent"), rejected=Sum("rejected"))
    assert sums == {"sent": 3, "rejected": 3}


@pytest.mark.django_db
def test_the_pages_say_what_was_lost_and_why(tmp_path: Path) -> None:
    project = make_project()
    key = make_key(project, ["ingest"])[0]
    reader = client_of(make_member(project, role="viewer"))
    accounting = reverse("conversations:ingest", args=[project.slug])
    assert "not recorded" not in reader.get(accounting).content.decode()
    losses = Losses(tmp_path)
    losses.note(project.pk, key.pk, "spool_full", 2_000_000)
    losses.write()
    count_losses(tmp_path)
    page = reader.get(accounting).content.decode()
    assert "not recorded" in page and "The spool was full" in page and "1.9\xa0MB" in page
    overview = reader.get(reverse("console:overview", args=[project.slug])).content.decode()
    assert "1 turn passed the proxy" in overview


def test_a_note_that_cannot_be_written_is_kept(tmp_path: Path, caplog: Any) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    losses = Losses(blocked)
    losses.note(1, 1, "too_fast", 5)
    losses.write()
    assert "cannot be written down" in caplog.text
    losses.note(1, 1, "too_fast", 5)
    blocked.unlink()
    losses.write()
    [path] = losses.folder.iterdir()
    assert b'"turns":2,"size":10' in path.read_bytes()


async def settled(owner: Owner, folder: Path, sent: int = 6) -> tuple[int, int]:
    """(turns that are stored, turns that are counted as lost), once all of them are either."""
    lost, until = 0, time.monotonic() + 60
    while True:
        lost += await in_thread(count_losses, folder)
        stored = await in_thread(Turn.objects.filter(project=owner.project).count)
        if stored + lost == sent:
            return stored, lost
        assert time.monotonic() < until, f"{stored} are stored and {lost} lost of {sent}"
        await asyncio.sleep(0.2)


async def test_a_key_over_its_limit_gets_answers_that_are_not_recorded(
    owner: Owner, tmp_path: Path
) -> None:
    database = await in_thread(test_database_url)
    environment = {
        "DATABASE_URL": database,
        "VAR_DIR": str(tmp_path),
        "OUTBOUND_ALLOW": "127.0.0.1",
        "INGEST_KIB_PER_SECOND": "1",
    }
    server = daphne(environment)
    url = await asyncio.to_thread(server.__enter__)
    try:
        async with Upstream(stream(*TEXT)) as upstream, client(Web(url, tmp_path)) as http:
            await connect(owner, upstream.url)
            body = {**STREAM, "metadata": {"padding": "x" * 40_000}}
            answers = [await http.post(CHAT, json=body, headers=owner.headers) for _ in range(6)]
            stored, lost = await settled(owner, tmp_path / "losses")
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.content for answer in answers} == {b"".join(TEXT)}
    assert 0 < stored < 6
    rows = await in_thread(lambda: list(IngestLoss.objects.filter(project=owner.project)))
    assert {row.reason for row in rows} == {"too_fast"}
    assert sum(row.turns for row in rows) == lost
