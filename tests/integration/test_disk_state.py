"""`hallmarkd migrate` makes the state folder, the secret, the first key and the admin's token. It is
cut short at any of its calls; then it is run again, the power goes, and what the registry stands on
is there: a key that has signed and is lost is a registry that is lost."""

import errno
import os

import pytest
from support import processes
from support.disk import ALWAYS, KILL, SWALLOW, WatchedHallmark
from support.model import Model
from support.power import Power

pytestmark = pytest.mark.plain_only

# 1: at each call; by default at some, at others with another DISK_SEED.
STRIDE = int(os.environ.get("DISK_STRIDE", "15"))
SEED = int(os.environ.get("DISK_SEED", "1"))

STEPS = ("mkdir", "create", "write", "fsync", "close", "link", "unlink", "rename", "fsyncdir")
PLACES = [(call, nth) for call in STEPS for nth in range(1, 4 if call != "fsyncdir" else 9)]


@pytest.fixture
def watched(postgres):
    server = WatchedHallmark(database=postgres.create_database())
    yield server
    server.disk.calm()
    server.close()


def end(server):
    tree = [server.process.pid, *processes.descendants(server.process.pid)]
    for pid in tree:
        processes.kill(pid)
    server.process.wait(10)
    assert not processes.wait_gone(tree, 20)


def cut_short(server, call, effect, nth=1, part=""):
    """A first `migrate` that ends before its time; false when it makes no such call."""
    fault = server.disk.fail(call, effect, nth=nth, role="migrate", part=part)
    done = server.command("migrate", check=False)
    struck = fault.struck
    server.disk.calm()
    assert (done.returncode != 0) == bool(struck), done
    return bool(struck)


def check(server, power):
    """Made whole by the next `migrate`; after a cut the token is good and the key signs."""
    server.command("migrate")
    power.cut()
    server.start()
    version = Model(server, "m").make().published("1.0.0")
    assert (server.state / "keys" / f"{version['key_id']}.key").exists()


@pytest.mark.parametrize(("call", "nth"), PLACES[SEED % STRIDE :: STRIDE])
def test_what_was_cut_short_is_made_whole(watched, call, nth):
    power = Power(watched.disk)
    cut_short(watched, call, KILL, nth)
    check(watched, power)


@pytest.mark.parametrize("effect", [KILL, errno.EIO], ids=["killed", "EIO"])
@pytest.mark.parametrize("part", ["/state", "/keys"])
def test_a_file_whose_name_was_not_safe_is_made_safe_or_anew(watched, effect, part):
    """The file is there, the fsync of its folder never came or failed: that it is there proves
    nothing, and asking again what has failed proves nothing either."""
    power = Power(watched.disk)
    nth = 3 if part == "/state" else 1  # of the secret; of the key
    assert cut_short(watched, "fsyncdir", effect, nth, part)
    check(watched, power)


def test_a_key_folder_that_is_not_synced_is_found_out(watched):
    """So the checks above can fail: a key that has signed is gone after the cut."""
    power = Power(watched.disk)
    watched.disk.fail("fsyncdir", SWALLOW, times=ALWAYS, part="/keys", role="")
    watched.command("migrate")
    watched.start()
    key = Model(watched, "m").make().published("1.0.0")["key_id"]
    end(watched)
    watched.disk.calm()
    power.cut()
    assert not (watched.state / "keys" / f"{key}.key").exists()
    (watched.state / "admin.token").read_text()
