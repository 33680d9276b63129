"""When the power goes, nothing that was acknowledged is lost, whatever the disk has kept of what was
not safe: everything is killed, the folder becomes what such a disk would hold, all starts again."""

import errno
import hashlib
import os
import random
import time

import pytest
from support import processes
from support.disk import ALWAYS, SWALLOW, WatchedHallmark
from support.model import Model, good, refused
from support.paths import SLOWNESS
from support.power import Power
from support.writers import Writer, check_everything

pytestmark = pytest.mark.plain_only

SECONDS = float(os.environ.get("DISK_SECONDS", "0.7"))
CUTS = int(os.environ.get("DISK_CUTS", "2"))
SEED = int(os.environ.get("DISK_SEED", "1"))
WRITERS = 4


class Uploader(Writer):
    """Also uploads past the page cache, in chunks, over another, and of bytes that others have."""

    def one_artifact(self, at, path):
        size = self.random.choice([0, 10, 5000, 300_000, 700_000, 9_000_000])
        body = self.random.randbytes(size) if self.random.random() < 0.8 else b"the same" * 40_000
        whole = self.random.random() < 0.6
        sent = body if whole else (body[n : n + 90_000] for n in range(0, len(body), 90_000))
        headers = {}
        if self.random.random() < 0.3 and (known := [p for p in self.artifacts if p.startswith(at)]):
            path, headers = known[0].rpartition("/")[2], {"If-Match": "*"}
        put = self.ask("PUT", f"{at}/artifacts/{path}", body=sent, headers=headers)
        if put and put.status in (200, 201):
            self.artifacts[f"{at}/artifacts/{path}"] = hashlib.sha256(body).hexdigest()
        elif headers:  # old or new: nobody was told
            self.artifacts.pop(f"{at}/artifacts/{path}", None)


def begin_writing(server, first):
    writers = [Uploader(server, first + number) for number in range(WRITERS)]
    for one in writers:
        one.start()
    return writers


def end_writing(writers, failing=False):
    for one in writers:
        one.stopped.set()
    for one in writers:
        one.join(60)
        assert not one.is_alive()
        assert failing or not one.strange, one.strange[:3]


def kill_everything(server):
    """The service first: what it was about to tell nobody has heard. The database ends with the
    supervisor, in order: what its own disk keeps is its own matter."""
    tree = [server.process.pid, *processes.descendants(server.process.pid)]
    for role in ("service", "supervisor"):
        processes.kill(server.pid(role))
    server.process.wait(10)
    assert not processes.wait_gone(tree, 20)


def damaged(server):
    """The storage keys that rows name and whose bytes are not what was uploaded."""
    found = set()
    for row in server.sql(
        "SELECT storage_key, encode(sha256, 'hex') AS sha256 FROM blob WHERE state = 'live'"
    ):
        key = row["storage_key"]
        file = server.store / "blobs" / key[:2] / key[2:4] / key
        if not file.exists() or hashlib.sha256(file.read_bytes()).hexdigest() != row["sha256"]:
            found.add(key)
    return found


def check_all(server, writers):
    assert not damaged(server)  # also of what nobody was told
    check_everything(server, writers)
    until = time.monotonic() + 5
    while server.unfinished() and time.monotonic() < until:
        time.sleep(0.02)
    assert not server.unfinished()


@pytest.fixture(scope="module")
def watched():
    """One for all: what a cut has spared is checked again after the next."""
    server = WatchedHallmark(fresh=True)  # a copied folder would never have been synced
    try:
        yield server
    finally:
        server.disk.calm()
        server.close()


@pytest.fixture(scope="module")
def power(watched):
    found = Power(watched.disk)
    watched.start()
    return found


def cut_and_start(server, power, seed=None):
    kill_everything(server)
    server.disk.calm()
    lost = power.cut(seed)
    server.start()
    return lost


def check_state(server):
    """The token is good, the secret knows it, and the key signs."""
    return Model(server, f"state-{os.urandom(4).hex()}").make().published("1.0.0")["key_id"]


def test_keys_secret_and_token_outlive_a_cut_right_after_they_were_made(watched, power):
    """A key that is lost when it has signed is a registry that is lost."""
    first = check_state(watched)
    added = watched.command("keys", "add").stdout.strip()
    until = time.monotonic() + 10 * SLOWNESS
    while (signs := check_state(watched)) == first and time.monotonic() < until:
        time.sleep(0.05)
    assert signs == added
    cut_and_start(watched, power)
    assert check_state(watched) == added
    assert {file.stem for file in (watched.state / "keys").iterdir()} == {first, added}


def write(server, number):
    writers = begin_writing(server, number)
    time.sleep(SECONDS)
    until = time.monotonic() + 20
    while min(len(one.artifacts) for one in writers) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    return writers


def stop_and_cut(server, power, writers, seed=None, failing=False):
    """The writers still write when all is killed."""
    lost = cut_and_start(server, power, seed)
    end_writing(writers, failing)
    return lost


def test_nothing_acknowledged_is_lost(watched, power):
    """Once with the worst disk, then with some of what it might have kept."""
    writers, lost = [], 0
    for turn in range(CUTS):
        new = write(watched, turn * WRITERS)
        lost += bool(stop_and_cut(watched, power, new, SEED * 1000 + turn if turn else None))
        writers += new
        check_all(watched, writers)
    assert lost, "no upload was under way in any of the cuts"


def test_a_failed_fsync_is_final(watched, power):
    """A disk whose fsyncs fail now and then has lost for good what they were to make safe, also
    for those who share a folder: nobody was told that it is stored."""
    chance = random.Random(SEED)
    writers = begin_writing(watched, 1000)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        watched.disk.calm()
        for call, part in (("fsync", "/incoming/"), ("fsyncdir", "/blobs")):
            times = {"nth": chance.randint(1, 4), "times": chance.randint(1, 3)}
            watched.disk.fail(call, errno.EIO, part=part, **times)
        time.sleep(0.03)
    watched.disk.calm()
    assert stop_and_cut(watched, power, writers, failing=True)
    assert any(answer.status == 500 for one in writers for _, _, answer in one.strange)
    check_all(watched, writers)


def test_what_is_uploaded_again_after_a_failed_fsync_of_a_folder_is_safe(watched, power):
    """The second upload finds the folders of the first there, and their fsync says that all is
    well: it must have made them anew."""
    model, bodies = Model(watched, "again").make(), {}
    model.draft("1.0.0")
    for nth in (1, 2, 3):  # of blobs/ab, blobs, blobs/ab/cd
        bodies[nth] = os.urandom(1000)
        watched.disk.fail("fsyncdir", errno.EIO, nth=nth, part="/blobs")
        refused(model.put("1.0.0", f"{nth}", bodies[nth]), 500)
        watched.disk.calm()
        good(model.put("1.0.0", f"{nth}", bodies[nth]), 201)
    assert cut_and_start(watched, power)
    for nth, body in bodies.items():
        assert good(watched.get(model.file("1.0.0", f"{nth}")), 200).body == body


@pytest.mark.parametrize("swallowed", ["fsyncdir", "fsync"])
def test_an_fsync_that_does_nothing_is_found_out(watched, power, swallowed):
    """So the checks above can fail: without one of the two fsyncs they do."""
    before = damaged(watched)
    watched.disk.fail(swallowed, SWALLOW, times=ALWAYS, part="/artifacts/")
    writers = write(watched, 2000 if swallowed == "fsync" else 3000)
    assert stop_and_cut(watched, power, writers)
    assert sum(len(one.artifacts) for one in writers) > 0
    assert damaged(watched) > before
    with pytest.raises(AssertionError):
        check_everything(watched, writers)
