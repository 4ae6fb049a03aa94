"""One child process: started in a session of its own, logged to a file, probed, and ended."""

from __future__ import annotations

import http.client
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROBE_PAUSE = 0.1
LOG_LIMIT = 20_000_000


class EmbeddedError(Exception):
    """Something cannot be started; the message says what and names the cure."""


@dataclass(frozen=True)
class ChildSpec:
    """How to start a program, to know that it is ready, and to end it.

    `ready` is asked until it is true, at most `patience` seconds. `essential` children stop the
    whole start when they fail. `last` children are ended after the others.
    `note` is shown when it is ready. It inherits the file descriptors `inherits`.
    """

    name: str
    title: str
    command: Sequence[str]
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 60.0
    essential: bool = True
    last: bool = False
    note: str = ""
    inherits: Sequence[int] = ()


class Child:
    """A running `ChildSpec`."""

    def __init__(self, spec: ChildSpec, log_dir: Path) -> None:
        self.spec = spec
        self.log = log_dir / f"{spec.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0

    def start(self) -> int:
        """Start the program and return its process id, which is also its group's."""
        self.rotate_log()
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self.process = subprocess.Popen(
                list(self.spec.command),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env={**os.environ, **self.spec.environment},
                cwd=self.spec.cwd,
                start_new_session=True,
                pass_fds=self.spec.inherits,
                **as_user(self.spec.user),
            )
        except OSError as error:
            raise EmbeddedError(f"{self.spec.title} cannot be started: {error}") from error
        finally:
            os.close(descriptor)
        self.started_at = time.monotonic()
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def probe(self) -> bool:
        """Tell whether it is ready; `EmbeddedError` with the log's end when it will not be."""
        if not self.running:
            raise EmbeddedError(f"{self.spec.title} {self.ending()}.\n{self.log_tail()}")
        if self.spec.ready():
            return True
        if self.uptime > self.spec.patience:
            raise EmbeddedError(
                f"{self.spec.title} was not ready within {self.spec.patience:.0f} s.\n"
                f"{self.log_tail()}"
            )
        return False

    def wait_ready(self) -> None:
        """Return when it is ready; raise as `probe` does."""
        while not self.probe():
            time.sleep(PROBE_PAUSE)

    @property
    def uptime(self) -> float:
        """Seconds since the last start."""
        return time.monotonic() - self.started_at

    def ending(self) -> str:
        """Say how the process ended."""
        code = self.process.returncode if self.process else None
        if code is None:
            return "is running"
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"

    def log_tail(self, lines: int = 6) -> str:
        """Return where the log is and its last lines, indented."""
        try:
            text = self.log.read_bytes()[-8_000:].decode("utf-8", "replace")
        except OSError:
            text = ""
        tail = "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
        return f"  Its log, {self.log}, ends with:\n{tail or '    (nothing)'}"

    def rotate_log(self) -> None:
        """Keep one older log once the log is large; the child goes on writing to the same file."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            self.log.with_suffix(".log.1").chmod(0o600)
            os.truncate(self.log, 0)


def stop_all(children: Sequence[Child], within: float = 9.0) -> None:
    """End the children, those marked `last` after the others, by force when they do not obey."""
    first = [child for child in reversed(children) if not child.spec.last]
    last = [child for child in reversed(children) if child.spec.last]
    for group, seconds in ((first, within * 0.55), (last, within * 0.4)):
        for child in group:
            if child.running and child.process:
                child.process.send_signal(child.spec.stop_signal)
        deadline = time.monotonic() + seconds
        while any(child.running for child in group) and time.monotonic() < deadline:
            time.sleep(0.02)
        for child in group:
            if child.process:
                end_group(child.process.pid)
                child.process.wait()


def end_group(pid: int) -> None:
    """End at once what is left of a process group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def as_user(name: str | None) -> dict[str, Any]:
    """Return the arguments of `Popen` that drop root for this user."""
    if name is None:
        return {}
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def http_status(url: str, host: str = "localhost") -> tuple[int, bytes]:
    """Return status and body of a page on this machine; status 0 when nothing answers."""
    request = urllib.request.Request(url, headers={"Host": host})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except (OSError, http.client.HTTPException):
        return 0, b""


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
