"""Whatever is killed, at whatever moment, while writers write: nothing that was acknowledged is
missing, and nothing half-written is visible.

KILLS says how often (1,000 in `make soak`), KILLS_SEED which and when.
"""

import collections
import os
import random
import time

import pytest
from support import postgres, processes
from support.paths import SLOWNESS
from support.writers import begin, check_acknowledged, check_everything, check_stored, finish, wait_swept

KILLS = int(os.environ.get("KILLS", "8"))
SEED = int(os.environ.get("KILLS_SEED", "1"))
CHECK_EVERY = 100  # kills
MANY = 2000  # acknowledged files that are still asked for one by one

# Ends the first session that it finds flushing its commit, and says whether there was one.
IN_COMMIT = """
DO $$
DECLARE
    found int4;
BEGIN
    FOR turn IN 1 .. 2000 LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT a.pid INTO found FROM pg_stat_activity a
         WHERE a.application_name = 'hallmark' AND a.pid <> pg_backend_pid()
           AND a.wait_event IN ('WALSync', 'WALWrite', 'WALInsert') LIMIT 1;
        EXIT WHEN found IS NOT NULL;
        PERFORM pg_sleep(0.0002);
    END LOOP;
    IF found IS NOT NULL THEN
        {end};
    END IF;
END $$;
"""
TERMINATE = IN_COMMIT.format(end="PERFORM pg_terminate_backend(found)")
KILL = IN_COMMIT.format(
    end="EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'cat >/dev/null; kill -9 ' || found)"
)


class Killer:
    """One kill at a time; `counts` tells which."""

    def __init__(self, server, seed):
        self.server, self.random = server, random.Random(seed)
        self.conninfo = server.conninfo  # once: its file is being written while PostgreSQL starts
        self.counts = collections.Counter()

    def one(self):
        kind = self.random.choice(
            ["service"] * 4
            + ["signer"] * 2
            + ["postmaster", "commit_killed"]
            + ["commit_terminated"] * 3
            + ["supervisor_in_recovery"]
            + ["supervisor"] * 3  # it also forgets how often the others died, and starts them at once
        )
        time.sleep(self.random.uniform(0, 0.25) * min(SLOWNESS, 4))
        getattr(self, kind)()
        self.counts[kind] += 1
        self.server.wait_ready()

    def wait_database(self, seconds=30 * SLOWNESS):
        """/ready says nothing of a PostgreSQL that was killed a moment ago."""
        until = time.monotonic() + seconds
        while True:
            try:
                return postgres.psql(self.conninfo, "SELECT 1", self.server.owner)
            except AssertionError:
                assert time.monotonic() < until, "the database does not come back"
                time.sleep(0.05)

    def service(self):
        self.server.kill("service")

    def signer(self):
        self.server.kill("signer")

    def supervisor(self):
        self.server.kill("supervisor")
        self.server.start(wait=False)

    def supervisor_in_recovery(self):
        """The next one finds a PostgreSQL that was asked to go while it recovered."""
        self.commit_killed()
        time.sleep(self.random.uniform(0, 0.3))
        self.supervisor()

    def postmaster(self):
        pid = self.server.kill("postgres")
        processes.wait_gone([pid])

    def commit_terminated(self):
        self.in_commit(TERMINATE)

    def commit_killed(self):
        """After it the whole server ends its sessions, ours too, and recovers."""
        self.in_commit(KILL)

    def in_commit(self, sql):
        try:
            postgres.psql(self.conninfo, sql, self.server.owner)
        except AssertionError as error:  # psql's: its own session has ended
            assert "connection" in str(error), error  # noqa: PT017


def check(server, writers):
    server.wait_ready()
    check_acknowledged(server, writers)
    check_stored(server)


@pytest.mark.plain_only  # test_durability.py kills under the sanitizers too
@pytest.mark.timeout(180 + 3 * KILLS * SLOWNESS)
def test_whatever_is_killed_nothing_acknowledged_is_lost(start_hallmark):
    server = start_hallmark()
    writers = begin(server, 6, sizes=(10, 5000, 100_000), pause=0.05)
    print(f"KILLS_SEED={SEED}")
    killer, began = Killer(server, SEED), time.monotonic()
    for n in range(1, KILLS + 1):
        killer.one()
        if n % CHECK_EVERY == 0:
            assert not [one.strange for one in writers if one.strange]
            killer.wait_database()
            check_acknowledged(server, writers)
    took = time.monotonic() - began
    finish(writers)
    statuses = sum((collections.Counter(one.statuses) for one in writers), collections.Counter())
    print(
        f"seed {SEED}: {dict(killer.counts)} in {took:.0f} s, {KILLS / took:.2f} a second; {dict(statuses)}"
    )
    killer.wait_database()
    check(server, writers)
    if sum(len(one.artifacts) for one in writers) <= MANY:
        check_everything(server, writers)
    server.restart()
    wait_swept(server)
