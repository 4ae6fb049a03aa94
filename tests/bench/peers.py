"""Misfire beside other products under one load, by the harness that measures those.

A span is queryable when what it carries can be shown: a turn's when the turn is a row, a tool's
when its call has the result. A root carries nothing of a turn; it is counted when its batch is
committed, as its batch's other spans are.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.bench.processors import settle
from tests.servers import Running, webs

PEERS = {"phoenix": "v-phoenix", "mlflow": "v-mlflow"}


def count_spans() -> int:
    """Spans that can be shown, of the project of this comparison."""
    from django.db import connection
    from django.db.models import Sum

    from conversations.models import IngestTally, TraceFragment, Turn

    tallied = IngestTally.objects.filter(project__slug="bench-peers")
    taken = tallied.aggregate(stored=Sum("stored"), beside=Sum("beside"))
    waiting = TraceFragment.objects.filter(
        project__slug="bench-peers", kind="result", call_id=None
    ).count()
    turns = Turn.objects.filter(project__slug="bench-peers").count()
    connection.close()
    return turns + (taken["beside"] or 0) - waiting


class _Probe(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"spans": count_spans()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: it is asked twice a second."""


@contextmanager
def probe() -> Iterator[str]:
    """The address that says how many spans are queryable."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Probe)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def compare(running: Running, options: argparse.Namespace) -> dict[str, float]:
    """Queryable spans a second: of Misfire, and of each peer that is installed."""
    found = {"misfire": _ours(running, options)}
    for name, folder in PEERS.items():
        if (options.peers / folder).is_dir():
            work = running.folder / f"peer-{name}"
            found[name] = _load(options, [name, "--peers", str(options.peers), "--work", str(work)])
    return found


def _ours(running: Running, options: argparse.Namespace) -> float:
    from console.accounts.models import ApiKey, Project

    project = Project.objects.create(slug="bench-peers", name="Bench")
    key = ApiKey.issue(project=project, name="bench", scopes=["ingest"])[1]
    with (
        webs(running, options.web, INGEST_KIB_PER_SECOND="0") as (url, pids),
        probe() as counted,
    ):
        for pid in pids:
            settle(pid)
        given = ["misfire", "--url", url, "--key", key, "--count-url", counted]
        return _load(options, given)


def _load(options: argparse.Namespace, given: list[str]) -> float:
    """Run the harness in the environment that has what it needs; the median of three runs."""
    own = options.peers / "bench" / "bin" / "python"
    out = Path(f"{options.peers}/results-{given[0]}.jsonl")
    out.unlink(missing_ok=True)
    command = [str(own) if own.exists() else sys.executable, str(options.bench / "otlp_load.py")]
    command += [*given, "--tau", str(options.tau), "--spans", str(options.spans)]
    command += ["--repeat", "3", "--out", str(out)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    rates = [json.loads(line)["queryable_spans_per_s"] or 0.0 for line in out.open()]
    return float(sorted(rates)[len(rates) // 2])
