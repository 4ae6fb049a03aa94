"""Program: wait until the supervisor is gone, then end the children that it left.

The supervisor holds the other end of our standard input, so its death, by whatever signal, is the
end of that file. Started in a session of its own, so that Ctrl-C in a terminal passes it by.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from console.embedded import record


def watch(var_dir: Path) -> subprocess.Popen[bytes]:
    """Start a watchdog over the children recorded in this folder; closing its input ends it."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(var_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[2],
        start_new_session=True,
    )


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    record.end_recorded(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
