"""Our own traces, at a real receiver."""

from __future__ import annotations

import gzip
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.conftest import daphne, test_database_url


@contextmanager
def receiver() -> Iterator[tuple[str, list[Span]]]:
    """The address of an OTLP receiver, and the spans that came."""
    spans: list[Span] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            sent = ExportTraceServiceRequest.FromString(body)
            for resource in sent.resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", spans
        server.shutdown()


@pytest.mark.django_db(transaction=True)
def test_a_request_becomes_a_span_named_by_its_route() -> None:
    with receiver() as (address, spans):
        told = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": address,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "DATABASE_URL": test_database_url(),
        }
        with daphne(told) as url:
            for path in ("/healthz", "/docs/protocol/?secret=1"):
                urllib.request.urlopen(url + path, timeout=10).close()
            until = time.monotonic() + 10
            while len(spans) < 2 and time.monotonic() < until:
                time.sleep(0.05)
    statuses = {
        span.name: attribute.value.int_value
        for span in spans
        for attribute in span.attributes
        if attribute.key == "http.response.status_code"
    }
    assert statuses == {"GET /docs/<slug:page>/": 302, "GET /sign-in/": 200}
    assert "secret" not in str(spans)
