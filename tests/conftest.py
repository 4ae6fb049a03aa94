"""Real servers for the tests: PostgreSQL, Valkey, the local model, Daphne, Chromium.

The process that was started by hand (not its xdist workers) runs PostgreSQL and Valkey from the
wheels in a folder of its own and ends them, unless TEST_DATABASE_URL and TEST_REDIS_URL are set.
Each xdist worker has a database and a Valkey database number of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from playwright.sync_api import expect

from console.embedded import record, watchdog
from console.embedded.child import Child, ChildSpec, free_port, http_status, stop_all
from console.embedded.model import model
from console.embedded.postgres import postgres
from console.embedded.valkey import valkey
from console.lib.garbage import settle

# How long an example takes says more of the machine's other work than of our code.
# The same examples in every run: what is red was made red by a change.
hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("tests")

ROOT = Path(__file__).resolve().parent.parent
# Data of a test run need not survive a power cut.
QUICK_POSTGRES = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
}
QUICK_VALKEY = {"appendonly": "no", "databases": "64"}
# A page that must show something waits no longer for it on a quick machine.
expect.set_options(timeout=20_000)
# It starts everything twice, and mostly waits.
LONGEST = {"test_up.py", "test_local_model_browser.py"}


@dataclass(frozen=True)
class LocalModel:
    """Where the local model listens: `url` ends in `/v1`, and asks for `key`."""

    url: str
    key: str
    name: str = "smollm2-135m-instruct"


class Servers:
    """The children of one test run, ended together even when the run itself is killed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="misfire-tests-"))
        self.folder.chmod(0o711)
        for name in ("log", "static"):
            (self.folder / name).mkdir()
        self.watchdog = watchdog.watch(self.folder)
        self.children: list[Child] = []

    def start(self, spec: ChildSpec) -> None:
        child = Child(spec, self.folder / "log")
        child.start()
        record.remember(self.folder, child)
        self.children.append(child)

    def stop(self) -> None:
        stop_all(self.children)
        record.end_recorded(self.folder)
        assert self.watchdog.stdin is not None
        self.watchdog.stdin.close()
        self.watchdog.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


_servers: Servers | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forbid-skips", action="store_true", help="a skipped test fails the run")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: some tests mostly wait."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: once Playwright's event loop runs in a process, no test there can have
    one of its own. What needs no database first, while one is made; then long files first."""
    files = Counter(item.path for item in items)
    browser = {item.path for item in items if item.get_closest_marker("browser")}
    stored = {item.path for item in items if writes_to_database(item)}

    def place(item: pytest.Item) -> tuple[Any, ...]:
        path = item.path
        return path in browser, path in stored, path.name not in LONGEST, -files[path], path

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import stay to the end: garbage is not looked for in
    them again and again."""
    settle()


def writes_to_database(item: Any) -> bool:
    """Whether the test asks for a database, itself or by a fixture."""
    fixtures = {"db", "transactional_db", "django_db_setup"} & set(item.fixturenames)
    return bool(fixtures or item.get_closest_marker("django_db"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and session.config.getoption("forbid_skips") and reporter.stats.get("skipped"):
        reporter.write_line("Tests were skipped, and --forbid-skips is given", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_configure(config: pytest.Config) -> None:
    """Settings are read after this hook, so the addresses are there in time."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        _start_servers()
    number = int(worker.removeprefix("gw")) + 1 if worker else 0
    os.environ["REDIS_URL"] = os.environ["TESTS_REDIS_BASE"] + f"/{number}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings"
    import django

    django.setup()
    # A worker that inherits it would read the settings before it has its own addresses.
    del os.environ["DJANGO_SETTINGS_MODULE"]
    from django.conf import settings
    from django.contrib.auth.hashers import Argon2PasswordHasher

    from tests import emptying

    # Every test client reads the middleware anew, which looks at all static files otherwise.
    settings.WHITENOISE_AUTOREFRESH = True
    # Hashing is slow on purpose.
    Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost = 1, 64
    emptying.install()


def _start_servers() -> None:
    global _servers
    _servers = Servers()
    os.environ["TESTS_FOLDER"] = os.environ["VAR_DIR"] = str(_servers.folder)
    database_url = os.environ.get("TEST_DATABASE_URL")
    redis_url = os.environ.get("TEST_REDIS_URL")
    if not database_url:
        spec, database_url = postgres(_servers.folder, QUICK_POSTGRES)
        _servers.start(spec)
    if not redis_url:
        spec, redis_url = valkey(_servers.folder, QUICK_VALKEY)
        _servers.start(spec)
    for child in _servers.children:
        child.wait_ready()
    os.environ["DATABASE_URL"] = database_url
    os.environ["TESTS_REDIS_BASE"] = redis_url.rsplit("/", 1)[0]
    os.environ["SECRET_KEY"] = "only for tests, and long enough to be taken for a real one"


def pytest_unconfigure(config: pytest.Config) -> None:
    if _servers is None:
        return
    _drop_migrated()
    _servers.stop()
    for child in _kept:
        if child.process:
            child.process.wait(10)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    django_db_keepdb: bool,
    django_db_blocker: Any,
) -> None:
    """Migrations are applied once a run: each worker's database is a copy of what they made."""
    if not django_db_keepdb:
        from django.db import connection

        with django_db_blocker.unblock():
            made = {"TEMPLATE": migrated_database(), "MIGRATE": False}
        connection.settings_dict["TEST"] |= made


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """At the end nobody is connected: the server notices late that a process or thread is gone."""
    yield
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def migrated_database() -> str:
    """The name of a database to copy, made by the first process of the run that asks. Nobody may
    be connected to it."""
    folder = Path(os.environ["TESTS_FOLDER"])
    name = f"migrated_{folder.name.rpartition('-')[2]}"
    with (folder / "migrated").open("a+") as done:
        fcntl.flock(done, fcntl.LOCK_EX)
        done.seek(0)
        if not done.read():
            _migrate(name)
            done.write(name)
    return name


def _migrate(name: str) -> None:
    from django.db import connection

    own, wanted = connection.settings_dict["NAME"], connection.settings_dict["TEST"]["NAME"]
    connection.settings_dict["TEST"]["NAME"] = name
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()
        connection.close_pool()
        connection.settings_dict["NAME"] = own
        connection.settings_dict["TEST"]["NAME"] = wanted


def _drop_migrated() -> None:
    """The server may be one that lives on."""
    import psycopg

    folder = Path(os.environ["TESTS_FOLDER"])
    if (folder / "migrated").exists():
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {(folder / 'migrated').read_text()}")


@pytest.fixture(autouse=True)
def _clean_valkey(request: pytest.FixtureRequest) -> None:
    """A test that may write to the database finds an empty Valkey."""
    if writes_to_database(request.node):
        import redis

        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            client.flushdb()


@pytest.fixture(scope="session")
def local_model() -> LocalModel:
    """The local model server, started by the first test of the run that asks for it."""
    folder = Path(os.environ["TESTS_FOLDER"])
    address = folder / "model.address.json"
    with (folder / "model.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not address.exists():
            spec, url, key = model()
            child = Child(spec, folder / "log")
            child.start()
            record.remember(folder, child)
            child.wait_ready()
            # The run's own process ends it by its record: a later worker may still use it.
            _kept.append(child)
            address.write_text(json.dumps({"url": url, "key": key}))
    return LocalModel(**json.loads(address.read_text()))


_kept: list[Child] = []


@contextmanager
def daphne(environment: dict[str, str]) -> Iterator[str]:
    """Run the real web server with this environment added; yields its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    spec = ChildSpec(
        name=f"web-{port}",
        title="Web",
        command=[sys.executable, "-m", "console.web", "-v", "0", "-b", "127.0.0.1", "-p", str(port)]
        + ["console.asgi:application"],
        ready=lambda: http_status(f"{url}/healthz")[0] > 0,
        environment={"SITE_URL": url, "PYTHONUNBUFFERED": "1", **environment},
        cwd=ROOT,
    )
    folder = Path(os.environ["TESTS_FOLDER"])
    child = Child(spec, folder / "log")
    child.start()
    record.remember(folder, child)
    try:
        child.wait_ready()
        yield url
    finally:
        stop_all([child])


class SharedWeb:
    """One Daphne for the tests of this process, on their database."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._url = ""

    def start(self) -> str:
        """Its address; it is started where it does not run."""
        if not self._url:
            self._url = self._open.enter_context(daphne({"DATABASE_URL": test_database_url()}))
        return self._url

    def stop(self) -> None:
        self._open.close()
        self._url = ""


@pytest.fixture(scope="session")
def _shared_web(django_db_setup: None) -> Iterator[SharedWeb]:
    web = SharedWeb()
    yield web
    web.stop()


@pytest.fixture
def daphne_server(transactional_db: None, _shared_web: SharedWeb) -> Iterator[str]:
    """The URL of a real Daphne in a process of its own, on the test's own database."""
    from tests import emptying

    yield _shared_web.start()
    if not emptying.end_runs():
        _shared_web.stop()


def test_database_url() -> str:
    """The URL of the database that this process's tests write to."""
    from django.db import connection

    return os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{connection.settings_dict['NAME']}"


test_database_url.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium where there is one, and nothing that asks the network by itself."""
    # Playwright leaves its event loop running in this thread, which Django takes for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    names = ("chromium-headless-shell", "chromium", "chromium-browser")
    chromium = next(filter(None, map(shutil.which, names)), None)
    flags = ["--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    found = {"executable_path": chromium} if chromium else {}
    return {**browser_type_launch_args, **found, "args": flags}


def run_command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` with these arguments as a person would; output is text."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
