"""Which children run, one small file each, so that whoever survives can end them.

Read by the watchdog when its supervisor is killed, and by the next start after a crash. A process
is touched only while it still has the command line that was recorded: numbers are used again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from console.embedded.child import Child, end_group
from console.lib import runstate

FOLDER = "children"


def remember(var_dir: Path, child: Child) -> None:
    """Record a child that was just started."""
    if child.process is None:
        return
    entry = {
        "pid": child.process.pid,
        "command": list(child.spec.command),
        "signal": int(child.spec.stop_signal),
        "last": child.spec.last,
    }
    folder = var_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    runstate.write_private(folder / f"{child.spec.name}.json", json.dumps(entry))


def end_recorded(var_dir: Path, within: float = 8.0) -> list[str]:
    """End the recorded children that still run, in order; return their names."""
    entries = {path.stem: _load(path) for path in sorted((var_dir / FOLDER).glob("*.json"))}
    orphans = {name: entry for name, entry in entries.items() if _is_ours(entry)}
    for last in (False, True):
        group = [entry for entry in orphans.values() if entry["last"] is last]
        for entry in group:
            _signal(entry["pid"], entry["signal"])
        deadline = time.monotonic() + within / 2
        while any(_is_ours(entry) for entry in group) and time.monotonic() < deadline:
            time.sleep(0.05)
        for entry in group:
            end_group(entry["pid"])
    for name, entry in entries.items():
        path = var_dir / FOLDER / f"{name}.json"
        if _load(path) == entry:  # else a newer start has recorded its own child already
            path.unlink(missing_ok=True)
    return list(orphans)


def _load(path: Path) -> dict[str, Any]:
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _is_ours(entry: dict[str, Any]) -> bool:
    """Compare the end of the command: a wrapper before the program is gone once it runs."""
    if not entry:
        return False
    running = _command_of(entry["pid"])
    recorded = entry["command"]
    if isinstance(running, str):
        return bool(running) and " ".join(recorded).endswith(running)
    return bool(running) and recorded[-len(running) :] == running


def _command_of(pid: int) -> list[str] | str:
    """Return the command line of a live process: a list on Linux, else a joined text."""
    if Path("/proc/self/cmdline").exists():
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return []
        return [part.decode("utf-8", "surrogateescape") for part in raw.split(b"\0")[:-1]]
    command = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, check=False, text=True).stdout.strip()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, signal.Signals(number))
    except ProcessLookupError:
        return
