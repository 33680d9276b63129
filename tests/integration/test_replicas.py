"""Several services on one database and one store."""

import shutil
import signal
import time

from support import processes
from support.model import MODELS
from support.paths import SLOWNESS
from support.server import AS_ROOT


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
