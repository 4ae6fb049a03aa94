"""One drill from the calm to the fix: traffic is sent, and the console is asked what it saw.

What is shortened is how long the calm and the outage last (``minute`` is the length of one of the
story's minutes). Nothing else is: calls have the time at which they are sent, the rule is looked at
as often as every rule, and every figure is in real seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from console.drill.checks import DETECTION, Report, Step, first_suspect, is_right, name_suspect
from console.drill.client import Client
from console.drill.sending import Sender
from console.drill.story import TOOL, Decoy

CALM, OUTAGE = 6, 6
"""Minutes of the story: before the definition, and at least until the fix."""
_SUSPECTING, _RECOVERING = 30.0, 90.0
_TESTING = 60.0


@dataclass
class Play:
    """``rule`` is the alert's number, ``window`` its window in seconds."""

    client: Client
    sender: Sender
    rule: int
    window: int
    decoy: Decoy
    minute: float
    tell: Callable[[Step], None]
    report: Report = field(default_factory=Report)

    def run(self) -> Report:
        self.sender.start()
        try:
            self._calm()
            began = time.time()
            self.sender.stage = "bad"
            number = self._wait_for_alert()
            if number is not None:
                self._check_suspect(number)
            time.sleep(max(0.0, began + OUTAGE * self.minute - time.time()))
            self._check_outage()
            self.sender.stage = "fixed"
            if self.decoy != "nothing":
                self._check_fix()
            self._wait_for_recovery(number)
        finally:
            self.sender.stop()
        return self.report

    def _calm(self) -> None:
        time.sleep(CALM * self.minute)
        alert = self._wait(lambda: self._alert_in("ok"), self.window)
        tally = self.sender.tallies["calm"]
        self._note(
            "The calm is calm",
            alert is not None,
            detail=f"{tally.refused} of {tally.calls} calls of {TOOL} refused",
        )

    def _wait_for_alert(self) -> int | None:
        """The number of the incident that the alert opened."""
        alert = self._wait(lambda: self._alert_in("alert"), DETECTION)
        first = self.sender.first_bad or time.time()
        took = time.time() - first
        detail = "it did not" if alert is None else f"{alert['value']:.0f}% in {self.window} s"
        self._note("The alert fires", alert is not None and took <= DETECTION, took, detail)
        number: int | None = alert["incident"] if alert else None
        if alert:
            took = time.time() - first
            said = f"INC-{number}" if number else "it did not"
            self._note("An incident opens", number is not None, took, said)
        return number

    def _alert_in(self, state: str) -> dict[str, Any] | None:
        alert = self.client.get(f"/api/v1/alerts/{self.rule}")
        return alert if alert["state"] == state else None

    def _check_suspect(self, number: int) -> None:
        """The right one may take a moment: the evidence is what has arrived."""

        def find() -> dict[str, Any] | None:
            suspect = first_suspect(self._suspects(number))
            return {"suspect": suspect} if is_right(suspect, self.decoy) else None

        found = self._wait(find, _SUSPECTING)
        suspect = found["suspect"] if found else first_suspect(self._suspects(number))
        took = time.time() - (self.sender.first_bad or time.time())
        name = (
            "It says that no record has the cause"
            if self.decoy == "nothing"
            else ("The suspect is the definition")
        )
        self._note(name, found is not None, took, name_suspect(suspect))

    def _suspects(self, number: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"/api/v1/incidents/{number}")["suspects"]
        return found

    def _check_outage(self) -> None:
        tally = self.sender.tallies["bad"]
        detail = f"{tally.refused} of {tally.calls} calls of {TOOL} refused ({tally.percent:.0f}%)"
        self._note("The outage was one", 80 <= tally.percent <= 94, detail=detail)

    def _check_fix(self) -> None:
        """Refused calls of the outage, judged again under the fixed definition."""
        began = time.time()
        body = {"tool": TOOL, "version": 3, "filter": "version:2 verdict:rejected", "last": 1000}
        started = self._wait(lambda: self.client.post("/api/v1/backtests", body), _TESTING)
        ended = started and self._wait(lambda: self._ended(started["id"]), _TESTING)
        kinds = (ended or {}).get("kinds", {})
        fixed, judged = kinds.get("fixed", 0), (ended or {}).get("done", 0)
        self._note(
            "A backtest proves the fix",
            bool(judged) and fixed >= 0.95 * judged,
            time.time() - began,
            f"{fixed} of {judged} refused calls would be accepted by v3",
        )

    def _ended(self, backtest: str) -> dict[str, Any] | None:
        state = self.client.get(f"/api/v1/backtests/{backtest}")
        return state if state["status"] == "finished" else None

    def _wait_for_recovery(self, number: int | None) -> None:
        began = time.time()
        alert = self._wait(lambda: self._alert_in("ok"), self.window + _RECOVERING)
        detail = f"{alert['value']:.1f}% in {self.window} s" if alert else "it did not"
        self._note("The alert recovers", alert is not None, time.time() - began, detail)
        if number is not None and alert:
            entries = self.client.get(f"/api/v1/incidents/{number}")["timeline"]
            told = any("recovered" in entry["text"] for entry in entries)
            self._note("The incident says so", told)

    def _wait(
        self, find: Callable[[], dict[str, Any] | None], seconds: float
    ) -> dict[str, Any] | None:
        """What is found within so many seconds, asked for once a second."""
        end = time.monotonic() + seconds
        while (found := find()) is None and time.monotonic() < end:
            time.sleep(1)
        return found

    def _note(
        self, name: str, passed: bool, seconds: float | None = None, detail: str = ""
    ) -> None:
        step = Step(name, passed, seconds, detail)
        self.report.steps.append(step)
        self.tell(step)
