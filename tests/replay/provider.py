"""A model provider of this machine whose answers a test writes: OpenAI's chat completions."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What the provider sends: the message of a completion, an error's JSON under another status,
    or ``text`` as it is."""

    message: Body = field(default_factory=dict)
    text: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def call(name: str, arguments: Body | str, identity: str = "call_1") -> Body:
    """A message that calls one tool."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    function = {"name": name, "arguments": text}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": identity, "type": "function", "function": function}],
    }


def says(text: str) -> Body:
    return {"role": "assistant", "content": text}


Answer = Callable[[Body], Reply | Body]


class Provider:
    """``requests`` are the bodies that came; ``most`` is how many were there at once."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.requests, self.most, self.url = answer, list[Body](), 0, ""
        self._here, self._lock = 0, threading.Lock()

    def take(self, body: Body) -> Reply:
        with self._lock:
            self.requests.append(body)
            self._here += 1
            self.most = max(self.most, self._here)
        try:
            found = self.answer(body)
            reply = found if isinstance(found, Reply) else Reply(found)
            time.sleep(reply.seconds)
            return reply
        finally:
            with self._lock:
                self._here -= 1


def completion(body: Body, message: Body) -> Body:
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "tool_calls" if message.get("tool_calls") else "stop",
    }
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return {"id": "c", "model": body.get("model"), "choices": [choice], "usage": usage}


@contextmanager
def provider(answer: Answer) -> Iterator[Provider]:
    """A provider that listens while the context lasts."""
    made = Provider(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            reply = made.take(body)
            sent = completion(body, reply.message) if reply.status == 200 else reply.message
            data = (reply.text or json.dumps(sent)).encode()
            self.send_response(reply.status)
            for name, value in {"content-type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the client may have gone
                self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
