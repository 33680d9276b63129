"""A primary and its streaming standby: whatever becomes of the one, the service goes on with the other,
by itself and within a second, and nothing that was acknowledged is missing there."""

import os
import threading
import time

import pytest
from support.crowd import Crowd, readiness, until
from support.model import MODELS
from support.paths import SLOWNESS
from support.standby import Node, Pair

ROUNDS = int(os.environ.get("FAILOVER_ROUNDS", "1"))
LOOPS = 2


@pytest.fixture(scope="module")
def fresh():
    found = Node().begin()
    yield found
    found.remove()


@pytest.fixture(params=range(ROUNDS))
def pair(fresh):
    found = Pair(fresh)
    yield found
    found.remove()


@pytest.fixture
def server(start_hallmark, pair):
    """A service that knows both."""
    found = start_hallmark(database=pair.url, loops=LOOPS, begin=False)
    found.command("migrate")
    return found.start()


def steady(seconds=0.4):
    time.sleep(seconds * min(SLOWNESS, 4))


def test_a_primary_that_dies_is_followed_by_its_standby(server, pair):
    """Then it is started again as it was, and fenced by nobody: it is not taken for a primary."""
    with Crowd(server, name="dies") as crowd:
        steady()
        pair.primary.kill()
        assert server.anonymous.get("/livez").status == 200
        crowd.conninfo = pair.standby.conninfo
        until(lambda: readiness(server) == (503, "the database cannot be reached"), 3 * SLOWNESS)
        took = crowd.wait_served(pair.promote())
        print(f"served again {took:.3f} s after the promotion")
        until(server.is_ready, 1 * SLOWNESS)
        pair.primary.settings["synchronous_standby_names"] = ""  # so that it would take writes, too
        pair.primary.start()
        pair.standby.end_sessions()
        crowd.wait_served(time.monotonic())
        steady(1)
        assert not pair.primary.serves(), "it writes or reads there"
    assert len(pair.standby.rows("SELECT 1 FROM version")) > len(pair.primary.rows("SELECT 1 FROM version"))


def test_a_primary_that_hangs_is_left_and_never_read_again(server, pair):
    """Its connections stay open, and when it goes on it still believes to be the primary."""
    with Crowd(server, name="hangs") as crowd:
        steady()
        crowd.conninfo = pair.standby.conninfo
        pair.primary.freeze()
        steady(1.5)
        took = crowd.wait_served(pair.promote())
        print(f"served again {took:.3f} s after the promotion")
        until(server.is_ready, 1 * SLOWNESS)
        pair.primary.thaw()
        steady(1)
        until(lambda: not pair.primary.serves())
        assert server.is_ready()


def test_a_primary_that_is_made_read_only_is_left_by_reads_too(server, pair):
    with Crowd(server, name="fenced") as crowd:
        steady()
        crowd.conninfo = pair.standby.conninfo
        pair.primary.configure(default_transaction_read_only="on")
        until(lambda: any(h.status == 503 for h in crowd.since(0, crowd.writers)))
        assert readiness(server) == (503, "the database takes no changes")
        took = crowd.wait_served(pair.promote())
        print(f"served again {took:.3f} s after the promotion")
        until(lambda: not pair.primary.serves())
        until(server.is_ready, 1 * SLOWNESS)


def test_a_primary_that_is_cut_off_acknowledges_nothing(server, pair):
    """The standby was promoted, and the old primary knows nothing of it: its commits wait for ever. The
    service finds the new one when the first of them has waited too long."""
    with Crowd(server, name="cut") as crowd:
        steady()
        crowd.conninfo = pair.standby.conninfo
        promoted = pair.promote()
        # A change waits for 6 s, then as long is looked for what became of it.
        crowd.wait_served(promoted, 14 * SLOWNESS, crowd.writers)
        crowd.wait_served(promoted, 14 * SLOWNESS)
        until(lambda: not pair.primary.serves())


def waits_for_standby(pair):
    return [s["pid"] for s in pair.primary.sessions() if s["wait_event"] == "SyncRep"]


def test_a_commit_whose_standby_does_not_have_it_is_not_acknowledged(server, pair):
    """pg_cancel_backend() ends the wait, and PostgreSQL then reports the commit as done."""
    assert server.put(f"{MODELS}/m", json={}).status == 201
    pair.standby.freeze()
    heard = []
    asked = threading.Thread(target=lambda: heard.append(server.put(f"{MODELS}/n", json={})))
    asked.start()
    until(lambda: waits_for_standby(pair))
    for pid in waits_for_standby(pair):
        pair.primary.execute(f"SELECT pg_cancel_backend({pid})")
    steady(0.8)
    assert [answer.status for answer in heard] in ([], [503]), "it is not on the standby"
    pair.standby.thaw()
    asked.join(10 * SLOWNESS)
    if heard[0].status == 201:  # it was looked for, and seen there
        assert pair.standby.rows("SELECT 1 FROM model WHERE name = 'n'")
    else:
        assert (heard[0].status, heard[0].json["type"]) == (503, "/problems/outcome-unknown")
    assert server.get(f"{MODELS}/m").status == 200
    until(lambda: server.put(f"{MODELS}/o", json={}).status == 201)


def test_a_standby_alone_is_not_served_from(server, pair):
    """What it has may be older than what was acknowledged last; it says what it waits for."""
    assert server.put(f"{MODELS}/m", json={}).status == 201
    backwards = f"host=127.0.0.1,127.0.0.1 port={pair.standby.port},{pair.primary.port}"
    url = f"{backwards} user=hallmark dbname=hallmark"
    server.secret(server.command("token", "create", "ci", DATABASE_URL=url).stdout.strip())
    pair.primary.kill()
    until(lambda: not server.is_ready(), 3 * SLOWNESS)
    answer = server.get(f"{MODELS}/m")
    assert (answer.status, answer.json["type"]) == (503, "/problems/unavailable")
    assert answer.headers["retry-after"]
    lone = server.command("migrate", check=False, DATABASE_URL=pair.standby.conninfo)
    assert lone.returncode != 0
    assert "standby" in lone.stderr
    pair.promote()
    until(server.is_ready, 1 * SLOWNESS)
    assert server.get(f"{MODELS}/m").status == 200
    assert server.command("migrate").returncode == 0
