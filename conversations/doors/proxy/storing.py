"""Captures into the store: turns through the one door, their bytes beside them; twice is once."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from console.accounts.models import ApiKey, Project
from conversations.doors.proxy.capture import Capture, from_bytes, to_bytes
from conversations.doors.proxy.responses import continue_turns, know_responses
from conversations.doors.proxy.turn import decode, record_of
from conversations.ingest.store import Wire, store
from conversations.journal import adopt
from conversations.losses import count_losses
from conversations.spool import Spool

AWAY = (DatabaseError, InterfaceError, RedisError, OSError)
"""What a store raises that is not there: the same may be stored later."""
BATCH = 100
LONGEST = 300.0
logger = logging.getLogger(__name__)


def open_spool() -> Spool:
    """This installation's spool."""
    return Spool(settings.VAR_DIR / "spool", settings.SPOOL_LIMIT_MB * 1_000_000)


def journal_folder() -> Path:
    """Where web processes append what is under way to the store."""
    return Path(settings.VAR_DIR) / "journal"


def losses_folder() -> Path:
    return Path(settings.VAR_DIR) / "losses"


def name_of(capture: Capture) -> str:
    """Its name in the spool and in the journal."""
    return capture.id.rpartition(":")[2]


def spool_capture(spool: Spool, capture: Capture) -> bool:
    """Keep a capture on disk, without keys; False when the spool is full."""
    return spool.put(name_of(capture), to_bytes(decode(capture)))


def store_captures(captures: Iterable[Capture]) -> None:
    """Store the turns of captures, in one batch a key. Raises one of ``AWAY``."""
    by_key: dict[tuple[int, int], list[Capture]] = defaultdict(list)
    for capture in captures:
        by_key[capture.project, capture.api_key].append(decode(capture))
    projects = Project.objects.in_bulk({project for project, _ in by_key})
    keys = ApiKey.objects.in_bulk({key for _, key in by_key})
    for (project, key), group in by_key.items():
        if project not in projects:
            logger.warning("%d turns of a deleted project were dropped", len(group))
            continue
        _store_group(projects[project], keys.get(key), group)


def _store_group(project: Project, key: ApiKey | None, captures: Sequence[Capture]) -> None:
    records = continue_turns(project, captures, [record_of(capture) for capture in captures])
    wires = {capture.id: Wire(*capture.packed(), capture.connection) for capture in captures}
    store(project, records, door="proxy", api_key=key, wires=wires)
    know_responses(project, captures, records)


def store_spooled(spool: Spool | None = None) -> int:
    """Store what waits in the spool and what killed processes left, and count what was lost; how
    many turns were stored. Stops when the store is away."""
    spool = spool or open_spool()
    adopt(journal_folder(), spool.put)
    try:
        count_losses(losses_folder())
    except AWAY as error:
        logger.warning("losses wait to be counted: the store is away (%s)", type(error).__name__)
        return 0
    stored = 0
    while taken := list(spool.take(BATCH)):
        try:
            stored += _store_taken(spool, taken)
        except AWAY as error:
            logger.warning("the spool waits: the store does not answer (%s)", type(error).__name__)
            break
    return stored


def _store_taken(spool: Spool, taken: Sequence[Path]) -> int:
    """One batch; where something in it is bad, each by itself, so that the bad one is found."""
    captures = {}
    for path in taken:
        try:
            captures[path] = from_bytes(path.read_bytes())
        except ValueError:
            logger.exception("a spooled turn cannot be read: %s", path.name)
            spool.set_aside(path)
    try:
        store_captures(captures.values())
    except AWAY:
        for path in captures:
            spool.give_back(path)
        raise
    except Exception:
        return sum(_store_alone(spool, path, capture) for path, capture in captures.items())
    for path in captures:
        spool.done(path)
    return len(captures)


def _store_alone(spool: Spool, path: Path, capture: Capture) -> bool:
    try:
        store_captures([capture])
    except AWAY:
        spool.give_back(path)
        raise
    except Exception:
        logger.exception("a spooled turn cannot be stored: %s", path.name)
        spool.set_aside(path)
        return False
    spool.done(path)
    return True
