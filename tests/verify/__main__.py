"""Program: run `main(data: Path) -> None` of every module here, or of those that are named; an
exception is a failure.

The data folder is ../shared/data beside the project, or what VERIFY_DATA names.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, STDOUT

from tests import verify

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    data = Path(os.environ.get("VERIFY_DATA") or ROOT.parent / "shared" / "data")
    if not data.is_dir():
        print(f"Nothing verified: there is no data folder at {data}; name one with VERIFY_DATA")
        return 0
    names = [m.name for m in pkgutil.iter_modules(verify.__path__) if not m.name.startswith("_")]
    if sys.argv[1:]:
        return 0 if all(run(name, data) for name in sys.argv[1:]) else 1
    # Each in a process of its own: Django is set up once in one, on one database.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        statuses = dict(zip(names, pool.map(_run_alone, names), strict=True))
    failed = sorted(name for name, status in statuses.items() if status)
    print(f"{len(names) - len(failed)} of {len(names)} verifications passed")
    if failed:
        print("Failed: " + ", ".join(failed))
    return 1 if failed else 0


def _run_alone(name: str) -> int:
    command = [sys.executable, "-m", "tests.verify", name]
    done = subprocess.run(command, stdout=PIPE, stderr=STDOUT, text=True, check=False)
    print(done.stdout, end="", flush=True)
    return done.returncode


def run(name: str, data: Path) -> bool:
    """Run one module's `main`, which may take the data folder; tell whether it passed."""
    began = time.monotonic()
    print(f"== {name}", flush=True)
    try:
        entry = importlib.import_module(f"tests.verify.{name}").main
        status = entry(data) if inspect.signature(entry).parameters else entry()
    except SystemExit as error:
        status = error.code
    except Exception:
        traceback.print_exc()
        status = 1
    print(f"   {'failed' if status else 'passed'} in {time.monotonic() - began:.1f} s", flush=True)
    return not status


if __name__ == "__main__":
    sys.exit(main())
