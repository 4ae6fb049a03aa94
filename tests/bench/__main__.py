"""Program: run `main()` of every benchmark here, or of those that are named."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from tests import bench


def main() -> None:
    every = sorted(
        module.name for module in pkgutil.iter_modules(bench.__path__) if module.name[0] != "_"
    )
    for name in sys.argv[1:] or every:
        if entry := getattr(importlib.import_module(f"tests.bench.{name}"), "main", None):
            print(f"== {name}", flush=True)
            entry()


if __name__ == "__main__":
    main()
