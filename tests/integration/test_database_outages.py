"""PostgreSQL away, hung, read-only, full or slow: what clients and probes hear meanwhile, that nobody is
held up, and that everybody is served again within a second of its return; nothing is lost."""

import os
import signal
import subprocess
import time
from collections import Counter

import pytest
from support.crowd import WITHIN, Crowd, readiness, until
from support.hole import Hole
from support.model import MODELS
from support.paths import SLOWNESS
from support.postgres import PSQL
from support.server import AS_ROOT
from support.standby import Node

OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "1.5"))
OUTAGE_ROUNDS = int(os.environ.get("OUTAGE_ROUNDS", "1"))


def answered(heard):
    """How many there are of each status."""
    return dict(sorted(Counter(h.status for h in heard).items()))


@pytest.fixture(scope="module")
def fresh():
    found = Node().begin()
    yield found
    found.remove()


@pytest.fixture
def node(fresh):
    found = Node(copied=fresh).start()
    yield found
    found.remove()


@pytest.fixture
def served(start_hallmark, node):
    found = start_hallmark(database=node.conninfo, loops=2, begin=False)
    found.command("migrate")
    return found.start()


AWAY = (503, "the database cannot be reached")
END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hallmark'"


@pytest.mark.parametrize("how", ["fast", "immediate", "crash"])
def test_a_database_that_was_restarted_serves_again_within_a_second(served, node, how):
    end = {"fast": node.stop, "immediate": lambda: node.stop(signal.SIGQUIT), "crash": node.kill}[how]
    with Crowd(served, name=how) as crowd:
        for _ in range(OUTAGE_ROUNDS):
            time.sleep(0.3)
            end()
            until(lambda: readiness(served) == AWAY, 3 * SLOWNESS)
            time.sleep(OUTAGE_SECONDS)  # as long as every wait for a connection has grown by then
            assert served.anonymous.get("/livez").status == 200
            away = time.monotonic()
            node.start(wait=False)
            took = crowd.wait_served(node.wait())
            print(f"{how}: away {time.monotonic() - away:.1f} s, served again after {took:.3f} s")
            until(served.is_ready, 1 * SLOWNESS)


def test_a_database_that_hangs_holds_nobody_up_and_goes_on_where_it_was(served, node):
    """The machine hangs, its kernel does not: connections are made, and nothing is said."""
    with Crowd(served, name="hangs") as crowd:
        time.sleep(0.3)
        frozen = time.monotonic()
        node.freeze()
        until(lambda: readiness(served) == AWAY, 5 * SLOWNESS)
        time.sleep(OUTAGE_SECONDS)
        assert served.anonymous.get("/livez").status == 200
        reads = crowd.since(frozen + 3, crowd.readers)
        assert all(h.ended - h.began < 2.5 * SLOWNESS for h in reads), reads
        took = crowd.wait_served(node.thaw())
        print(f"served again after {took:.3f} s; meanwhile {answered(crowd.since(frozen + 1))}")
        until(served.is_ready, 1 * SLOWNESS)


def test_a_network_that_swallows_everything_is_noticed_when_it_no_longer_does(served, node, start_hallmark):
    """The first packets of a connection are lost, too: libpq would wait longer from one to the next."""
    with Hole(node.port) as hole:
        behind = start_hallmark(
            database=f"{node.conninfo} port={hole.port}",
            loops=2,
            secret_file=served.state / "secret",
            keys=served.state / "keys",
            begin=False,
        )
        behind.start("--storage-path", str(served.state / "artifacts"))
        behind.token = served.token
        with Crowd(behind, name="hole") as crowd:
            time.sleep(0.3)
            hole.close()
            until(lambda: readiness(behind) == AWAY, 5 * SLOWNESS)
            time.sleep(OUTAGE_SECONDS)
            opened = hole.open()
            until(lambda: behind.put(f"{MODELS}/after", json={}).status in (200, 201))
            until(lambda: behind.get(f"{MODELS}/after").status == 200)
            took = time.monotonic() - opened
            print(f"served again after {took:.3f} s")
            assert took < WITHIN
            crowd.wait_served(opened, 16 * SLOWNESS)  # changes on their way are waited for as always


def test_a_database_that_takes_no_changes_is_read_and_says_so(served, node):
    with Crowd(served, name="frozen") as crowd:
        time.sleep(0.3)
        node.configure(default_transaction_read_only="on")
        until(lambda: readiness(served) == (503, "the database takes no changes"))
        node.end_sessions()  # new ones are read from, too
        time.sleep(0.5)
        closed = time.monotonic()
        time.sleep(1.2)
        assert served.anonymous.get("/livez").status == 200
        assert set(answered(crowd.since(closed, crowd.readers))) == {200}
        assert set(answered(crowd.since(closed, crowd.writers))) == {503}
        refused = served.put(f"{MODELS}/late", json={})
        assert (refused.status, refused.json["type"]) == (503, "/problems/unavailable")
        assert "takes no changes" in refused.json["detail"]
        assert int(refused.headers["retry-after"]) >= 1
        took = crowd.wait_served(node.configure(default_transaction_read_only=None))
        print(f"written again after {took:.3f} s")
        until(served.is_ready, 1 * SLOWNESS)


def hog(node):
    """A session that others opened, until it is killed; None when there is no place for one more."""
    one = subprocess.Popen(
        [PSQL, "-qXAt", "-d", node.conninfo],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd="/",
    )
    try:
        one.stdin.write("SELECT 'in';\n")
        one.stdin.flush()
        if one.stdout.readline():
            return one
    except OSError:
        pass
    one.wait(10)
    return None


def ask(session, sql):
    """Of a session of hog(); waits until it is done."""
    session.stdin.write(f"{sql};\nSELECT 'done';\n")
    session.stdin.flush()
    while session.stdout.readline().strip() != "done":
        pass


def test_connections_that_others_took_are_waited_for(start_hallmark, fresh):
    node = Node(copied=fresh, max_connections=14, superuser_reserved_connections=0, max_wal_senders=0).start()
    hogs = []
    try:
        node.execute("CREATE ROLE registry LOGIN; ALTER DATABASE hallmark OWNER TO registry")
        served = start_hallmark(
            database=f"{node.conninfo} user=registry", loops=2, write_lanes=4, begin=False
        )
        served.command("migrate")
        served.start()
        with Crowd(served, name="full") as crowd:
            time.sleep(0.3)
            while one := hog(node):
                hogs.append(one)
            moment = time.monotonic()
            crowd.wait_served(moment)  # by the connections that there are
            assert served.is_ready()
            ask(hogs[0], "ALTER DATABASE hallmark CONNECTION LIMIT 0")  # of all but the others
            ask(hogs[0], END_SESSIONS)
            until(lambda: readiness(served) == AWAY)
            while one := hog(node):
                hogs.append(one)
            ask(hogs[0], "ALTER DATABASE hallmark CONNECTION LIMIT -1")
            assert readiness(served) == AWAY
            assert served.anonymous.get("/livez").status == 200
            time.sleep(OUTAGE_SECONDS)
            for one in hogs:
                one.kill()
            took = crowd.wait_served(node.wait())
            print(f"served again after {took:.3f} s")
            until(served.is_ready, 1 * SLOWNESS)
    finally:
        for one in hogs:
            one.kill()
            one.wait()
        node.remove()


def test_a_database_that_is_slow_is_told_and_holds_nobody_up(served, node):
    """Somebody holds a table: reads end after their statement's limit, changes after the lock's."""
    with Crowd(served, name="slow") as crowd:
        time.sleep(0.3)
        holder = hog(node)
        ask(holder, "BEGIN; LOCK TABLE version IN ACCESS EXCLUSIVE MODE")
        locked = time.monotonic()
        time.sleep(2.5)
        heard = crowd.since(locked + 0.5)
        assert set(answered(heard)) == {503}, answered(heard)
        assert {h.kind for h in heard} <= {"/problems/busy", "/problems/unavailable"}
        assert all(h.ended - h.began < 2.5 * SLOWNESS for h in crowd.since(locked, crowd.readers))
        assert all(h.ended - h.began < 5 * SLOWNESS for h in crowd.since(locked, crowd.writers))
        assert served.anonymous.get("/livez").status == 200
        assert served.get("/api/v1/projects").status == 200, "what needs no version is served"
        holder.kill()
        holder.wait()
        took = crowd.wait_served(time.monotonic())
        print(f"served again after {took:.3f} s")


@pytest.fixture
def small_wal(open_folder):
    """A disk for the log alone, which ends after a few writes."""
    if not AS_ROOT:
        pytest.skip("mounting wants root")
    folder = open_folder / "wal"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m,mode=1777", "tmpfs", str(folder)], check=False
    )
    if mounted.returncode:
        pytest.skip("no tmpfs to be had here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_of_the_log_ends_the_database_and_loses_nothing(start_hallmark, small_wal):
    node = Node(wal=small_wal / "log", max_wal_size="4MB", min_wal_size="2MB", wal_keep_size="1GB")
    node.begin().start()
    try:
        served = start_hallmark(database=node.conninfo, loops=2, begin=False)
        served.command("migrate")
        served.start()
        ballast = small_wal / "ballast"
        with Crowd(served, name="full") as crowd:
            with ballast.open("wb") as file:
                try:
                    while True:
                        file.write(bytes(65536))
                        file.flush()
                except OSError:
                    pass
            until(lambda: "PANIC" in (node.folder / "log").read_text(), 30 * SLOWNESS)
            until(lambda: any(h.status == 503 for h in crowd.since(0)))
            ballast.unlink()
            if node.process.poll() is None:
                node.stop(signal.SIGQUIT)
            node.start(wait=False)
            took = crowd.wait_served(node.wait())
            print(f"served again after {took:.3f} s")
    finally:
        node.remove()
