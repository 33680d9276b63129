"""Number 69 of the hostile inputs: memory runs out, at every place where the programs ask for some.

tests/faults/memory.c makes it so. By itself each test takes every so many-th place, another set each
time; MEMORY_STRIDE=1 takes all, MEMORY_SEED says which set, MEMORY_DEPTH how many calls tell one
place from another. What was exercised is printed: pytest -s.
"""

import os
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import processes
from support.memory import STRIDE, Memory
from support.paths import HALLMARK, SLOWNESS
from support.registry import artifact_path, make_draft, model_path, version_path
from support.server import Hallmark, environment
from support.siege import Siege
from support.starving import (
    BIG,
    CHANGES,
    CLOSED,
    READS,
    ROLE,
    Ask,
    Change,
    Tally,
    Vigil,
    essence,
    furnish,
    noted,
    problem_of,
    starve_change,
    starve_reads,
    talk,
)
from support.wire import Wire

pytestmark = pytest.mark.plain_only


@pytest.fixture(scope="module")
def memory():
    made = Memory()
    yield made
    made.close()


@pytest.fixture(scope="module")
def starved(memory):
    server = Hallmark(loops=1, storage_threads=4)
    server.variables = memory.variables
    try:
        furnish(server.start())
        yield server
    finally:
        memory.disarm()
        server.close()


def report(kind, tally):
    print(f"n69 {kind}: {tally.sites} places, {tally.became}")


@pytest.mark.parametrize("kind", READS)
def test_n69_a_read_is_right_or_refused(memory, starved, kind):
    report(kind, starve_reads(memory, starved, READS[kind]))


@pytest.mark.parametrize("kind", CHANGES)
def test_n69_a_change_is_made_and_said_or_not_made(memory, starved, kind):
    report(kind, starve_change(memory, starved, CHANGES[kind]))


# ---- more than one, and what lies around a request ----------------------------------------

WIDE = 1 if STRIDE == 1 else 4 * STRIDE  # for what takes its time


@pytest.mark.parametrize("kind", ["version", "versions", "files", "download", "bad JSON"])
def test_n69_a_read_without_any_memory_from_a_place_on(memory, starved, kind):
    """Everything fails until the client has its answer."""
    report(kind, starve_reads(memory, starved, READS[kind], stride=WIDE, everything=True))


@pytest.mark.parametrize("kind", ["new version", "small upload", "large upload", "publish"])
def test_n69_a_change_without_any_memory_from_a_place_on(memory, starved, kind):
    report(kind, starve_change(memory, starved, CHANGES[kind], stride=WIDE, everything=True))


@pytest.mark.parametrize("kind", ["version", "models", "404", "bad JSON", "openapi"])
def test_n69_a_request_that_finds_no_memory_in_stock(memory, starved, kind):
    """A loop keeps the memory of requests that have ended; others that have begun hold it here."""
    held = []

    def hold():
        for wire in held:
            wire.socket.close()
        wanted = len(held) + 3
        held.clear()
        for _ in range(wanted):
            wire = Wire(starved)
            wire.send(b"GET /health HTTP/1.1\r\nHost: x")
            held.append(wire)

    try:
        report(kind, starve_reads(memory, starved, READS[kind], before=hold))
    finally:
        for wire in held:
            wire.socket.close()


def test_n69_connections_to_the_database_are_made_again(memory, starved):
    def cut():
        starved.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    tally = starve_reads(memory, starved, READS["versions"], before=cut, stride=2 * STRIDE)
    report("connecting", tally)


def test_n69_garbage_is_refused_or_closed(memory, starved):
    """What is no HTTP, such as a client's hello of TLS."""
    hello = b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(range(60)) + b"\r\n\r\n"
    vigil, tally = Vigil(starved), Tally()

    def once(armed):
        with armed() as shot:
            came = starved.raw(hello, timeout=1)
        noted(shot, vigil.look)
        assert not came.data or came.statuses in ([400], [503], [505]), came
        if shot.failed:
            tally.add(str(came.statuses))
        return shot

    memory.every_site(once, role=ROLE, stride=1)
    report("TLS", tally)


def test_n69_metrics_are_whole(memory, starved):
    def names(answer):
        return [line.split(" ")[0] for line in answer.text.splitlines() if not line.startswith("#")]

    ask, tally = Ask("GET", "/metrics"), Tally()
    right = names(talk(starved, ask))

    def judge(answer):
        if answer == CLOSED or answer.status == 503:
            return CLOSED if answer == CLOSED else problem_of(answer)
        assert set(right) <= set(names(answer))
        return "right"

    def once(armed):
        with armed() as shot:
            answer = talk(starved, ask)
        if shot.failed:
            tally.add(noted(shot, judge, answer))
        return shot

    memory.every_site(once, role=ROLE)
    report("/metrics", tally)


def test_n69_events_get_their_place(memory, starved, name):
    """What the service does by itself: the tick, the keys, the replica's heartbeat."""
    vigil, tally = Vigil(starved), Tally()
    path = f"/api/v1/projects/default/events?model=default/{name}&page_size=100"
    assert starved.put(model_path(name), json={}).status == 201

    def placed(n):
        until = time.monotonic() + 10 * SLOWNESS
        while len(starved.get(path).json["items"]) < n:
            assert time.monotonic() < until, "the event has no place"
            time.sleep(0.01)

    def once(armed):
        done = starved.patch(model_path(name), json={"card": str(tally.sites)}, headers={"If-Match": "*"})
        with armed() as shot:
            until = time.monotonic() + (7 if STRIDE == 1 else 1)
            while time.monotonic() < until and not memory.control.failed:
                time.sleep(0.002)
        noted(shot, vigil.look)
        assert done.status == 200
        placed(tally.sites + 2)
        if shot.failed:
            tally.add("placed")
        return shot

    memory.every_site(once, role=ROLE, most=95)
    assert starved.is_ready()
    report("background", tally)


@pytest.mark.parametrize("kind", ["small upload", "publish"])
def test_n69_a_signer_without_memory_is_done_without(memory, starved, kind):
    """One that has just begun: later it keeps what it needs."""

    def prepare(server, name):
        CHANGES[kind].prepare(server, name)
        server.kill("signer")

    change = Change(prepare, CHANGES[kind].ask, *CHANGES[kind].state)
    tally = starve_change(memory, starved, change, stride=WIDE, role="hallmarkd signer")
    report(f"signer, {kind}", tally)


@pytest.mark.parametrize("smallest", [2048, 65536])
def test_n69_a_shortage_that_lasts(memory, starved, name, smallest):
    """For a second nothing so large is to be had, with requests of all kinds coming in."""
    make_draft(starved, name)
    asks = [READS["version"], READS["versions"], READS["openapi"], READS["download"]]
    rights = [essence(talk(starved, ask)) for ask in asks]
    vigil, over = Vigil(starved), threading.Event()
    became = {}

    def client(n):
        while not over.is_set():
            if n % 5 == 4:
                path = artifact_path(name, os.urandom(8).hex())
                answer = talk(starved, Ask("PUT", path, os.urandom(100_000)))
            else:
                answer = talk(starved, asks[n % 5])
            said = answer if answer == CLOSED else answer.status
            if said not in (CLOSED, 503, 201):
                assert n % 5 < 4
                assert essence(answer) == rights[n % 5]
            became[said] = became.get(said, 0) + 1

    with ThreadPoolExecutor(10) as pool:
        clients = [pool.submit(client, n) for n in range(10)]
        time.sleep(0.1)
        with memory.failing(role=ROLE, nth=1, everything=True, smallest=smallest) as shot:
            time.sleep(1)
        over.set()
        for one in clients:
            one.result(PATIENT)
    assert shot.failed
    vigil.look()
    for ask, right in zip(asks, rights, strict=True):
        assert essence(talk(starved, ask)) == right
    print(f"n69 a second without {smallest} bytes: {shot.failed} times, {became}")


PATIENT = 30 * SLOWNESS


def test_n69_afterwards_nothing_is_half_there(starved):
    """Of everything that the tests above have left: each version has its event, each file its bytes."""
    assert (
        starved.sql(
            "SELECT m.name, v.semver FROM version v JOIN model m ON m.id = v.model_id "
            "WHERE NOT EXISTS (SELECT FROM event e WHERE e.model_id = m.id AND e.kind = 'version.created')"
        )
        == []
    )
    rows = starved.sql("SELECT storage_key, size FROM blob WHERE state = 'live'")
    assert rows
    for row in rows:
        key = row["storage_key"]
        file = starved.state / "artifacts/blobs" / key[:2] / key[2:4] / key
        assert file.stat().st_size == row["size"], row
    starved.restart()
    until = time.monotonic() + 5
    while left := list((starved.state / "artifacts/incoming").iterdir()):
        assert time.monotonic() < until, left
        time.sleep(0.02)
    with Siege(starved):
        pass


# ---- starts and commands -------------------------------------------------------------------


@pytest.fixture(scope="module")
def settled(memory, postgres):
    """A server on a database of the tests', ready to be started again and again."""
    server = Hallmark(database=postgres.create_database(), loops=1, storage_threads=2)
    server.variables = memory.variables
    server.command("migrate")
    try:
        yield server
    finally:
        memory.disarm()
        server.close()


def clear(status, said):
    """An end by itself, with one line that says why."""
    assert status in (1, 2, 7, 127), f"{status}: {said}"  # 7: try again; 127: the dynamic linker's
    assert said, "it says why"
    return "refused"


def started(server):
    """ready, or refused with a reason; within the time that a start may take."""
    before = server.log_file.stat().st_size if server.log_file.exists() else 0
    server.start(wait=False)
    until = time.monotonic() + 20 * SLOWNESS
    while server.process.poll() is None:
        assert time.monotonic() < until, f"neither ready nor ended:\n{server.log_tail()}"
        if server.is_ready():
            server.kill()
            assert not processes.wait_gone(processes.naming(str(server.state)), 5)
            return "ready"
        time.sleep(0.01)
    said = server.log_file.read_text()[before:].splitlines()
    signals = [line for line in said if '"msg":"ended"' in line and not re.search('"signal":[09]}', line)]
    assert not signals, signals
    if server.process.returncode == 127:  # what the linker says is no JSON
        server.log_file.write_text(server.log_file.read_text()[:before])
    return clear(server.process.returncode, [line for line in said if ABOUT in line or "memory" in line])


ABOUT = '"level":"error"'


@pytest.mark.parametrize("role", ["serve", "prepare", "service", "signer"])
def test_n69_a_start_works_or_says_why_not(memory, settled, role):
    tally = Tally()

    def once(armed):
        with armed() as shot:
            became = noted_call(memory, started, settled)
        if shot.failed:
            tally.add(became)
        return shot

    memory.every_site(once, role=f"hallmarkd {role}", stride=START_STRIDE)
    assert started(settled) == "ready"
    report(f"start, {role}", tally)


START_STRIDE = int(os.environ.get("MEMORY_START_STRIDE", STRIDE * 40))


def noted_call(memory, function, *arguments):
    try:
        return function(*arguments)
    except AssertionError as wrong:
        where = memory.disarm().where
        if looks_up_a_user(where):
            return "crashed in libc"
        raise AssertionError(f"{wrong}\nwithout {where}") from None


def looks_up_a_user(where):
    """glibc 2.36's getpwnam() crashes in two places when it reads nsswitch.conf (nss_database.c: a
    pointer that is NULL, an assertion). As root alone, before anything was begun."""
    return re.search(
        r"bytes for (libc\.so\.6\S+ < )+(state_preset|identity_\w+|actor_name) ",
        where,
    )


def test_n69_a_migration_works_or_says_why_not(memory, postgres, settled):
    tally = Tally()
    whole = settled.database

    def once(armed):
        settled.database = postgres.create_database()
        try:
            with armed() as shot:
                done = settled.command("migrate", check=False)
            if shot.failed:
                tally.add(
                    noted(
                        shot, lambda: "done" if done.returncode == 0 else clear(done.returncode, done.stderr)
                    )
                )
            assert settled.command("migrate").returncode == 0
        finally:
            settled.database = whole
        return shot

    memory.every_site(once, role="hallmarkd migrate", stride=START_STRIDE)
    report("migrate", tally)


COMMANDS = {
    "keys list": lambda done: done.stdout.count("\n") >= 2,
    "token list": lambda done: "admin" in done.stdout,
    "token create ci-69 --role publisher": lambda done: len(done.stdout) > 30,
    "config": lambda done: "listen" in done.stdout,
}


@pytest.mark.parametrize("words", COMMANDS)
def test_n69_a_command_works_or_says_why_not(memory, settled, words):
    tally = Tally()
    right = settled.command(*words.split())
    assert COMMANDS[words](right), right.stdout

    def judge(done):
        if done.returncode:
            return clear(done.returncode, done.stderr)
        assert COMMANDS[words](done), done.stdout
        assert len(done.stdout) == len(right.stdout) or "list" in words, done.stdout
        return "done"

    def once(armed):
        with armed() as shot:
            done = settled.command(*words.split(), check=False)
        if shot.failed:
            tally.add(noted(shot, judge, done))
        return shot

    memory.every_site(once, role=f"hallmarkd {words.split()[0]}", stride=START_STRIDE)
    report(words, tally)


# ---- the command line ----------------------------------------------------------------------


@pytest.fixture
def desk(memory, starved, tmp_path):
    """`hallmark` with a home of its own, whose memory may run out."""
    (tmp_path / "token").write_text(starved.token)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(BIG)
    (folder / "config.json").write_text('{"layers": 2}')
    variables = environment(
        HOME=str(tmp_path),
        HALLMARK_URL=f"http://{starved.host}:{starved.port}",
        HALLMARK_TOKEN_FILE=str(tmp_path / "token"),
        **memory.variables,
    )

    def run(*words):
        return subprocess.run(
            [HALLMARK, *map(str, words)],
            env=variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60 * SLOWNESS,
        )

    run.folder, run.home = folder, tmp_path
    return run


def good(done):
    assert done.returncode == 0, done.stderr
    return done


CLI_STRIDE = int(os.environ.get("MEMORY_CLI_STRIDE", STRIDE * 10))


def starve_command(memory, role, run, judge):
    """run() again and again; judge(done) of a run in which an allocation failed."""
    tally = Tally()

    def verdict(done):
        assert done.returncode >= 0, f"a signal ended it: {-done.returncode}"
        if done.returncode:
            assert done.stderr.strip(), "it says nothing"
        return judge(done) or ("done" if done.returncode == 0 else f"left {done.returncode}")

    def once(armed):
        with armed() as shot:
            done = run()
        if shot.failed:
            tally.add(noted(shot, verdict, done))
        return shot

    memory.every_site(once, role=f"hallmark {role}", stride=CLI_STRIDE)
    report(f"hallmark {role}", tally)


def test_n69_list_shows_all_or_fails(memory, desk, name):
    good(desk("push", f"default/{name}", desk.folder, "--version", "1.0.0", "--publish"))
    right = good(desk("list", f"default/{name}", "--json")).stdout

    def judge(done):
        assert done.returncode or done.stdout == right, done.stdout

    starve_command(memory, "list", lambda: desk("list", f"default/{name}", "--json"), judge)


def test_n69_push_makes_all_or_fails(memory, desk, starved, name):
    """What a failed push has left, the same command completes."""
    names = []

    def run():
        names.append(f"{name}-{len(names)}")
        return desk("push", f"default/{names[-1]}", desk.folder, "--version", "1.0.0", "--publish")

    def judge(done):
        if done.returncode:
            good(desk("push", f"default/{names[-1]}", desk.folder, "--version", "1.0.0", "--publish"))
        document = starved.get(version_path(names[-1])).json
        assert (document["state"], document["files"]) == ("published", 2)
        assert starved.get(artifact_path(names[-1], "weights.bin")).body == BIG

    starve_command(memory, "push", run, judge)


def test_n69_pull_gives_the_right_bytes_or_fails(memory, desk, name):
    """Under its name no file ever has other bytes; the same command completes what is missing."""
    good(desk("push", f"default/{name}", desk.folder, "--version", "1.0.0", "--publish"))
    folders = []

    def run():
        folders.append(desk.home / f"out{len(folders)}")
        return desk("pull", f"default/{name}@1.0.0", folders[-1])

    def bytes_are_right(whole):
        for file in desk.folder.iterdir():
            there = folders[-1] / file.name
            assert there.exists() or not whole, f"{there} is missing"
            assert not there.exists() or there.read_bytes() == file.read_bytes(), there

    def judge(done):
        bytes_are_right(done.returncode == 0)
        if done.returncode:
            good(desk("pull", f"default/{name}@1.0.0", folders[-1]))
        bytes_are_right(True)

    starve_command(memory, "pull", run, judge)


def test_n69_verify_never_takes_wrong_for_right(memory, desk, name):
    good(desk("push", f"default/{name}", desk.folder, "--version", "1.0.0", "--publish"))
    right, wrong = desk.home / "right", desk.home / "wrong"
    good(desk("pull", f"default/{name}@1.0.0", right))
    good(desk("pull", f"default/{name}@1.0.0", wrong))
    (wrong / "config.json").chmod(0o644)
    (wrong / "config.json").write_text('{"layers": 3}')
    assert desk("verify", wrong).returncode == 14

    def judge_wrong(done):
        assert done.returncode, "it takes wrong bytes for right"

    def judge_right(done):
        assert done.returncode not in (10, 12, 14), f"it says that right bytes are wrong: {done.stderr}"

    starve_command(memory, "verify", lambda: desk("verify", wrong), judge_wrong)
    starve_command(memory, "verify", lambda: desk("verify", right), judge_right)
