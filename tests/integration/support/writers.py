"""Writers that keep their own record of what was acknowledged, and what must hold of it."""

import base64
import hashlib
import json
import random
import threading
import time
from pathlib import Path

from .model import MODELS
from .paths import SLOWNESS


class Writer(threading.Thread):
    """Creates versions, puts artifacts and publishes. What was answered stands in `versions`,
    `artifacts` and `published`; what was asked for and not answered, in `unsure`: such a thing
    is wholly there or not at all. An answer that no client should get is `strange`. Between two
    versions it rests for `pause` seconds."""

    def __init__(self, server, number, name="load", sizes=(10, 5000, 300_000, 2_000_000), pause=0):
        super().__init__(daemon=True)
        self.server, self.model = server, f"{MODELS}/{name}-{number}"
        self.random, self.sizes, self.pause = random.Random(number), sizes, pause
        self.versions, self.artifacts, self.published = {}, {}, set()
        self.unsure = {}
        self.strange, self.statuses = [], {}
        self.stopped = threading.Event()

    def ask(self, method, path, **kw):
        """The answer, or None when the service or its database was away."""
        try:
            answer = self.server.request(method, path, timeout=30, **kw)
        except (OSError, EOFError):
            return None
        except Exception:  # http.client's own: the connection ended within an answer
            return None
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        if answer.status >= 500 and answer.status != 503:
            self.strange.append((method, path, answer))
        return answer if answer.status < 500 else None

    def run(self):
        while not self.stopped.is_set() and not self.ask("PUT", self.model, json={}):
            time.sleep(0.05)
        while not self.stopped.is_set():
            if not self.one_version() or self.pause:
                time.sleep(self.pause or 0.02)

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
        body = self.random.randbytes(self.random.choice(self.sizes))
        digest = hashlib.sha256(body).hexdigest()
        put = self.ask("PUT", f"{at}/artifacts/{path}", body=body)
        if put and put.status in (200, 201):
            assert put.json["sha256"] == digest
            self.artifacts[f"{at}/artifacts/{path}"] = digest
        elif not put:
            self.unsure[f"{at}/artifacts/{path}"] = digest


def begin(server, count=6, **kw):
    writers = [Writer(server, number, **kw) for number in range(count)]
    for one in writers:
        one.start()
    return writers


def finish(writers):
    for one in writers:
        one.stopped.set()
    for one in writers:
        one.join(60)
        assert not one.is_alive()
        assert not one.strange, one.strange[:3]


def check_everything(server, writers):
    """Every acknowledged write is there, whole, over HTTP; and see check_stored()."""
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
        for path, digest in one.unsure.items():
            answer = server.get(path)
            assert answer.status in (200, 404), (path, answer)
            assert answer.status == 404 or hashlib.sha256(answer.body).hexdigest() == digest
    assert seen > 0
    check_stored(server)
    return seen


def check_acknowledged(server, writers):
    """The same as the database has it, for records that are too long to ask for one by one. The
    writers may be at work."""
    records = [
        (
            one.model.rpartition("/")[2],
            list(one.versions.items()),
            list(one.published),
            list(one.artifacts.items()),
            list(one.unsure.items()),
        )
        for one in writers
    ]
    files = server.sql(
        "SELECT json_object_agg(m.name || '@' || v.semver || ':' || a.path, encode(b.sha256, 'hex')) AS all "
        "FROM artifact a JOIN blob b ON b.id = a.blob_id JOIN version v ON v.id = a.version_id "
        "JOIN model m ON m.id = v.model_id WHERE b.state = 'live'"
    )[0]["all"]
    versions = server.sql(
        "SELECT json_object_agg(m.name || '@' || v.semver, json_build_array(v.ordinal, v.state)) AS all "
        "FROM version v JOIN model m ON m.id = v.model_id"
    )[0]["all"]
    for name, made, published, kept, unsure in records:
        for version, ordinal in made:
            assert versions[f"{name}@{version}"][0] == ordinal
        for version in published:
            assert versions[f"{name}@{version}"][1] == "published"
        for path, digest in kept:
            assert files.get(file_of(name, path)) == digest, path
        for path, digest in unsure:
            assert files.get(file_of(name, path)) in (digest, None), path


def file_of(model, path):
    """How check_acknowledged() names a file."""
    version, _, file = path.rpartition("/versions/")[2].partition("/artifacts/")
    return f"{model}@{version}:{file}"


def check_stored(server):
    """What is stored is whole, whoever wrote it: versions and their events, ordinals, the order of
    events, blobs and their bytes, what was published and its attestation."""
    wait_for_order(server)
    wrong = server.sql(
        "SELECT v.id FROM version v EXCEPT "
        "SELECT (e.body::json #>> '{after,id}')::uuid FROM event e WHERE e.kind = 'version.created'"
    )
    assert not wrong, f"versions without their event: {wrong}"
    wrong = server.sql(
        "SELECT model_id, max(ordinal), count(*) FROM version GROUP BY 1 HAVING max(ordinal) <> count(*)"
    )
    assert not wrong, f"ordinals have gaps: {wrong}"
    check_blobs(server)
    check_published(server)


def check_blobs(server):
    for row in server.sql("SELECT storage_key AS key, encode(sha256, 'hex') AS sha256 FROM blob"):
        with blob_path(server, row["key"]).open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == row["sha256"], row


def check_published(server):
    """Each has an attestation of exactly the files it has."""
    rows = server.sql(
        "SELECT v.id, a.envelope, (SELECT json_object_agg(f.path, encode(b.sha256, 'hex')) "
        "FROM artifact f JOIN blob b ON b.id = f.blob_id WHERE f.version_id = v.id) AS files "
        "FROM version v LEFT JOIN attestation a ON a.version_id = v.id WHERE v.state = 'published'"
    )
    for row in rows:
        statement = json.loads(base64.b64decode(json.loads(row["envelope"])["payload"]))
        signed = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
        assert signed == row["files"], row["id"]


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


# ---- bytes ---------------------------------------------------------------------------


def store(server):
    """The folder of its store: its own, or the one that its settings name."""
    return Path(server.settings.get("storage_path", server.state / "artifacts"))


def blob_path(server, key):
    return store(server) / "blobs" / key[:2] / key[2:4] / key


def leftovers(server):
    """Uploads on their way, of which nobody will ever hear again when none is."""
    return [p for p in (store(server) / "incoming").rglob("*") if p.is_file() and p.stat().st_size]


def wait_swept(server, seconds=5):
    until = time.monotonic() + seconds
    while leftovers(server) and time.monotonic() < until:
        time.sleep(0.02)
    assert leftovers(server) == []


def orphans(server):
    """Keys of stored bytes that no row names."""
    kept = {row["storage_key"] for row in server.sql("SELECT storage_key FROM blob")}
    return {p.name for p in (store(server) / "blobs").glob("*/*/*")} - kept
