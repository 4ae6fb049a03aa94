"""Everything that `manage.py up` does: check the place, start in order, watch, stop in order."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from console.embedded import processes
from console.embedded.child import Child, ChildSpec, EmbeddedError
from console.embedded.model import is_installed, model
from console.embedded.postgres import postgres
from console.embedded.supervisor import StopRequested, Supervisor
from console.embedded.valkey import valkey
from console.lib import env, runstate

LEAST_FREE = 300_000_000


@dataclass(frozen=True)
class Options:
    """What a person may choose."""

    var_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    webs: int = 1
    workers: int = 2
    model: bool = True
    browser: bool = True


def run(options: Options) -> int:
    """Run until a stop is requested; return the exit status. Failures are said with a cure."""
    try:
        with _lock(options.var_dir):
            _check_disk(options.var_dir)
            _listen(options.host, options.port).close()
            return _supervise(options)
    except EmbeddedError as error:
        say(f"Misfire cannot run: {error}")
    except OSError as error:
        say(f"Misfire cannot run: {error}. Is {options.var_dir} writable and its disk not full?")
    return 2


def say(line: str) -> None:
    """Print a line at once; a terminal that is gone is no reason to fail."""
    with suppress(OSError):
        print(line, flush=True)


def _supervise(options: Options) -> int:
    say(f"Misfire starts; its state is in {options.var_dir}")
    status = 0
    with Supervisor(options.var_dir, say) as supervisor:
        try:
            Start(options, supervisor).go()
            supervisor.watch()
        except StopRequested:
            say("Stopping")
        except EmbeddedError as error:
            say(f"Misfire cannot run: {error}")
            status = 2
        finally:
            runstate.remove(options.var_dir)
            began = time.monotonic()
    say(f"Stopped in {time.monotonic() - began:.1f} s")
    return status


class Start:
    """The start in its order; addresses go into the environment that the children inherit."""

    def __init__(self, options: Options, supervisor: Supervisor) -> None:
        self.options = options
        self.supervisor = supervisor
        self.state: dict[str, str] = {}
        shown = "localhost" if options.host in ("0.0.0.0", "::", "") else options.host
        shown = f"[{shown}]" if ":" in shown else shown
        self.probe_url = f"http://{shown}:{options.port}"
        self.site_url = env.text("SITE_URL").rstrip("/") or self.probe_url
        allowed = next(iter(env.words("ALLOWED_HOSTS")), "").lstrip(".")
        self.probe_host = allowed if allowed not in ("", "*") else "localhost"

    def go(self) -> None:
        local_model = self._start_model()
        self._start_databases()
        self._publish({"SITE_URL": self.site_url})
        runstate.write(self.options.var_dir, self.state)
        link = self._prepare()
        self.supervisor.await_ready([*local_model, *self._start_processes()])
        self._announce(link)

    def _publish(self, addresses: dict[str, str]) -> None:
        self.state.update(addresses)
        os.environ.update(addresses)

    def _start_model(self) -> list[Child]:
        if not self.options.model or _is_set("LOCAL_MODEL_URL"):
            return []
        if _is_set("DATABASE_URL") and _is_set("REDIS_URL"):
            return []
        if not is_installed():
            say("  Local model  not installed here; connect another model in Settings")
            return []
        spec, url, key = model()
        self._publish({"LOCAL_MODEL_URL": url, "LOCAL_MODEL_KEY": key})
        return [self.supervisor.start(spec)]

    def _start_databases(self) -> None:
        children = []
        if not _is_set("DATABASE_URL"):
            spec, url = postgres(self.options.var_dir)
            children.append(self.supervisor.start(spec))
            self._publish({"DATABASE_URL": url})
        if not _is_set("REDIS_URL"):
            spec, url = valkey(self.options.var_dir)
            children.append(self.supervisor.start(spec))
            self._publish({"REDIS_URL": url})
        self.supervisor.await_ready(children)

    def _prepare(self) -> str | None:
        began = time.monotonic()
        runstate.secret_key(self.options.var_dir)
        command = [sys.executable, "-m", "console.prepare"]
        try:
            output = self.supervisor.run(command, dict(os.environ), processes.BASE_DIR)
        except EmbeddedError as error:
            raise EmbeddedError(f"the database could not be prepared.\n{error}") from error
        say(f"  Database     ready in {time.monotonic() - began:.1f} s")
        link: str | None = json.loads(output.strip().splitlines()[-1])["link"]
        return link

    def _start_processes(self) -> list[Child]:
        probe = {"probe_url": self.probe_url, "probe_host": self.probe_host}
        options = self.options
        specs = [
            *self._webs(probe),
            processes.worker(options.workers, **probe),
            processes.alerts(**probe),
            processes.beat(options.var_dir),
        ]
        return [self.supervisor.start(spec) for spec in specs]

    def _webs(self, probe: dict[str, str]) -> list[ChildSpec]:
        options = self.options
        if options.webs == 1:
            return [processes.web(options.host, options.port, **probe)]
        # Open as long as this process: a web process that is started again finds it.
        self.listener = _listen(options.host, options.port)
        return processes.webs(options.webs, self.listener.fileno(), **probe)

    def _announce(self, link: str | None) -> None:
        say(f"\nMisfire is at {self.site_url}/")
        if link:
            say(f"Create the first administrator with this link, which works once:\n  {link}")
        say("Ctrl-C stops everything.")
        if self.options.browser and sys.stdout.isatty() and _has_screen():
            webbrowser.open(link or self.site_url)


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def _has_screen() -> bool:
    return sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


@contextmanager
def _lock(var_dir: Path) -> Iterator[None]:
    """Hold the state folder; the lock ends with the process, however that ends."""
    try:
        var_dir.mkdir(parents=True, exist_ok=True)
        file = (var_dir / "up.lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise EmbeddedError(
            f"its state folder {var_dir} cannot be written ({error.strerror}). Make it writable "
            "for this user, or name another with VAR_DIR=/some/folder."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise EmbeddedError(_already_running(var_dir, file.read().strip())) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _already_running(var_dir: Path, pid: str) -> str:
    site = runstate.read(var_dir).get("SITE_URL")
    where = f"at {site}/" if site else "and still starting"
    return (
        f"it is already running {where} (process {pid}, state in {var_dir}). Stop it with Ctrl-C "
        f"in its terminal or `kill {pid}`, or start another with its own VAR_DIR and --port."
    )


def _check_disk(var_dir: Path) -> None:
    free = shutil.disk_usage(var_dir).free
    if free < LEAST_FREE:
        raise EmbeddedError(
            f"the disk of {var_dir} has {free // 1_000_000} MB free; {LEAST_FREE // 1_000_000} MB "
            "are needed. Free some, or name a folder on another disk with VAR_DIR=/some/folder."
        )


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, or `EmbeddedError` with the cure."""
    if not 0 < port < 65536:
        raise EmbeddedError(
            f"it cannot listen on port {port}. Choose one of 1 to 65535 with --port."
        )
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=200)
    except (OSError, OverflowError) as error:
        raise EmbeddedError(
            f"it cannot listen on {host} port {port} ({error}). Choose another port with "
            f"`manage.py up --port {port + 1}` or `make run PORT={port + 1}`, or another address "
            "with --host."
        ) from error
