"""Migrations that meet each other, clients and their own end; and the release before this one beside
this one, on one database and one store, under load."""

import os
import random
import subprocess
import time

import pytest
from support import processes
from support.crowd import Crowd
from support.model import MODELS, good
from support.paths import HALLMARK, PREVIOUS, SLOWNESS
from support.postgres import PSQL, psql, rows
from support.server import environment

SECONDS = float(os.environ.get("UPGRADE_SECONDS", "0.7"))
KILLS = int(os.environ.get("UPGRADE_KILLS", "4"))
REPLICAS = 3

# Everything that migrations make, in an order of its own.
SCHEMA = """
SELECT 'column', table_name, column_name, data_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'function', proname, md5(prosrc), pg_get_function_identity_arguments(oid), '', ''
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '', ''
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'not valid', indexrelid::regclass::text, '', '', '', '' FROM pg_index WHERE NOT indisvalid
UNION ALL SELECT 'migration', number::text, sha256, name, '', '' FROM schema_migration
ORDER BY 1, 2, 3, 4
"""


def begin(server, *words):
    """A command of hallmarkd that is not waited for."""
    return subprocess.Popen(
        [server.program, *words],
        env=server.environment,
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def beside(start_hallmark):
    """beside(server): another one with its database, keys, secret and store; it is not started."""

    def make(server, **settings):
        other = start_hallmark(
            database=server.database,
            keys=server.state / "keys",
            secret_file=server.state / "secret",
            storage_path=server.state / "artifacts",
            begin=False,
            **settings,
        )
        other.token = server.token
        return other

    return make


# ---- migrations -----------------------------------------------------------------------


def test_replicas_that_migrate_at_once(start_hallmark, postgres):
    """They mount one folder of keys and one secret, and all begin at the same moment."""
    first = start_hallmark(database=postgres.create_database(), begin=False)
    shared = {"keys": first.state / "keys", "secret_file": first.state / "secret"}
    begin(first, "migrate", "--help").communicate()
    others = [start_hallmark(database=first.database, begin=False, **shared) for _ in range(REPLICAS - 1)]
    (first.state).mkdir()
    (first.state).chmod(0o700)
    if os.geteuid() == 0:
        subprocess.run(["chown", "hallmark:hallmark", first.state], check=True)
    running = [begin(server, "migrate") for server in [first, *others]]
    said = [process.communicate(timeout=60 * SLOWNESS) for process in running]
    assert [process.returncode for process in running] == [0] * REPLICAS, said
    found = rows(first.database, "SELECT number FROM schema_migration ORDER BY number")
    assert [row["number"] for row in found] == list(range(1, len(found) + 1))
    assert rows(first.database, "SELECT count(*) AS n FROM signing_key WHERE state = 'active'") == [{"n": 1}]
    assert rows(first.database, "SELECT count(*) AS n FROM token") == [{"n": 1}]
    tokens = [s.state / "admin.token" for s in [first, *others] if (s.state / "admin.token").exists()]
    assert len(tokens) == 1, "only one of them made the admin"
    for server in [first, *others]:
        server.settings["storage_path"] = first.state / "artifacts"
        server.start()
        server.token = server.secret(tokens[0].read_text().strip())
    for number, server in enumerate([first, *others]):
        good(server.put(f"{MODELS}/m{number}", json={}), 201)
    for server in [first, *others]:
        assert len(server.get(MODELS).json["items"]) == REPLICAS


def test_services_that_race_for_one_state_folder(start_hallmark):
    """With the embedded database: one makes everything and serves, the other says who was first."""
    one = start_hallmark(begin=False)
    two = start_hallmark(begin=False)
    two.state = one.state
    one.start(wait=False)
    two.start(wait=False)
    until = time.monotonic() + 20 * SLOWNESS
    while one.process.poll() is None and two.process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    loser, winner = (one, two) if one.process.poll() is not None else (two, one)
    assert loser.process.wait(10) == 1, loser.log_tail()
    assert f"process {winner.pid()}, has the state folder" in loser.log_tail()
    winner.wait_ready()
    winner.read_token()
    good(winner.put(f"{MODELS}/m", json={}), 201)


def test_a_migration_that_is_killed_goes_on_where_it_was(start_hallmark, postgres):
    whole = start_hallmark(database=postgres.create_database(), begin=False)
    whole.command("migrate")
    server = start_hallmark(database=postgres.create_database(), begin=False)
    dice, began = random.Random(1), time.monotonic()
    begin(server, "migrate", "--help").communicate()
    took = time.monotonic() - began
    for _ in range(KILLS):
        process = begin(server, "migrate")
        time.sleep(dice.uniform(0, 0.1 + took))
        for pid in [process.pid, *processes.descendants(process.pid)]:
            processes.kill(pid)
        process.communicate()
        there = rows(server.database, "SELECT to_regclass('schema_migration') IS NOT NULL AS made")[0]["made"]
        done = rows(server.database, "SELECT number FROM schema_migration ORDER BY 1") if there else []
        assert [row["number"] for row in done] == list(range(1, len(done) + 1))
    server.command("migrate")
    assert psql(server.database, SCHEMA) == psql(whole.database, SCHEMA)
    server.start()
    good(server.put(f"{MODELS}/m", json={}), 201)


def test_a_release_serves_when_its_migrations_are_done(start_hallmark, postgres):
    """An index waits for a reader that was there before; meanwhile nobody reads what is not filled."""
    server = start_hallmark(database=postgres.create_database(), begin=False)
    reader = hold(server, "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM pg_class")
    process = begin(server, "migrate")
    waits = "SELECT max(indexrelid::regclass::text) AS name FROM pg_index WHERE NOT indisvalid"
    until = time.monotonic() + 20 * SLOWNESS
    while not (name := rows(server.database, waits)[0]["name"]) and time.monotonic() < until:
        time.sleep(0.02)
    assert name == "version_state"
    refused = server.command("serve", check=False)
    assert refused.returncode != 0
    assert "run first: hallmarkd migrate" in refused.stderr
    assert process.poll() is None
    reader.communicate("COMMIT;\n")
    assert process.wait(20 * SLOWNESS) == 0, process.stderr.read()
    assert not rows(server.database, waits)[0]["name"]
    server.start()
    good(server.put(f"{MODELS}/m", json={}), 201)


# ---- two releases ---------------------------------------------------------------------


@pytest.fixture
def old(start_hallmark, postgres):
    """The release before this one, with a database that it has migrated."""
    if not PREVIOUS.exists():
        pytest.fail("the release before this one is not built: tools/setup.sh previous")
    server = start_hallmark(database=postgres.create_database(), begin=False)
    server.program = PREVIOUS / "hallmarkd"
    server.command("migrate")
    return server


def hold(server, *statements):
    """A session that has said these and is left open."""
    session = subprocess.Popen(
        [PSQL, "-qXAt", "-d", server.database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    session.stdin.write("".join(f"{statement};\n" for statement in statements))
    session.stdin.flush()
    session.stdout.readline()
    return session


def pull(program, server, reference, folder):
    """What a client of that release makes of a version: it must verify."""
    folder.parent.mkdir(exist_ok=True)
    token = folder.parent / f"{folder.name}.token"
    token.write_text(server.token)
    done = subprocess.run(
        [program, "pull", reference, folder],
        env=environment(
            HOME=str(folder.parent),
            HALLMARK_URL=f"http://{server.host}:{server.port}",
            HALLMARK_TOKEN_FILE=str(token),
        ),
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=60 * SLOWNESS,
    )
    assert done.returncode == 0, done.stderr
    assert "verified" in done.stdout
    return (folder / "weights.bin").read_bytes()


def publish(server, model):
    body = random.Random(model).randbytes(200_000)
    good(server.put(f"{MODELS}/{model}", json={}), 201)
    good(server.post(f"{MODELS}/{model}/versions", json={"version": "1.0.0"}), 201)
    good(server.put(f"{MODELS}/{model}/versions/1.0.0/artifacts/weights.bin", body=body), 201)
    good(server.post(f"{MODELS}/{model}/versions/1.0.0/publish", json={}), 200)
    return body


def test_the_release_before_and_this_one_serve_side_by_side(old, beside, tmp_path):
    """An upgrade as docs/operations.md says: migrate, then one replica after another."""
    old.start()
    by_old = publish(old, "by-old")
    new = beside(old)
    with Crowd(old, name="before"):
        time.sleep(SECONDS / 2)
        assert "went from migration" in new.command("migrate").stdout
        time.sleep(SECONDS / 2)
        new.start()
    with Crowd(old, new, name="both", clients=6):  # each reads what the other wrote
        by_new = publish(new, "by-new")
        for server in (old, new):
            for program in (PREVIOUS / "hallmark", HALLMARK):
                folder = tmp_path / f"{server.port}-{program.parent.parent.name}"
                assert pull(program, server, "default/by-old@1.0.0", folder / "old") == by_old
                assert pull(program, server, "default/by-new@1.0.0", folder / "new") == by_new
        time.sleep(SECONDS)
    old.restart()  # on a newer schema, as when its node is drained in the middle of an upgrade
    with Crowd(new, old, name="again"):
        time.sleep(SECONDS / 2)
    refused = old.command("migrate", check=False)
    assert refused.returncode != 0
    assert "run a release at least as new" in refused.stderr
    with Crowd(new, name="after"):
        assert old.stop() == 0
        time.sleep(SECONDS / 2)
    assert new.stop() == 0


def test_a_migration_that_a_transaction_stands_in_the_way_of_says_so(old, beside):
    new = beside(old)
    holder = hold(old, "BEGIN", "SELECT count(*) FROM model")
    refused = new.command("migrate", check=False)
    assert refused.returncode != 0
    assert "stayed locked by another session" in refused.stderr
    assert "run the migration again" in refused.stderr
    holder.communicate("COMMIT;\n")
    assert "went from migration" in new.command("migrate").stdout
