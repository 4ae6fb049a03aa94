"""Snippets, run as a person would run them, against a server that keeps what it is sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from conversations.snippets import Endpoint, as_curl, as_python

BODY = {
    "model": "a-model",
    "messages": [
        {"role": "user", "content": 'quotes \' " """ $HOME `id` \\ \u202e \x1b[31m\x00 é\nJSON\n'}
    ],
    "seed": 7,
}
ANSWER = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "a-model",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    ],
}


@dataclass
class Upstream:
    url: str = ""
    seen: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    found = Upstream()

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.seen.append((self.path, dict(self.headers.items()), json.loads(body)))
            answer = json.dumps(ANSWER).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keeper)
    found.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def run(command: list[str], text: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ACME_API_KEY": "sk-of-the-environment", "NO_PROXY": "*"}
    return subprocess.run(
        command,
        input=text,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_curl_sends_the_same_json_with_the_key_of_the_environment(upstream: Upstream) -> None:
    text = as_curl(Endpoint("chat", upstream.url, "ACME_API_KEY"), BODY)
    done = run(["bash"], text)
    assert done.returncode == 0, done.stderr
    path, headers, body = upstream.seen[0]
    assert (path, body) == ("/v1/chat/completions", BODY)
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["authorization"] == "Bearer sk-of-the-environment"


def test_python_sends_the_same_json_with_the_key_of_the_environment(upstream: Upstream) -> None:
    body = {**BODY, "top_k": 3}
    text = as_python(Endpoint("chat", upstream.url, "ACME_API_KEY"), body)
    done = run([sys.executable, "-"], text)
    assert done.returncode == 0, done.stderr
    _, headers, sent = upstream.seen[0]
    assert sent == body
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["authorization"] == "Bearer sk-of-the-environment"


@pytest.mark.parametrize(
    ("endpoint", "url", "key"),
    [
        (Endpoint("chat", "", "OPENAI_API_KEY"), "https://api.openai.com/v1/chat/completions", "b"),
        (Endpoint("responses", "http://x/v1/", "K"), "http://x/v1/responses", "b"),
        (Endpoint("anthropic", "", "K"), "https://api.anthropic.com/v1/messages", "x-api-key: $K"),
        (Endpoint("ollama"), "http://127.0.0.1:11434/api/chat", ""),
    ],
)
def test_every_protocol_has_its_address_and_its_header(
    endpoint: Endpoint, url: str, key: str
) -> None:
    text = as_curl(endpoint, {"model": "m"})
    assert url in text
    assert (key in text) if key != "b" else (f"Bearer ${endpoint.key_variable}" in text)
    compile(as_python(endpoint, {"model": "m", "stream": True}), "snippet", "exec")


def test_credentials_in_an_address_are_left_out() -> None:
    text = as_curl(Endpoint("chat", "https://user:secret@example.com/v1"), BODY)
    assert "secret" not in text
    assert "https://example.com/v1/chat/completions" in text


@pytest.mark.parametrize("write", [as_curl, as_python])
def test_nothing_of_the_text_reaches_a_terminal_unescaped(write: Any) -> None:
    text = write(Endpoint(), BODY)
    assert text.isascii()
    assert not {"\x1b", "\x00"} & set(text)
