"""Fixtures: every test talks to a real hallmarkd over a real socket.

HALLMARK_FLAVOUR says which build is tested: plain, asan, tsan, or faults, which is for test_failpoints
alone.
"""

import shutil
import tempfile
import uuid
from pathlib import Path

import pytest
from support import template
from support.model import Model
from support.paths import FLAVOUR, HALLMARKD
from support.postgres import Postgres
from support.server import Hallmark
from support.siege import Siege


def pytest_sessionstart():
    if not HALLMARKD.exists():
        pytest.exit(f"{HALLMARKD} is missing: make FLAVOUR={HALLMARKD.parent.parent.name}", 3)


def pytest_sessionfinish():
    template.end()


collect_ignore = [] if FLAVOUR == "faults" else ["test_failpoints.py"]

# Files whose tests make loops, storage threads and processes meet.
THREADED = {
    "test_artifacts.py",
    "test_http_artifacts.py",
    "test_publish.py",
    "test_durability.py",
    "test_outages.py",
    "test_replicas.py",
    "test_secrecy.py",
}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name in THREADED:
            item.add_marker(pytest.mark.threads)


@pytest.fixture(scope="module")
def hallmark(request):
    """A hallmarkd with the embedded database that the tests of one file share."""
    with_embedded = Hallmark(fresh=getattr(request.module, "FRESH", False))
    try:
        yield with_embedded.start()
    finally:
        with_embedded.close()


@pytest.fixture
def service(hallmark):
    """The shared hallmarkd; after the test it must still answer, as the same process, and
    must not have logged that something went wrong inside."""
    pid, logged = hallmark.pid("service"), len(hallmark.logs)
    yield hallmark
    assert hallmark.anonymous.get("/health").status == 200
    assert hallmark.pid("service") == pid, "the service was restarted"
    wrong = [line for line in hallmark.logs[logged:] if line.get("level") == "error"]
    assert not wrong, wrong
    hallmark.check_logs()


@pytest.fixture
def victim(service):
    """The shared hallmarkd, to be treated badly; what support.siege says holds afterwards."""
    with Siege(service):
        yield service


@pytest.fixture
def open_folder():
    """A folder that the user the service becomes may enter; those of tmp_path are closed."""
    folder = Path(tempfile.mkdtemp(prefix="hallmark-test."))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start_hallmark():
    """start_hallmark(database=…, log_level=…): as many of one's own as a test needs."""
    started = []

    def start(*, wait=True, begin=True, **settings):
        server = Hallmark(**settings)
        started.append(server)
        return server.start(wait=wait) if begin else server

    yield start
    for server in reversed(started):
        server.close()


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL that is not hallmarkd's own; create_database() gives a DATABASE_URL."""
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture
def name():
    """A name that no other test uses."""
    return f"m-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def errors(hallmark):
    """Lines of level error that this test may cause, by their msg; any other one fails it."""
    wanted = set()
    before = len(hallmark.logs)
    yield wanted
    lines = [line for line in hallmark.logs[before:] if line["level"] == "error"]
    assert not [line for line in lines if line["msg"] not in wanted], lines


@pytest.fixture
def model(hallmark, name):
    """A new model without versions."""
    return Model(hallmark, name).make()
