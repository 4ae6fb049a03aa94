"""Children started in order, restarted when they die, and stopped in order."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from console.embedded import record, watchdog
from console.embedded.child import (
    PROBE_PAUSE,
    Child,
    ChildSpec,
    EmbeddedError,
    end_group,
    stop_all,
)

TICK = 0.2
FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0
STEADY_AFTER = 60.0


class StopRequested(Exception):
    """Somebody pressed Ctrl-C or sent a signal that means the same."""


class Supervisor:
    """Owner of the children of one state folder; a context manager that leaves none behind.

    Signals only set a flag, read between steps: so no child is ever started and not recorded.
    """

    def __init__(self, var_dir: Path, say: Callable[[str], None]) -> None:
        self.var_dir = var_dir
        self.say = say
        self.children: list[Child] = []
        self._stop_requested = False
        self._restarts: dict[str, Restart] = {}
        (var_dir / "log").mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Supervisor:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)
        for name in record.end_recorded(self.var_dir):
            self.say(f"  Ended {name}, left running by an earlier start that was killed")
        self._watchdog = watchdog.watch(self.var_dir)
        return self

    def __exit__(self, *_: object) -> None:
        stop_all(self.children)
        record.end_recorded(self.var_dir)
        if self._watchdog.stdin:
            self._watchdog.stdin.close()
        self._watchdog.wait()

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_requested = True

    def pause(self, seconds: float) -> None:
        """Sleep; raise `StopRequested` when a signal came."""
        if not self._stop_requested:
            time.sleep(seconds)
        if self._stop_requested:
            raise StopRequested

    def start(self, spec: ChildSpec) -> Child:
        """Start a child; `await_ready` says when it can be used."""
        self.pause(0)
        child = Child(spec, self.var_dir / "log")
        child.start()
        self.children.append(child)
        record.remember(self.var_dir, child)
        return child

    def await_ready(self, children: Sequence[Child]) -> None:
        """Wait for all of these, and say each as it becomes ready."""
        waiting = list(children)
        while waiting:
            waiting = [child for child in waiting if not self._is_settled(child)]
            self.pause(PROBE_PAUSE)

    def _is_settled(self, child: Child) -> bool:
        try:
            ready = child.probe()
        except EmbeddedError as error:
            if child.spec.essential:
                raise
            self.say(f"  {child.spec.title:<12} not ready; going on without it. {error}")
            return True
        if ready:
            self.say(
                f"  {child.spec.title:<12} ready in {child.uptime:.1f} s {child.spec.note}".rstrip()
            )
        return ready

    def run(self, command: Sequence[str], environment: dict[str, str], cwd: Path) -> str:
        """Run a program to its end and return its output; `EmbeddedError` when it fails."""
        with subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=cwd,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                return self._output(process)
            except BaseException:
                end_group(process.pid)
                raise

    def _output(self, process: subprocess.Popen[str]) -> str:
        while True:
            try:
                output, _ = process.communicate(timeout=TICK)
                break
            except subprocess.TimeoutExpired:
                self.pause(0)
        if process.returncode:
            lines = output.strip().splitlines()[-30:]
            raise EmbeddedError("\n".join(f"    {line}" for line in lines))
        return output

    def watch(self) -> None:
        """Keep the children running until a stop is requested."""
        while True:
            for child in self.children:
                self._tend(child)
            self.pause(TICK)

    def _tend(self, child: Child) -> None:
        restart = self._restarts.setdefault(child.spec.name, Restart())
        if child.running:
            child.rotate_log()
            if restart.awaited and child.spec.ready():
                restart.awaited = False
                self.say(f"{child.spec.title} is ready again")
        elif restart.due is None:
            delay = restart.plan(time.monotonic(), child.uptime)
            self.say(
                f"{child.spec.title} {child.ending()}; starting it again in {delay:.0f} s\n"
                f"{child.log_tail()}"
            )
        elif time.monotonic() >= restart.due:
            restart.due, restart.awaited = None, True
            if child.process:
                end_group(child.process.pid)
            child.start()
            record.remember(self.var_dir, child)


class Restart:
    """The back-off of one child: doubled at each death, forgotten after a steady minute."""

    def __init__(self) -> None:
        self.due: float | None = None
        self.awaited = False
        self.delay = FIRST_DELAY

    def plan(self, now: float, uptime: float) -> float:
        """Choose when to start again; return the seconds until then."""
        if uptime > STEADY_AFTER:
            self.delay = FIRST_DELAY
        chosen = self.delay
        self.due = now + chosen
        self.delay = min(LONGEST_DELAY, chosen * 2)
        return chosen
