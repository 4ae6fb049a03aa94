"""Program: run `main()` of every benchmark here, or of those that are named.

A `main` returns a status when it has a target to meet: not 0 when it was missed.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

from tests import bench


def main() -> int:
    every = sorted(
        module.name for module in pkgutil.iter_modules(bench.__path__) if module.name[0] != "_"
    )
    status = 0
    for name in sys.argv[1:] or every:
        if entry := getattr(importlib.import_module(f"tests.bench.{name}"), "main", None):
            print(f"== {name}", flush=True)
            status = entry() or status
    return status


if __name__ == "__main__":
    sys.exit(main())
