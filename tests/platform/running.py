"""A real `manage.py up` on a state folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from console.embedded import record
from console.embedded.child import Child, ChildSpec, free_port, stop_all
from tests.conftest import ROOT

# What the tests' own servers put into the environment, and a fresh machine has not.
INHERITED = (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "VAR_DIR",
    "DJANGO_SETTINGS_MODULE",
    "DJANGO_ALLOW_ASYNC_UNSAFE",
)


def environment(var_dir: Path, **added: str) -> dict[str, str]:
    """The environment of a fresh machine whose state lies in this folder."""
    kept = {name: value for name, value in os.environ.items() if name not in INHERITED}
    return {**kept, "VAR_DIR": str(var_dir), **added}


def manage(var_dir: Path, *arguments: str, **added: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `manage.py` to its end."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
        env=environment(var_dir, **added),
    )


class Up:
    """`manage.py up`, watched from outside."""

    def __init__(self, var_dir: Path, *options: str, **added: str) -> None:
        self.var_dir = var_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        options = ("--port", str(self.port), "--no-browser", "--workers", "1", *options)
        env = environment(var_dir, **added)
        spec = ChildSpec(
            name=f"up-{self.port}",
            title="up",
            # `env -i` takes the tests' own addresses out of what the child inherits.
            command=["env", "-i", *(f"{name}={value}" for name, value in env.items())]
            + [sys.executable, str(ROOT / "manage.py"), "up", *options],
            ready=lambda: "Ctrl-C stops everything" in self.output,
            patience=280.0,
        )
        folder = Path(os.environ["TESTS_FOLDER"])
        self.child = Child(spec, folder / "log")
        self.child.start()
        record.remember(folder, self.child)

    @property
    def output(self) -> str:
        return self.child.log.read_text(encoding="utf-8")

    def child_pid(self, name: str) -> int:
        entry = json.loads((self.var_dir / "children" / f"{name}.json").read_text())
        return int(entry["pid"])

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything below it."""
        assert self.child.process
        top = psutil.Process(self.child.process.pid)
        return [top, *top.children(recursive=True)]

    def signal(self, number: signal.Signals) -> float:
        """Send a signal to the supervisor alone; return the seconds until it had ended."""
        assert self.child.process
        began = time.monotonic()
        self.child.process.send_signal(number)
        self.child.process.wait(20)
        return time.monotonic() - began

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.var_dir / "run.json").read_text())
        return state


def still_alive(processes: list[psutil.Process], within: float) -> list[psutil.Process]:
    """Those that have not ended after this many seconds."""
    _, alive = psutil.wait_procs(processes, timeout=within)
    return [process for process in alive if process.is_running()]


def wait_for(condition: Any, within: float = 30.0) -> bool:
    """Ask until it is true; false when the time is over."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@contextmanager
def up(var_dir: Path, *options: str, **added: str) -> Iterator[Up]:
    """A ready `up`, ended afterwards if it still runs."""
    running = Up(var_dir, *options, **added)
    try:
        running.child.wait_ready()
        yield running
    finally:
        if running.child.running:
            running.signal(signal.SIGTERM)
        stop_all([running.child])
