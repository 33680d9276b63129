"""Whatever clients do and whatever happens beneath it, the service ends only when it is ended."""

import contextlib
import os
import re
import socket
import time
from pathlib import Path

import pytest
from support import processes
from support.chaos import Accidents, Client
from support.paths import FLAVOUR, SLOWNESS
from support.server import AS_ROOT

SEED = int(os.environ.get("CHAOS_SEED", "1"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "5"))
CLIENTS = 8
FEW = 3  # connections: the one that asks, and what a test before left
LOOPS = 3
LANES = LOOPS * (1 + 1 + 5 + 2)  # each loop's to the database, when all of them are open

WRONG = ("internal", "handler_without_reply", "signature_bad", "key_row", "cannot_start", "gave_up")


def crowd(server, seed):
    clients = [Client(server, seed * 1000 + n) for n in range(CLIENTS)]
    for one in clients:
        one.start()
    return clients


def disperse(clients):
    for one in clients:
        one.stopped.set()
    for one in clients:
        one.join(20 * SLOWNESS)
        assert not one.is_alive()
        assert not one.strange, one.strange[:3]


def statuses(clients):
    total = {}
    for one in clients:
        for status, n in one.statuses.items():
            total[status] = total.get(status, 0) + n
    return dict(sorted(total.items()))


def deaths(server, role):
    return [e for e in server.logs if e["msg"] == "ended" and role in e["process"] and e["level"] == "warn"]


def check(server, accidents):
    """Nothing ended but what was ended on purpose; nothing went wrong inside."""
    wrong = [entry for entry in server.logs if entry["msg"] in WRONG]
    assert not wrong, (SEED, accidents.told, wrong[:3])
    ended = deaths(server, "service")
    assert len(ended) <= accidents.ended["service"], (SEED, accidents.told, ended)
    assert all(entry["signal"] == 9 for entry in ended), (SEED, accidents.told, ended)
    signers = [entry for entry in deaths(server, "signer") if entry["signal"] not in (0, 9)]
    assert not signers, (SEED, accidents.told, signers)


def furnish(server):
    """So that valid requests have something to find, in every state a version has."""
    server.put("/api/v1/projects/default/models/bert", json={"tags": {"task": "embedding"}})
    server.put("/api/v1/projects/default/models/minilm", json={})
    versions = "/api/v1/projects/default/models/bert/versions"
    server.post(versions, json={"version": "1.0.0", "metrics": [{"name": "accuracy", "value": 0.9}]})
    server.put(f"{versions}/1.0.0/artifacts/model.bin", body=b"x" * 200_000)
    server.post(f"{versions}/1.0.0/publish", json={})
    server.put("/api/v1/projects/default/models/bert/aliases/champion", json={"version": "1.0.0"})


def descriptors(pid):
    """How many are open; 0 for who may not look, since the service lets nobody but root."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir())) if AS_ROOT else 0


def connections(server):
    found = re.search(r"^hallmark_http_connections (\d+)$", server.get("/metrics").text, re.M)
    return int(found[1])


def storm(server, kinds, seconds, seed):
    accidents = Accidents(server, seed, kinds)
    clients = crowd(server, seed)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(accidents.random.uniform(0.05, 0.9))
        accidents.one()
    disperse(clients)
    print(f"seed {seed}: {statuses(clients)}, {len(accidents.told)} accidents")
    server.wait_ready()
    check(server, accidents)
    return clients


@pytest.fixture
def server(start_hallmark):
    found = start_hallmark(loops=LOOPS, request_memory="1MiB", storage_threads=4)
    furnish(found)
    return found


def test_the_service_outlives_every_client_and_stays_small(server):
    """Broken requests and hang-ups alone: the same process, with what it began with."""
    pid = server.pid("service")
    most = descriptors(pid) + LANES
    storm(server, ["nothing"], SECONDS / 2, SEED)
    small = processes.resident(pid)
    heard = statuses(storm(server, ["nothing"], SECONDS, SEED + 1))
    assert {"200", "400", "404"} <= set(heard), heard
    until = time.monotonic() + 5 * SLOWNESS
    while descriptors(pid) > most and time.monotonic() < until:
        time.sleep(0.2)
    assert descriptors(pid) <= most
    assert server.pid("service") == pid
    if FLAVOUR == "plain":  # sanitizers keep what was freed
        assert processes.resident(pid) < small + 16 * 1024 * 1024


def test_the_service_outlives_its_signer_and_its_database(server):
    pid = server.pid("service")
    storm(
        server,
        [
            "signer_dies",
            "signer_sleeps",
            "signer_dies_while_renewed",
            "keys_are_read_again",
            "lanes_break",
            "postgres_dies",
        ],
        SECONDS,
        SEED + 2,
    )
    assert server.pid("service") == pid


def test_a_service_that_was_killed_comes_back_under_traffic(server):
    storm(server, ["service_dies", "service_dies", "signer_dies", "lanes_break"], SECONDS, SEED + 3)


def test_a_client_that_hangs_up_is_not_kept_until_its_time_is_up(server):
    for said in (b"GET /livez HTTP/1.1\r\nHo", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b""):
        for _ in range(20):
            with socket.create_connection((server.host, server.port)) as s:
                s.sendall(said)
    until = time.monotonic() + 5 * SLOWNESS
    while connections(server) > FEW and time.monotonic() < until:
        time.sleep(0.1)
    assert connections(server) <= FEW


@pytest.mark.parametrize("turn", range(2))
def test_a_drain_under_traffic_ends_in_order(server, turn):
    accidents = Accidents(server, SEED, ["nothing"])
    clients = crowd(server, SEED + 10 + turn)
    time.sleep(min(SECONDS, 1.5))
    assert server.stop() == 0
    disperse(clients)
    check(server, accidents)


def test_a_job_that_needs_more_memory_than_a_request_has_is_refused_alone(server):
    """Publishing checks every file on a pool thread, in the request's memory: somewhere between
    these numbers of files the request leaves the job, and the service goes on."""
    pid, heard = server.pid("service"), []
    versions = "/api/v1/projects/default/models/bert/versions"
    with contextlib.closing(server.connect()) as kept:
        for n, files in enumerate((50, 150, 250, 350)):
            at = f"{versions}/2.{n}.0"
            server.post(versions, json={"version": f"2.{n}.0"}, connection=kept)
            for file in range(files):
                put = server.put(
                    f"{at}/artifacts/{'/'.join(['x' * 250] * 3)}/{file}", body=b"x", connection=kept
                )
                assert put.status == 201, put
            heard += [server.post(f"{at}/publish", json={}, connection=kept).status for _ in range(5)]
    assert set(heard) == {200, 503}, heard
    assert server.pid("service") == pid
