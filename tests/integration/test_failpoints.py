"""A process is killed at every failpoint of base/failpoint.h while writers write: nothing that was
acknowledged is lost, and nothing is visible that is not whole.

Runs build/faults (HALLMARK_FLAVOUR=faults, the suite integration-faults); other flavours have no
failpoints. A name of the table that no test here comes to fails.
"""

import re
import signal
import subprocess
import time

import pytest
from support import processes
from support.failpoints import NAMES, OF, Failpoints
from support.model import MODELS
from support.paths import ROOT
from support.postgres import Postgres
from support.server import Hallmark
from support.writers import Writer, check_acknowledged, check_stored, finish, orphans, wait_swept

SIZES = (10, 70_000, 300_000)
LATEST = 3  # acknowledged things of each writer that are looked at behind each kill


class Failing(Hallmark):
    """A hallmarkd with failpoints."""

    def __init__(self, **kw):
        self.points = Failpoints()
        super().__init__(**kw)

    @property
    def environment(self):
        return {**super().environment, **self.points.environment}

    def close(self):
        try:
            super().close()
        finally:
            self.points.close()


class Twin(Writer):
    """Puts the same bytes into every version too, so that uploads lose against each other."""

    def one_version(self):
        good = super().one_version()
        made = self.ask("POST", f"{self.model}/versions", json={"bump": "minor"})
        if made and made.status == 201:
            self.ask("PUT", f"{self.model}/versions/{made.json['version']}/artifacts/same", body=b"same")
        return good


class Crew:
    """A server with writers at work; what they were told is looked for behind each kill, and all of
    it at the end."""

    def __init__(self):
        self.server = Failing(loops=2).start()
        self.points = self.server.points
        self.kills = self.faults = 0
        self.writers = [Twin(self.server, number, sizes=SIZES, pause=0.05) for number in range(3)]
        for one in self.writers:
            one.start()

    def killed(self):
        """Something was; it comes back, and so do its promises."""
        self.kills += 1
        self.server.wait_ready()
        self.check_latest()

    def check_latest(self):
        for one in self.writers:
            for version in list(one.versions)[-LATEST:]:
                assert self.server.get(f"{one.model}/versions/{version}").status == 200, version
            for path in list(one.artifacts)[-LATEST:]:
                got = self.server.get(path)
                assert got.status == 200, path
                assert got.headers["etag"].strip('"') == one.artifacts[path]

    def restart_supervisor(self):
        if self.server.process.poll() is None:
            self.server.kill("supervisor")
        self.server.start(wait=False)

    def forgive_faults(self):
        """An upload that met one of ours was told 500, as it should be."""
        told = [said for one in self.writers for said in one.strange]
        assert len(told) <= self.faults, told[:3]
        assert all(method == "PUT" and "/artifacts/" in path for method, path, _ in told), told[:3]
        for one in self.writers:
            one.strange.clear()

    def end(self):
        try:
            self.points.disarm()
            self.server.wait_ready()
            self.forgive_faults()
            finish(self.writers)
            check_acknowledged(self.server, self.writers)
            check_stored(self.server)
            stray = orphans(self.server)
            assert len(stray) <= self.kills, f"{len(stray)} files that no row names after {self.kills} kills"
            self.server.restart()
            wait_swept(self.server)
        finally:
            self.server.close()


@pytest.fixture(scope="module")
def crew():
    found = Crew()
    yield found
    found.end()


# ---- how each place is come to -------------------------------------------------------------


def by_traffic(crew):
    """The writers come there by themselves."""


def by_start_of_service(crew):
    crew.server.kill("service")


def by_lost_sessions(crew):
    """Writes that were on their way are looked for."""
    name = next(name for name in ("OUTCOME_ASKED", "OUTCOME_TOLD") if not crew.points.fired(name))
    until = time.monotonic() + 20
    while not crew.points.fired(name) and time.monotonic() < until:
        crew.server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'hallmark' AND pid <> pg_backend_pid() AND state = 'active'"
        )


def by_sighup(crew):
    processes.kill(crew.server.pid(), signal.SIGHUP)


def by_end_of(role):
    return lambda crew: crew.server.kill(role)


def by_start(crew):
    crew.restart_supervisor()


WAYS = {
    "OUTCOME_ASKED": by_lost_sessions,
    "OUTCOME_TOLD": by_lost_sessions,
    "KEYS_ASKED": by_start_of_service,
    "KEYS_READ": by_start_of_service,
    "SIGNER_SOCKET_TAKEN": by_start_of_service,
    "LISTENING": by_start_of_service,
    "SWEPT": by_start_of_service,
    "SIGNER_KEYS_READ": by_sighup,
    "SIGNER_TAKES_OVER": by_sighup,
    "SERVICE_ENDED": by_end_of("service"),
    "SIGNER_ENDED": by_end_of("signer"),
    "DATABASE_ENDED": by_end_of("postgres"),
    "STATE_LOCKED": by_start,
    "DATABASE_STARTED": by_start,
    "DATABASE_ADOPTED": by_start,
    "PREPARED": by_start,
    "SERVICE_STARTED": by_start,
    "SERVICE_READY": by_start,
    "SIGNER_STARTED": by_start,
}

AT_DRAIN = ["DRAINING"]
AT_FIRST_START = ["INITDB_DONE", "INITDB_RENAMED", "DATABASE_MADE"]
AT_MIGRATE = [name for name in NAMES if OF[name] == "prepare" and name not in AT_FIRST_START]
UNDER_WRITERS = [name for name in NAMES if name not in AT_DRAIN + AT_FIRST_START + AT_MIGRATE]


@pytest.mark.parametrize("name", UNDER_WRITERS)
def test_killed_there_under_writers(crew, name):
    crew.points.arm(name)
    WAYS.get(name, by_traffic)(crew)
    crew.points.wait_fired(name)
    if OF[name] == "supervisor":
        crew.server.process.wait(10)
        crew.server.start(wait=False)
    crew.killed()


def test_killed_when_it_was_asked_to_go(crew):
    crew.points.arm("DRAINING")
    crew.server.stop()
    crew.points.wait_fired("DRAINING")
    crew.server.start()
    crew.killed()


def test_killed_in_the_first_start():
    """Each start is cut short a step later; the last one works."""
    server = Failing(fresh=True, loops=1)
    try:
        for name in AT_FIRST_START:
            server.points.arm(name)
            server.start(wait=False)
            assert server.process.wait(60) != 0
            assert server.points.fired(name)
        server.start()
        assert server.put(f"{MODELS}/m", json={}).status == 201
    finally:
        server.close()


@pytest.fixture(scope="module")
def database_server():
    found = Postgres()
    yield found
    found.stop()


@pytest.mark.parametrize("name", AT_MIGRATE)
def test_killed_in_a_migration(database_server, name):
    """The next one ends what it had begun; then the service runs, with the token that lies there."""
    server = Failing(database=database_server.create_database(), loops=1)
    try:
        server.points.arm(name)
        done = server.command("migrate", check=False)
        assert done.returncode == -signal.SIGKILL
        server.command("migrate")
        server.start()
        assert server.put(f"{MODELS}/m", json={}).status == 201
        keys = server.get("/api/v1/keys").json["items"]
        assert [key["state"] for key in keys] == ["active"]
    finally:
        server.close()


# ---- other ends than death -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["UPLOAD_WRITTEN", "UPLOAD_FSYNCED", "UPLOAD_SETTLED"])
def test_a_fault_of_the_disk_leaves_nothing(crew, name):
    crew.faults += 1
    crew.points.fail(name)
    crew.points.wait_fired(name)  # in some writer's upload
    crew.check_latest()


def test_a_signer_that_dies_while_it_is_asked(crew):
    """The service is at the point where it has asked, and its signer goes."""
    crew.points.arm("SIGNATURE_SENT", "kill_other", crew.server.wait_pid("signer"))
    crew.points.wait_fired("SIGNATURE_SENT")
    crew.killed()


# ---- what is released ---------------------------------------------------------------------


def test_every_failpoint_is_in_the_source_once():
    said = subprocess.run(
        ["git", "grep", "-hoE", r"FAILPOINT(_ERROR)?\([A-Z_]+\)", "--", "*.c"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert sorted(re.findall(r"\(([A-Z_]+)\)", said)) == sorted(NAMES)


@pytest.mark.parametrize("program", ["hallmarkd", "hallmark"])
def test_what_is_released_has_no_failpoint(program):
    released = (ROOT / "build/plain/bin" / program).read_bytes().lower()
    assert b"failpoint" not in released
    assert program == "hallmark" or b"failpoint" in (ROOT / "build/faults/bin" / program).read_bytes().lower()
