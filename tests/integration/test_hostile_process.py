"""Numbers 14, 70 to 72 and 76 of the hostile inputs: slow clients, and a machine that gives the
service too little, ends it, or tells it nonsense."""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import processes
from support.paths import FLAVOUR, HALLMARKD, ROOT, SLOWNESS
from support.postgres import PSQL
from support.registry import artifact_path, is_problem, make_draft, model_path, version_path
from support.server import environment
from support.siege import Siege
from support.wire import Wire

DESCRIPTORS = HALLMARKD.parent.parent / "faults/descriptors.so"
MIGRATIONS = list((ROOT / "migrations").glob("*.sql"))

# ---- 14: the slow -------------------------------------------------------------------------


def dripping(server, how, seconds):
    """Send one byte every 0.7 s; how long until the server closes, None when it does not."""
    began = time.monotonic()
    with Wire(server, patience=0.7) as wire:
        wire.send(how[0])
        for i in range(int(seconds / 0.7)):
            if how[1] and not wire.send(how[1][i % len(how[1]) :][:1]):
                return time.monotonic() - began
            try:
                if not wire.more():
                    return time.monotonic() - began
            except TimeoutError:
                continue
    return None


def test_n14_slow_senders_are_closed(victim, name):
    """A head, a body, an upload, chunks: a byte now and then."""
    make_draft(victim, name)
    head = Wire(victim).head
    json = ("Content-Type: application/json", "Content-Length: 3000000")
    slow = b"GET /health HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    waits = ("Expect: 100-continue", "Content-Length: 3000000")
    chunked = head("PUT", artifact_path(name, "c"), "Transfer-Encoding: chunked")
    hows = {
        "head": (b"", slow),
        "second head": (head("GET", "/health", token=False), slow),
        "empty lines": (b"", b"\r\n"),
        "body": (head("PUT", model_path(name), *json, "If-Match: *"), b"          "),
        "upload": (head("PUT", artifact_path(name, "u"), "Content-Length: 3000000"), b"x"),
        "chunked": (chunked, b"1\r\nx\r\n"),
        "trailers": (chunked + b"1\r\nx\r\n0\r\n", b"X-T: 1\r\n"),
        "nothing": (b"", b""),
        "no body": (head("PUT", artifact_path(name, "n"), *waits), b""),
    }
    with ThreadPoolExecutor(len(hows)) as pool:
        took = dict(zip(hows, pool.map(lambda how: dripping(victim, how, 40), hows.values()), strict=True))
    assert all(seconds and 5 < seconds < 25 + 5 * SLOWNESS for seconds in took.values()), took
    closed = re.search(r"^hallmark_\w*slow\w* (\d+)", victim.get("/metrics").text, re.M)
    assert int(closed[1]) >= len(hows)


def test_n14_slow_readers_are_closed(victim, name):
    """Who takes 100 bytes a second gets what lies in the kernel's buffers, and no more."""
    size = 30_000_000
    make_draft(victim, name)
    assert victim.put(artifact_path(name, "big"), body=b"x" * size).status == 201
    with Wire(victim, receive_buffer=4096) as wire:
        wire.send(wire.head("GET", artifact_path(name, "big")))
        for _ in range(15 + 2 * SLOWNESS):
            time.sleep(1)
            assert wire.socket.recv(100)
        got = 0
        try:
            while piece := wire.socket.recv(1_000_000):
                got += len(piece)
        except ConnectionResetError:
            pass
        assert got < size / 2


def test_n14_a_steady_if_slow_upload_is_taken(victim, name):
    make_draft(victim, name)
    with Wire(victim) as wire:
        wire.send(wire.head("PUT", artifact_path(name, "u"), "Content-Length: 60000"))
        for _ in range(24):
            assert wire.send(b"x" * 2500)
            time.sleep(0.5)
        assert wire.answer().status == 201


# ---- 70, 71: descriptors and threads ------------------------------------------------------


def limit(server, role, what, value):
    words = [*server.owner, "prlimit", f"--pid={server.pid(role)}", f"--{what}={value}:"]
    subprocess.run(words, check=True, cwd="/")


def test_n70_a_service_without_descriptors_comes_back(start_hallmark, name):
    """Out of descriptors it refuses, says so, and serves again when there are some."""
    server = start_hallmark()
    make_draft(server, name)
    with Siege(server):
        kept = server.connect()
        assert server.get("/health", connection=kept).status == 200
        limit(server, "service", "nofile", 8)
        outside = [socket.create_connection((server.host, server.port)) for _ in range(5)]
        answer = server.put(artifact_path(name, "f"), body=b"x" * 1000, connection=kept)
        is_problem(answer, 503, "busy")
        assert server.get("/health", connection=kept).status == 200
        limit(server, "service", "nofile", 1024)
        assert server.put(artifact_path(name, "f"), body=b"x" * 1000, connection=kept).status == 201
        kept.close()  # libmicrohttpd tries again when a connection ends, at the latest an idle one
        assert server.get("/health", timeout=5 * SLOWNESS).status == 200
        for one in outside:
            one.close()


def cut_from_database(server):
    """Ends every connection of the service to the database; it does not hear why."""
    server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )


def test_n70_a_service_without_descriptors_connects_again_later(start_hallmark, name):
    """The database hangs up while no socket can be made: what needs it hears 503, and /ready says
    so; both end by themselves."""
    server = start_hallmark()
    make_draft(server, name)
    with Siege(server):
        kept = server.connect()
        assert server.get("/health", connection=kept).status == 200
        limit(server, "service", "nofile", 3)  # those are always taken
        cut_from_database(server)
        until = time.monotonic() + 10 * SLOWNESS
        while (answer := server.get(model_path(name), connection=kept)).status == 200:
            assert time.monotonic() < until, "it is still connected"
        is_problem(answer, 503)
        is_problem(server.put(model_path(name + "-2"), json={}, connection=kept), 503)
        until = time.monotonic() + 10 * SLOWNESS
        while server.get("/ready", connection=kept).status == 200:
            assert time.monotonic() < until, "it says that it is ready"
        assert server.get("/health", connection=kept).status == 200
        limit(server, "service", "nofile", 1024)
        until = time.monotonic() + 10 * SLOWNESS
        while (answer := server.get(model_path(name), connection=kept)).status == 503:
            assert time.monotonic() < until, "it does not come back"
        assert answer.status == 200
        kept.close()
        server.wait_ready()
        assert server.put(model_path(name + "-2"), json={}).status == 201


@pytest.mark.plain_only  # a sanitizer's runtime has to be loaded first
def test_n70_a_system_without_descriptors(start_hallmark, open_folder, name, monkeypatch):
    """ENFILE on accept, on opening a file to write and to read, on connecting to the database."""
    sign = open_folder / "none"
    monkeypatch.setenv("LD_PRELOAD", str(DESCRIPTORS))
    monkeypatch.setenv("NO_DESCRIPTORS", str(sign))
    server = start_hallmark()
    monkeypatch.delenv("LD_PRELOAD")
    make_draft(server, name)
    assert server.put(artifact_path(name, "there"), body=b"there").status == 201
    with Siege(server):
        kept = server.connect()
        assert server.get("/health", connection=kept).status == 200
        sign.touch()
        outside = [socket.create_connection((server.host, server.port)) for _ in range(5)]
        is_problem(server.put(artifact_path(name, "f"), body=b"x", connection=kept), 503, "busy")
        is_problem(server.get(artifact_path(name, "there"), connection=kept), 503, "busy")
        assert server.get(model_path(name), connection=kept).status == 200
        cut_from_database(server)
        until = time.monotonic() + 10
        while (answer := server.get(model_path(name), connection=kept)).status == 200:
            assert time.monotonic() < until, "it is still connected"
        is_problem(answer, 503)
        sign.unlink()
        kept.close()
        for one in outside:
            one.close()
        server.wait_ready()
        assert server.get(artifact_path(name, "there")).body == b"there"
        assert server.put(artifact_path(name, "f"), body=b"x").status == 201


def test_n71_threads_that_cannot_be_made_are_done_without(start_hallmark, name):
    """Sixteen uploads at once want sixteen threads; one does the work of all."""
    server = start_hallmark()
    make_draft(server, name)
    pid = server.pid("service")
    limit(server, "service", "nproc", 1)
    threads = len(os.listdir(f"/proc/{pid}/task"))
    bodies = [os.urandom(300_000) for _ in range(16)]

    def upload(n):
        return server.put(artifact_path(name, f"f{n}"), body=bodies[n]).status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(upload, range(16))) == {201}
    assert [server.get(artifact_path(name, f"f{n}")).body for n in range(16)] == bodies
    assert len(os.listdir(f"/proc/{pid}/task")) <= threads
    limit(server, "service", "nproc", "4096")
    with Siege(server):
        assert server.pid("service") == pid


@pytest.mark.skipif(FLAVOUR != "plain", reason="sanitizers want a stack of their own")
def test_n71_a_service_whose_loops_get_no_thread_is_started_again(start_hallmark):
    """A stack of 100 TiB is one that no thread gets."""
    server = start_hallmark()
    limit(server, "supervisor", "stack", 100 * 2**40)
    server.kill("service")
    until = time.monotonic() + 10
    while not [line for line in server.logs if "thread" in line.get("why", "")]:
        assert time.monotonic() < until, server.log_tail()
        time.sleep(0.02)
    limit(server, "supervisor", "stack", 8 * 2**20)
    server.wait_ready()
    with Siege(server):
        pass


# ---- 72: the end in the middle of things ---------------------------------------------------


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_n72_an_upload_is_whole_or_not_there(start_hallmark, name, with_signal):
    """SIGTERM to hallmarkd waits for what was begun; SIGKILL to the service drops it."""
    server = start_hallmark()
    make_draft(server, name)
    size = 2_000_000
    with Wire(server, patience=20 * SLOWNESS) as wire:
        wire.send(wire.head("PUT", artifact_path(name, "f"), f"Content-Length: {size}"), b"x" * (size // 2))
        if with_signal == signal.SIGTERM:
            ended = threading.Thread(target=server.stop)
            ended.start()
            refuses_newcomers(server)
            wire.send(b"x" * (size - size // 2))
            assert wire.answer().status == 201
            ended.join()
            server.start()
        else:
            server.kill("service")
            assert wire.closed()
            server.wait_pid("service")
            server.wait_ready()
    got = server.get(artifact_path(name, "f"))
    assert got.status == (200 if with_signal == signal.SIGTERM else 404), got
    assert got.status == 404 or len(got.body) == size
    assert not [file for file in (server.state / "artifacts").rglob("*") if "tmp" in file.name]
    with Siege(server):
        pass


def refuses_newcomers(server):
    """Wait until the listener is closed: the drain has begun."""
    until = time.monotonic() + 10 * SLOWNESS
    while True:
        try:
            socket.create_connection((server.host, server.port), 1).close()
        except OSError:
            return
        assert time.monotonic() < until, "it still listens"
        time.sleep(0.01)


class Lock:
    """A row that somebody else holds, until free()."""

    def __init__(self, server, query):
        self.psql = subprocess.Popen(
            [*server.owner, PSQL, "-qXAt", "-d", server.conninfo, "-f", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
        )
        self.say(f"BEGIN; {query} FOR UPDATE;")
        assert self.psql.stdout.readline().strip()

    def say(self, words):
        self.psql.stdin.write(words + "\n")
        self.psql.stdin.flush()

    def free(self):
        self.psql.communicate("COMMIT;\n", timeout=60)


def waits_for_lock(server):
    until = time.monotonic() + 10 * SLOWNESS
    while not server.sql("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
        assert time.monotonic() < until, "nobody waits"
        time.sleep(0.01)


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_n72_a_publish_is_whole_or_did_not_happen(start_hallmark, name, with_signal):
    """While it waits for the version's row: SIGTERM to hallmarkd lets it end, SIGKILL to the
    service leaves it to the database. Either way state, manifest and event agree."""
    server = start_hallmark()
    made = make_draft(server, name).json["id"]
    assert server.put(artifact_path(name, "f"), body=b"x").status == 201
    lock = Lock(server, f"SELECT id FROM version WHERE id = '{made}'")
    body = b"{}"
    fields = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    with Wire(server, patience=20 * SLOWNESS) as wire:
        wire.send(wire.head("POST", f"{version_path(name)}/publish", *fields) + body)
        waits_for_lock(server)
        if with_signal == signal.SIGTERM:
            ended = threading.Thread(target=server.stop)
            ended.start()
            refuses_newcomers(server)
            lock.free()
            assert wire.answer().status == 200
            ended.join()
            server.start()
        else:
            server.kill("service")
            assert wire.closed()
            lock.free()
            server.wait_pid("service")
            server.wait_ready()
    version = server.get(version_path(name)).json
    events = server.sql("SELECT 1 FROM event WHERE kind = 'version.published'")
    published = version["state"] == "published"
    assert published or with_signal == signal.SIGKILL
    assert len(events) == published
    assert server.get(f"{version_path(name)}/attestation").status == (200 if published else 404)
    again = server.post(f"{version_path(name)}/publish", json={})
    assert again.status in ((200, 409) if published else (200,)), again
    assert server.get(version_path(name)).json["state"] == "published"
    with Siege(server):
        pass


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_n72_a_migration_that_is_ended_is_done_by_the_next(start_hallmark, postgres, with_signal):
    server = start_hallmark(database=postgres.create_database(), begin=False)
    for delay in (0.02, 0.05, 0.1, 0.2):
        migration = subprocess.Popen(
            [HALLMARKD, "migrate"],
            env=server.environment,
            cwd=server.folder,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(delay * SLOWNESS)
        processes.kill(migration.pid, with_signal)
        migration.wait(30 * SLOWNESS)
    server.command("migrate")
    server.start()
    assert server.is_ready()
    numbers = server.sql("SELECT number FROM schema_migration ORDER BY number")
    assert [row["number"] for row in numbers] == list(range(1, len(MIGRATIONS) + 1))


# ---- 76: settings -------------------------------------------------------------------------


def tried(file, **variables):
    """`hallmarkd serve` that has to end by itself; its status and what it says."""
    done = subprocess.run(
        [HALLMARKD, "serve"],
        env=environment(HALLMARK_STATE=str(file), **variables),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=30 * SLOWNESS,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"HALLMARK_LISTNE": "x"}, "did you mean HALLMARK_LISTEN?"),
        ({"HALLMARK_DATABASE_URL": "x"}, "did you mean DATABASE_URL?"),
        ({"HALLMARK_LOOPS": "900"}, "HALLMARK_LOOPS: 900 is out of range, want 0 to 64"),
        ({"HALLMARK_LOOPS": "99999999999999999999"}, "HALLMARK_LOOPS"),
        ({"HALLMARK_MAX_BODY": "4 elephants"}, "HALLMARK_MAX_BODY"),
        ({"HALLMARK_CONFIG": "/nonexistent"}, "/nonexistent cannot be read"),
        ({"HALLMARK_CONFIG": "/dev/null/x"}, "/dev/null/x cannot be read"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_n76_a_wrong_setting_is_an_error(tmp_path, variables, says):
    status, said = tried(tmp_path / "state", **variables)
    assert status == 2, said
    assert says in said
    assert not (tmp_path / "state").exists(), "nothing was begun"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no_such_setting = 1\n", "no_such_setting"),
        ("loops = 1\nloops = 2\n", "loops"),
        ("loops\n", ":1"),
        ("= 1\n", ":1"),
        ("loops = 1\0\n", ":1"),
        ("x" * 100_000 + "\n", ":1"),
        ("\xff\xfe\n", ":1"),
    ],
    ids=["unknown", "twice", "no value", "no name", "NUL", "endless", "no text"],
)
def test_n76_a_file_of_settings_that_is_none(tmp_path, text, says):
    file = tmp_path / "hallmark.conf"
    file.write_bytes(text.encode("latin-1"))
    status, said = tried(tmp_path / "state", HALLMARK_CONFIG=str(file))
    assert status == 2, said
    assert says in said, said
    assert not (tmp_path / "state").exists(), "nothing was begun"


def test_n76_a_secret_that_is_none_is_refused(start_hallmark):
    server = start_hallmark()
    server.stop()
    file = server.state / "secret"
    secret = file.read_bytes()
    for spoilt, mode in ((secret, 0o644), (b"", 0o600), (secret[:7], 0o600)):
        file.write_bytes(spoilt)
        file.chmod(mode)
        server.start(wait=False)
        assert server.process.wait(30 * SLOWNESS) == 1, server.log_tail()
        assert "secret" in [line["why"] for line in server.logs if line["msg"] == "cannot_start"][-1]
    file.write_bytes(secret)
    server.start()
    assert server.get("/api/v1/projects").status == 200
    with Siege(server):
        pass
