"""The web server: ``python -m console.web`` with Daphne's arguments.

It is Daphne on uvloop, which relays streams for less CPU. Where uvloop has no wheel
(Windows, PyPy), Daphne runs on asyncio's own loop.
"""

from __future__ import annotations

import sys
from threading import Thread


def install_loop() -> bool:
    """Make uvloop Twisted's loop. Only before Daphne is imported, which keeps what it finds."""
    try:
        import uvloop
    except ImportError:
        return False
    from twisted.internet import asyncioreactor

    asyncioreactor.install(uvloop.new_event_loop())  # type: ignore[no-untyped-call]
    return True


def _warm() -> None:
    from console.lib import garbage
    from conversations.providers import load_all

    load_all()
    garbage.settle()


def main() -> None:
    install_loop()
    # The loop gets its turn sooner while threads work: they hold the interpreter for so long.
    sys.setswitchinterval(0.001)
    from daphne.cli import CommandLineInterface
    from twisted.internet import reactor

    import console.asgi  # noqa: F401  brings the settings, which the limits of bodies are read from
    from console import edge

    edge.install()
    # The first run of a server would wait seconds for the SDKs.
    warming = Thread(target=_warm, name="warming", daemon=True)
    reactor.callWhenRunning(warming.start)
    sys.argv[0] = "daphne"
    CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
