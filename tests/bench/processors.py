"""What processes use of the processors, read from Linux's /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """Seconds of processor of a process and its children."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(path.parent.name) == pid or int(fields[1]) == pid:
            total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def settle(pid: int, most: float = 60.0) -> None:
    """Wait until a server has done what it does at its start."""
    until = time.monotonic() + most
    before = cpu_of(pid)
    while time.monotonic() < until:
        time.sleep(1)
        now = cpu_of(pid)
        if now - before < 0.1:
            return
        before = now
