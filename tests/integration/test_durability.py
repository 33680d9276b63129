"""Nothing that was acknowledged is lost, whatever is killed while writers write."""

import hashlib
import random
import threading
import time

import pytest
from support.model import MODELS
from support.paths import SLOWNESS


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
