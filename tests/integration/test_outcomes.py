"""A change whose answer was lost on its way from the database: the service finds out what became
of it, and the client hears what it would have heard.

The connection breaks before the change is made, in its commit, and behind that.
"""

import contextlib
import os
import struct
import subprocess
import threading
import time

import pytest
from support.model import Model, refused
from support.paths import SLOWNESS
from support.postgres import PSQL, Postgres, psql, rows
from support.relay import Relay
from support.server import AS_ROOT, Hallmark
from support.writers import orphans

# Every event waits in its commit while somebody holds this lock.
LOCK = 4711
SLOW_COMMIT = f"""
CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({LOCK});
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION slow_commit();
"""
IN_COMMIT = "wait_event_type = 'Lock' AND wait_event = 'advisory'"
LANE = "application_name = 'hallmark' AND pid <> pg_backend_pid()"


class World:
    """A hallmarkd that reaches its database through a relay, which we do not."""

    def __init__(self):
        self.postgres = Postgres()
        self.direct = self.postgres.create_database()
        self.relay = Relay(str(self.postgres.folder / ".s.PGSQL.5432"))
        database = self.direct.rpartition("dbname=")[2]
        self.server = Hallmark(
            database=f"host=127.0.0.1 port={self.relay.port} user=hallmark dbname={database}", loops=1
        )
        self.server.command("migrate")
        self.execute(SLOW_COMMIT)
        self.server.start()
        self.state, self.settings = self.server.state, self.server.settings
        self.number = self.before = 0

    def close(self):
        self.relay.away = False
        try:
            self.server.close()
        finally:
            self.relay.close()
            self.postgres.stop()

    def sql(self, query):
        return rows(self.direct, query)

    def execute(self, sql):
        return psql(self.direct, sql)

    def model(self, make=True):
        self.number += 1
        model = Model(self.server, f"m{self.number}")
        self.begin()
        return model.make() if make else model

    def chosen_id(self):
        """A request id that only one request has, which the service cannot know."""
        self.number += 1
        return {"X-Request-Id": f"chosen-{self.number}"}

    def events(self, model, kind):
        """Of this kind, of the model, since it was made ready."""
        return self.sql(
            f"SELECT e.id FROM event e WHERE e.kind = '{kind}' AND e.id > {self.before} "
            f"AND (e.subject = 'default/{model.name}' OR e.subject ~ '^default/{model.name}[@:]')"
        )

    def begin(self):
        """What comes from here on counts."""
        self.before = self.sql("SELECT coalesce(max(id), 0) AS last FROM event")[0]["last"]

    def lane(self, where):
        """The process of a session of the service's, once there is one."""
        until = time.monotonic() + 10 * SLOWNESS
        while not (found := self.sql(f"SELECT pid FROM pg_stat_activity WHERE {LANE} AND {where}")):
            assert time.monotonic() < until, f"no session with {where}"
            time.sleep(0.01)
        return found[0]["pid"]

    def terminate(self, pid):
        self.execute(f"SELECT pg_terminate_backend({pid})")

    @contextlib.contextmanager
    def held(self, sql):
        """What the SQL locks stays locked until the block ends."""
        session = subprocess.Popen(
            [PSQL, "-qXAt", "-d", self.direct], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        session.stdin.write(f"BEGIN; {sql}; SELECT 'held';\n")
        session.stdin.flush()
        while "held" not in session.stdout.readline():
            pass
        try:
            yield
        finally:
            session.stdin.close()
            session.stdout.read()
            session.wait(20)

    def commits_held(self):
        return self.held(f"SELECT pg_advisory_xact_lock({LOCK})")


class Asked(threading.Thread):
    """A request on its way; answer() waits for its end."""

    def __init__(self, client, method, path, **kw):
        super().__init__(daemon=True)
        self.client, self.asked, self.kw, self.result = client, (method, path), kw, None
        self.start()

    def run(self):
        self.result = self.client.request(*self.asked, **self.kw)

    def answer(self):
        self.join(40)
        assert not self.is_alive(), "the request was not answered"
        return self.result


@pytest.fixture(scope="module")
def world():
    found = World()
    try:
        yield found
    finally:
        found.close()


# ---- the answer is lost behind the commit -------------------------------------------------

# What is done, what its answer from the database has in it, the status, the kind of its event.
ANY = {"If-Match": "*"}


def value(text):
    """How a text stands in a row of an answer; names of columns stand there otherwise."""
    return struct.pack(">i", len(text)) + text


def draft(m):
    m.draft("1.0.0")
    m.put("1.0.0", "f", b"bytes of " + m.name.encode())


CHANGES = {
    "model is made": (
        None,
        lambda m: ("PUT", m.path, {"json": {"description": "a"}}),
        b"created",
        201,
        "model.created",
    ),
    "model is replaced": (
        lambda m: m.make(),
        lambda m: ("PUT", m.path, {"json": {"description": "b"}, "headers": ANY}),
        b"updated",
        200,
        "model.updated",
    ),
    "model is patched": (
        lambda m: m.make(),
        lambda m: ("PATCH", m.path, {"json": {"description": "c"}, "headers": ANY}),
        b"updated",
        200,
        "model.updated",
    ),
    "model is renamed": (
        lambda m: m.make(),
        lambda m: ("PATCH", m.path, {"json": {"name": m.name + "-new"}, "headers": ANY}),
        b"updated",
        200,
        "model.renamed",
    ),
    "model is deleted": (
        lambda m: m.make(),
        lambda m: ("DELETE", m.path, {"headers": ANY}),
        b"deleted",
        204,
        "model.deleted",
    ),
    "version is made": (
        lambda m: m.make(),
        lambda m: ("POST", f"{m.path}/versions", {"json": {"bump": "minor"}}),
        b"created",
        201,
        "version.created",
    ),
    "version is patched": (
        lambda m: (m.make(), m.draft("1.0.0")),
        lambda m: ("PATCH", m.at("1.0.0"), {"json": {"description": "d"}, "headers": ANY}),
        b"updated",
        200,
        "version.updated",
    ),
    "version is discarded": (
        lambda m: (m.make(), m.draft("1.0.0")),
        lambda m: ("DELETE", m.at("1.0.0"), {"headers": ANY}),
        b"deleted",
        204,
        "version.discarded",
    ),
    "version is published": (
        lambda m: (m.make(), draft(m)),
        lambda m: ("POST", m.at("1.0.0", "publish"), {}),
        b"published",
        200,
        "version.published",
    ),
    "version is deprecated": (
        lambda m: (m.make(), m.published("1.0.0")),
        lambda m: ("POST", m.at("1.0.0", "deprecate"), {"json": {"reason": "old"}}),
        b"updated",
        200,
        "version.deprecated",
    ),
    "points are added": (
        lambda m: (m.make(), m.draft("1.0.0")),
        lambda m: ("POST", m.at("1.0.0", "metrics"), {"json": {"metrics": [{"name": "a", "value": 1}]}}),
        b"created",
        201,
        "metrics.added",
    ),
    "alias is made": (
        lambda m: (m.make(), m.published("1.0.0")),
        lambda m: ("PUT", f"{m.path}/aliases/champion", {"json": {"version": "1.0.0"}}),
        b"created",
        201,
        "alias.created",
    ),
    "alias is moved": (
        lambda m: (m.make(), m.published("1.0.0"), m.published("2.0.0"), m.alias("champion", "1.0.0")),
        lambda m: ("PUT", f"{m.path}/aliases/champion", {"json": {"version": "2.0.0"}, "headers": ANY}),
        b"updated",
        200,
        "alias.moved",
    ),
    "alias is deleted": (
        lambda m: (m.make(), m.published("1.0.0"), m.alias("champion", "1.0.0")),
        lambda m: ("DELETE", f"{m.path}/aliases/champion", {"headers": ANY}),
        b"deleted",
        204,
        "alias.deleted",
    ),
    "file is put": (
        lambda m: (m.make(), m.draft("1.0.0")),
        lambda m: ("PUT", m.file("1.0.0", "f"), {"body": b"new bytes of " + m.name.encode()}),
        b"created",
        201,
        "artifact.created",
    ),
    "known bytes are put": (
        lambda m: (m.make(), draft(m)),
        lambda m: ("PUT", m.file("1.0.0", "g"), {"body": b"bytes of " + m.name.encode()}),
        b"created",
        201,
        "artifact.created",
    ),
    "file is replaced": (
        lambda m: (m.make(), draft(m)),
        lambda m: ("PUT", m.file("1.0.0", "f"), {"body": b"other " + m.name.encode(), "headers": ANY}),
        b"replaced",
        200,
        "artifact.replaced",
    ),
    "file is removed": (
        lambda m: (m.make(), draft(m)),
        lambda m: ("DELETE", m.file("1.0.0", "f"), {"headers": ANY}),
        b"deleted",
        204,
        "artifact.deleted",
    ),
}


def lose_answer(world, change, **headers):
    """Make a change of which the database's answer does not reach the service: the model and the
    client's answer."""
    prepare, say, marker, _, _ = CHANGES[change]
    model = world.model(make=False)
    if prepare:
        prepare(model)
    method, path, kw = say(model)
    kw["headers"] = {**kw.get("headers", {}), **headers}
    world.begin()
    world.relay.swallowed.clear()
    world.relay.swallow = value(marker)
    answer = world.server.request(method, path, **kw)
    assert world.relay.swallowed.is_set()
    return model, answer


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_was_made_is_answered_as_ever(world, change):
    _, _, _, status, kind = CHANGES[change]
    model, answer = lose_answer(world, change)
    assert answer.status == status, answer
    assert len(world.events(model, kind)) == 1
    if status == 201 and kind != "metrics.added":
        assert world.server.get(answer.headers["location"]).status == 200
    assert orphans(world) == set()


# With an id of the client's own, which others may have, only what bears a mark is sure.
MARKED = ["model is made", "version is made", "file is put", "file is replaced", "version is published"]


@pytest.mark.parametrize("change", MARKED)
def test_a_marked_change_is_known_whoever_chose_the_request_id(world, change):
    _, answer = lose_answer(world, change, **world.chosen_id())
    assert answer.status == CHANGES[change][3], answer


def test_a_change_under_a_chosen_id_may_be_anothers(world):
    model, answer = lose_answer(world, "model is replaced", **world.chosen_id())
    refused(answer, 503, "outcome-unknown")
    assert world.server.get(model.path).json["description"] == "b"


# ---- the connection breaks before and in the commit ---------------------------------------


@pytest.mark.parametrize("own_id", [True, False])
def test_a_change_that_was_not_made_is_made_then(world, own_id):
    model = world.model()
    headers = {} if own_id else world.chosen_id()
    with world.held(f"SELECT FROM model WHERE name = '{model.name}' FOR UPDATE"):
        asked = Asked(
            world.server, "PATCH", model.path, json={"description": "x"}, headers={**ANY, **headers}
        )
        world.terminate(world.lane("wait_event_type = 'Lock'"))
    answer = asked.answer()
    assert answer.status == 200, answer
    assert answer.json["description"] == "x"
    assert len(world.events(model, "model.updated")) == 1


def test_a_session_that_ends_in_its_commit_has_changed_nothing(world):
    model = world.model()
    model.draft("1.0.0")
    body = os.urandom(1000)
    with world.commits_held():
        asked = Asked(world.server, "PUT", model.file("1.0.0", "f"), body=body)
        world.terminate(world.lane(IN_COMMIT))
    answer = asked.answer()
    assert answer.status == 201, answer
    assert world.server.get(model.file("1.0.0", "f")).body == body
    assert len(world.events(model, "artifact.created")) == 1


def test_a_process_that_is_still_at_it_is_waited_for(world):
    model = world.model()
    with world.commits_held():
        asked = Asked(world.server, "POST", f"{model.path}/versions", json={"bump": "patch"})
        world.lane(IN_COMMIT)
        world.relay.hang_up()
        time.sleep(0.5)
        assert asked.is_alive()
    answer = asked.answer()
    assert answer.status == 201, answer
    assert answer.json["ordinal"] == 1
    assert len(world.events(model, "version.created")) == 1


@pytest.fixture
def nobody_replicates(world):
    """Commits are flushed, and then wait for a standby that there is not."""
    world.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    world.execute("SELECT pg_reload_conf()")

    def back():
        psql(world.direct, "SET synchronous_commit = local; ALTER SYSTEM RESET synchronous_standby_names")
        psql(world.direct, "SELECT pg_reload_conf()")

    yield back
    back()


def test_a_commit_that_was_flushed_is_made_once_it_is_as_safe_as_any(world, nobody_replicates):
    """The session ends between the flush and the answer: others see its change at once, but it is
    told to nobody before it is where a commit that is answered would be."""
    model = world.model(make=False)
    asked = Asked(world.server, "PUT", model.path, json={})
    world.terminate(world.lane("wait_event = 'SyncRep' AND query LIKE '%model_put_1%'"))
    time.sleep(0.7)
    assert world.events(model, "model.created")
    assert asked.is_alive()
    nobody_replicates()
    assert asked.answer().status == 201
    assert len(world.events(model, "model.created")) == 1


@pytest.mark.skipif(not AS_ROOT, reason="another user's process")
def test_a_process_that_is_killed_in_its_commit(world):
    """SIGKILL to one of its processes makes PostgreSQL end all of them and start anew."""
    model = world.model()
    with world.commits_held():
        asked = Asked(world.server, "POST", f"{model.path}/versions", json={"version": "1.0.0"})
        os.kill(world.lane(IN_COMMIT), 9)
    answer = asked.answer()
    assert answer.status == 201, answer
    assert len(world.events(model, "version.created")) == 1


# ---- bytes without a row ------------------------------------------------------------------


def id_of(model):
    return f"(SELECT id FROM model WHERE name = '{model.name}')"


def wait_orphans(world, wanted, seconds=5):
    until = time.monotonic() + seconds * SLOWNESS
    while orphans(world) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    assert orphans(world) == wanted


# ---- nobody can know ------------------------------------------------------------------------


def test_while_the_database_is_away_nobody_can_know_and_no_bytes_are_lost(world):
    """Of two uploads one has its row and one has not; both clients are told that it is not known.
    When the database is back, the bytes without a row go."""
    kept, lost = world.model(), world.model()
    kept.draft("1.0.0")
    lost.draft("1.0.0")
    body = os.urandom(1000)
    before = orphans(world)
    world.relay.swallowed.clear()
    with world.held(f"SELECT FROM version WHERE model_id = {id_of(lost)} FOR UPDATE"):
        told = [Asked(world.server, "PUT", lost.file("1.0.0", "f"), body=os.urandom(1000))]
        waits = world.lane("wait_event_type = 'Lock'")
        world.relay.swallow = value(b"created")
        told.append(Asked(world.server, "PUT", kept.file("1.0.0", "f"), body=body))
        assert world.relay.swallowed.wait(10)
        world.relay.away = True
        world.relay.hang_up()
        world.terminate(waits)
    try:
        for asked in told:
            problem = refused(asked.answer(), 503, "outcome-unknown")
            assert "read the resource" in problem["detail"]
        assert len(orphans(world) - before) == 1
    finally:
        world.relay.away = False
    world.server.wait_ready()
    assert world.server.get(kept.file("1.0.0", "f")).body == body
    assert world.server.get(lost.file("1.0.0", "f")).status == 404
    wait_orphans(world, before)


def test_bytes_that_no_row_may_name_do_not_stay(world):
    """The row is refused, or its statement fails: what was stored for it goes."""
    model = world.model()
    model.draft("1.0.0")
    before = orphans(world)
    with world.held(f"SELECT FROM version WHERE model_id = {id_of(model)} FOR UPDATE"):
        refused(world.server.put(model.file("1.0.0", "f"), body=os.urandom(1000)), 503, "busy")
    wait_orphans(world, before)
