"""Sending the story's requests, in a thread of its own, at the times that the story gives."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from console.drill.spans import Telemetry
from console.drill.story import TOOL, Stage, Traffic


@dataclass
class Tally:
    """Calls of the tool in one stage: how many, and how many of them were refused."""

    refused: int = 0
    calls: int = 0

    @property
    def percent(self) -> float:
        return 100 * self.refused / self.calls if self.calls else 0.0


@dataclass
class Sender:
    """Requests of one stage after the other, until it is stopped. ``first_bad`` is when the first
    call was refused in the outage, in seconds since 1970."""

    traffic: Traffic
    telemetry: Telemetry
    stage: Stage = "calm"
    first_bad: float | None = None
    tallies: dict[Stage, Tally] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="drill", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            self._send(self.stage)
            due += self.traffic.pause(self.stage)

    def _send(self, stage: Stage) -> None:
        request = self.traffic.request(stage)
        self.telemetry.send(request)
        refused, calls = request.count(TOOL)
        tally = self.tallies.setdefault(stage, Tally())
        tally.refused, tally.calls = tally.refused + refused, tally.calls + calls
        if refused and stage == "bad" and self.first_bad is None:
            self.first_bad = time.time() - request.lasts

    def stop(self) -> None:
        """End it, and send what is left."""
        self._stopped.set()
        if self._thread:
            self._thread.join()
        self.telemetry.close()
