"""Nothing that was acknowledged is lost, whatever is killed while writers write."""

import base64
import hashlib
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from support import processes
from support.paths import FLAVOUR, SLOWNESS

MODELS = "/api/v1/projects/default/models"
AS_ROOT = os.geteuid() == 0


class Writer(threading.Thread):
    """Creates versions and puts artifacts, and keeps its own record of what was acknowledged."""

    def __init__(self, server, number):
        super().__init__(daemon=True)
        self.server, self.model = server, f"{MODELS}/load-{number}"
        self.random = random.Random(number)
        self.versions, self.artifacts, self.published = {}, {}, set()
        self.strange = []
        self.stopped = threading.Event()

    def ask(self, method, path, **kw):
        """The answer, or None when the service or its database was away."""
        try:
            answer = self.server.request(method, path, timeout=30, **kw)
        except (OSError, EOFError):
            return None
        except Exception:  # http.client's own: the connection ended within an answer
            return None
        if answer.status >= 500 and answer.status != 503:
            self.strange.append((method, path, answer))
        return answer if answer.status < 500 else None

    def run(self):
        while not self.stopped.is_set() and not self.ask("PUT", self.model, json={}):
            time.sleep(0.05)
        while not self.stopped.is_set():
            if not self.one_version():
                time.sleep(0.02)

    def one_version(self):
        made = self.ask("POST", f"{self.model}/versions", json={"bump": "patch"})
        if not made or made.status != 201:
            return False
        version = made.json
        self.versions[version["version"]] = version["ordinal"]
        at = f"{self.model}/versions/{version['version']}"
        for n in range(2):
            self.one_artifact(at, f"file-{n}.bin")
        done = self.ask("POST", f"{at}/publish", json={})
        if done and done.status == 200:
            self.published.add(version["version"])
        return True

    def one_artifact(self, at, path):
        body = self.random.randbytes(self.random.choice([10, 5000, 300_000, 2_000_000]))
        put = self.ask("PUT", f"{at}/artifacts/{path}", body=body)
        if put and put.status in (200, 201):
            digest = hashlib.sha256(body).hexdigest()
            assert put.json["sha256"] == digest
            self.artifacts[f"{at}/artifacts/{path}"] = digest


@pytest.fixture
def writers(start_hallmark):
    server = start_hallmark()
    found = [Writer(server, number) for number in range(6)]
    for one in found:
        one.start()
    yield found
    for one in found:
        one.stopped.set()


def finish(writers):
    for one in writers:
        one.stopped.set()
    for one in writers:
        one.join(60)
        assert not one.is_alive()
        assert not one.strange, one.strange[:3]


def ordinals_of(server, model):
    rows = server.sql(
        "SELECT v.ordinal FROM version v JOIN model m ON m.id = v.model_id "
        f"WHERE m.name = '{model.rpartition('/')[2]}' ORDER BY v.ordinal"
    )
    return [int(row["ordinal"]) for row in rows]


def check_everything(server, writers):
    """Every acknowledged write is there, whole; ordinals have no gaps; events are dense."""
    seen = 0
    for one in writers:
        for version, ordinal in one.versions.items():
            answer = server.get(f"{one.model}/versions/{version}")
            assert answer.status == 200, (version, answer)
            assert answer.json["ordinal"] == ordinal
            if version in one.published:
                assert answer.json["state"] == "published"
        for path, digest in one.artifacts.items():
            answer = server.get(path)
            assert answer.status == 200, (path, answer)
            assert hashlib.sha256(answer.body).hexdigest() == digest
            seen += 1
        ordinals = ordinals_of(server, one.model)
        assert ordinals == list(range(1, len(ordinals) + 1))
    assert seen > 0
    wait_for_order(server)
    return seen


def wait_for_order(server):
    until = time.monotonic() + 10 * SLOWNESS
    while time.monotonic() < until:
        row = server.sql(
            "SELECT (SELECT count(*) FROM event_queue) AS waiting, count(*) AS n, "
            "coalesce(min(position), 1) AS first, coalesce(max(position), 0) AS last FROM event_order"
        )[0]
        if int(row["waiting"]) == 0:
            break
        time.sleep(0.05)
    assert int(row["waiting"]) == 0
    assert (int(row["first"]), int(row["last"])) == (1, int(row["n"]))
    counts = server.sql(
        "SELECT (SELECT count(*) FROM event) AS events, (SELECT count(*) FROM event_order) AS placed, "
        "(SELECT count(*) FROM version) AS versions, "
        "(SELECT count(*) FROM event WHERE kind = 'version.created') AS created"
    )[0]
    assert counts["events"] == counts["placed"]
    assert counts["versions"] == counts["created"]


def leftovers(server):
    return [p for p in (server.state / "artifacts/incoming").rglob("*") if p.is_file() and p.stat().st_size]


@pytest.mark.parametrize("role", ["service", "postgres", "signer"])
def test_a_killed_process_loses_nothing(writers, role):
    server = writers[0].server
    for _ in range(3):
        time.sleep(random.uniform(0.4, 1.2) * min(SLOWNESS, 4))
        server.kill(role)
        server.wait_ready()
    time.sleep(0.5)
    finish(writers)
    server.wait_ready()
    check_everything(server, writers)


def test_a_killed_supervisor_loses_nothing_and_leftovers_are_swept(writers):
    server = writers[0].server
    for _ in range(2):
        time.sleep(random.uniform(0.5, 1.0))
        server.kill("supervisor")
        server.start()
    time.sleep(0.5)
    finish(writers)
    server.restart()
    check_everything(server, writers)
    until = time.monotonic() + 5
    while leftovers(server) and time.monotonic() < until:
        time.sleep(0.1)
    assert leftovers(server) == []


def test_a_backend_that_dies_in_a_commit_loses_nothing(writers):
    server = writers[0].server
    for _ in range(6):
        time.sleep(random.uniform(0.1, 0.5))
        pids = server.sql(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'hallmark' "
            "AND pid <> pg_backend_pid() AND state = 'active' LIMIT 2"
        )
        for row in pids:
            server.sql(f"SELECT pg_terminate_backend({row['pid']})")
    finish(writers)
    check_everything(server, writers)


def test_stopping_under_load_loses_nothing_and_answers_what_it_took(writers):
    server = writers[0].server
    time.sleep(1.0)
    assert server.stop() == 0
    for one in writers:
        one.stopped.set()
    assert "drain_cut" not in [line["msg"] for line in server.logs]
    server.start()
    finish(writers)
    check_everything(server, writers)


def test_drain_delay_still_serves_while_ready_says_no(start_hallmark):
    server = start_hallmark(drain_delay="2s")
    processes.kill(server.pid(), signal.SIGTERM)
    until = time.monotonic() + 5
    while server.is_ready() and time.monotonic() < until:
        time.sleep(0.02)
    assert server.anonymous.get("/ready").status == 503
    assert server.anonymous.get("/livez").status == 200
    assert server.get("/api/v1/projects").status == 200
    assert server.process.wait(20 * SLOWNESS) == 0


def test_while_the_database_is_away_requests_are_told_and_then_served_again(start_hallmark):
    server = start_hallmark()
    assert server.put(f"{MODELS}/m", json={}).status == 201
    postmaster = server.pid("postgres")
    processes.kill(postmaster, signal.SIGSTOP)
    try:
        answer = server.put(f"{MODELS}/m2", json={}, timeout=30)
        assert answer.status == 201 or answer.status == 503
    finally:
        processes.kill(postmaster, signal.SIGCONT)
    server.kill("postgres")
    statuses = set()
    until = time.monotonic() + 20 * SLOWNESS
    while time.monotonic() < until:
        answer = server.get(f"{MODELS}/m")
        statuses.add(answer.status)
        if answer.status == 503:
            assert answer.headers["retry-after"]
            assert answer.json["type"] in ("/problems/unavailable", "/problems/busy")
        assert server.anonymous.get("/livez").status == 200
        if answer.status == 200 and server.is_ready():
            break
        time.sleep(0.05)
    assert answer.status == 200
    assert statuses <= {200, 503}


# ---- the key, the memory ------------------------------------------------------------------


def seeds(server):
    """The secret seed of every signing key, out of minisign's secret key files."""
    for file in (server.state / "keys").glob("*.key"):
        yield base64.b64decode(file.read_text().splitlines()[1])[62:94]


def memory_holds(pid, needle):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, access = line.split()[:2]
            if "r" not in access or "[v" in line:
                continue
            start, end = (int(word, 16) for word in span.split("-"))
            try:
                mem.seek(start)
                if needle in mem.read(end - start):
                    return True
            except OSError:
                continue
    return False


@pytest.mark.skipif(not AS_ROOT or FLAVOUR != "plain", reason="reads other processes' memory")
def test_no_process_but_the_signer_has_the_key(start_hallmark):
    server = start_hallmark()
    server.put(f"{MODELS}/k", json={})
    server.post(f"{MODELS}/k/versions", json={"version": "1.0.0"})
    assert server.put(f"{MODELS}/k/versions/1.0.0/artifacts/a", body=b"x").status == 201
    (seed,) = seeds(server)
    assert memory_holds(server.pid("signer"), seed)
    assert not memory_holds(server.pid("service"), seed)
    assert not memory_holds(server.pid("supervisor"), seed)


@pytest.mark.skipif(not AS_ROOT, reason="looks at another user's process")
def test_the_service_and_the_signer_leave_no_core(start_hallmark):
    server = start_hallmark()
    for role in ("service", "signer"):
        limits = Path(f"/proc/{server.pid(role)}/limits").read_text()
        (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert core.split()[4:6] == ["0", "0"], role


@pytest.mark.skipif(FLAVOUR != "plain", reason="sanitizers keep memory")
def test_memory_comes_back_after_uploads(start_hallmark):
    server = start_hallmark()
    server.put(f"{MODELS}/big", json={})
    server.post(f"{MODELS}/big/versions", json={"version": "1.0.0"})

    def upload(n):
        body = os.urandom(3_000_000)
        assert server.put(f"{MODELS}/big/versions/1.0.0/artifacts/f{n}", body=body).status == 201

    for n in range(20):
        upload(n)
    before = processes.resident(server.pid("service"))
    for n in range(20, 100):
        upload(n)
    after = processes.resident(server.pid("service"))
    assert after < before + 6 * 1024 * 1024, (before, after)


# ---- a full disk --------------------------------------------------------------------------


@pytest.fixture
def small_disk(open_folder):
    if not AS_ROOT:
        pytest.skip("mounting wants root")
    folder = open_folder / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=1777", "tmpfs", str(folder)], check=False
    )
    if mounted.returncode:
        pytest.skip("no tmpfs to be had here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_and_survived(start_hallmark, small_disk):
    server = start_hallmark(begin=False)
    server.start("--storage-path", str(small_disk / "store"))
    server.put(f"{MODELS}/full", json={})
    server.post(f"{MODELS}/full/versions", json={"version": "1.0.0"})
    at = f"{MODELS}/full/versions/1.0.0/artifacts"
    big = os.urandom(12_000_000)
    assert server.put(f"{at}/big", body=big).status == 507
    halves = (big[i : i + 100_000] for i in range(0, len(big), 100_000))
    assert server.put(f"{at}/big", body=halves).status == 507
    small = os.urandom(1_000_000)
    assert server.put(f"{at}/small", body=small).status == 201
    assert server.get(f"{at}/small").body == small
    assert server.get(f"{at}/big").status == 404
    assert shutil.disk_usage(small_disk).used < 3_000_000
    server.stop()


# ---- more than one ------------------------------------------------------------------------


def test_two_replicas_on_one_database_and_one_store(start_hallmark, postgres, name):
    one = start_hallmark(database=postgres.create_database(), begin=False)
    one.command("migrate")
    one.start()
    two = start_hallmark(
        database=one.database, keys=one.state / "keys", secret_file=one.state / "secret", begin=False
    )
    two.start("--storage-path", str(one.state / "artifacts"))
    two.token = one.token
    assert one.put(f"{MODELS}/{name}", json={}).status == 201
    assert two.post(f"{MODELS}/{name}/versions", json={"version": "1.0.0"}).status == 201
    assert one.put(f"{MODELS}/{name}/versions/1.0.0/artifacts/f", body=b"bytes").status == 201
    assert two.post(f"{MODELS}/{name}/versions/1.0.0/publish", json={}).status == 200
    assert two.get(f"{MODELS}/{name}/versions/^1/artifacts/f").body == b"bytes"
    page = one.get("/api/v1/projects/default/events?page_size=1").json["next_page_token"]
    assert two.get(f"/api/v1/projects/default/events?page_size=1&page_token={page}").status == 200
    assert [s.stop() for s in (two, one)] == [0, 0]


def test_a_new_key_signs_once_both_replicas_hold_it(start_hallmark, postgres, name):
    one = start_hallmark(database=postgres.create_database(), begin=False)
    one.command("migrate")
    one.start()
    two = start_hallmark(database=one.database, secret_file=one.state / "secret", begin=False)
    shutil.copytree(one.state / "keys", two.folder / "keys")
    if AS_ROOT:
        for path in [two.folder / "keys", *(two.folder / "keys").iterdir()]:
            shutil.chown(path, "hallmark", "hallmark")
    two.settings["keys"] = two.folder / "keys"
    two.start("--storage-path", str(one.state / "artifacts"))
    old = active_key(one)
    one.command("keys", "add")
    time.sleep(7 * min(SLOWNESS, 2))
    assert active_key(one) == old, "two does not hold it"
    for file in (one.state / "keys").glob("*.key"):
        copy = two.folder / "keys" / file.name
        if not copy.exists():
            shutil.copy(file, copy)
            if AS_ROOT:
                shutil.chown(copy, "hallmark", "hallmark")
    processes.kill(two.pid(), signal.SIGHUP)
    until = time.monotonic() + 20 * SLOWNESS
    while active_key(one) == old and time.monotonic() < until:
        time.sleep(0.1)
    new = active_key(one)
    assert new != old
    two.token = one.token
    one.put(f"{MODELS}/{name}", json={})
    one.post(f"{MODELS}/{name}/versions", json={"version": "1.0.0"})
    for server, path in ((one, "a"), (two, "b")):
        put = server.put(f"{MODELS}/{name}/versions/1.0.0/artifacts/{path}", body=b"x")
        assert (put.status, put.json["key_id"]) == (201, new)
    assert [s.stop() for s in (two, one)] == [0, 0]


def active_key(server):
    keys = server.anonymous.get("/api/v1/keys").json["items"]
    (active,) = [key["id"] for key in keys if key["state"] == "active"]
    return active
