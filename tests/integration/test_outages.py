"""What the service says and keeps while something it needs is away, full or about to stop."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from support import processes
from support.model import MODELS
from support.paths import FLAVOUR, SLOWNESS
from support.server import AS_ROOT


def test_drain_delay_still_serves_while_ready_says_no(start_hallmark):
    server = start_hallmark(drain_delay="2s")
    processes.kill(server.pid(), signal.SIGTERM)
    until = time.monotonic() + 5
    while server.is_ready() and time.monotonic() < until:
        time.sleep(0.02)
    assert server.anonymous.get("/ready").status == 503
    assert server.anonymous.get("/livez").status == 200
    assert server.get("/api/v1/projects").status == 200
    assert server.process.wait(20 * SLOWNESS) == 0


def test_while_the_database_is_away_requests_are_told_and_then_served_again(start_hallmark):
    server = start_hallmark()
    assert server.put(f"{MODELS}/m", json={}).status == 201
    postmaster = server.pid("postgres")
    processes.kill(postmaster, signal.SIGSTOP)
    try:
        answer = server.put(f"{MODELS}/m2", json={}, timeout=30)
        assert answer.status == 201 or answer.status == 503
    finally:
        processes.kill(postmaster, signal.SIGCONT)
    server.kill("postgres")
    statuses = set()
    until = time.monotonic() + 20 * SLOWNESS
    while time.monotonic() < until:
        answer = server.get(f"{MODELS}/m")
        statuses.add(answer.status)
        if answer.status == 503:
            assert answer.headers["retry-after"]
            assert answer.json["type"] in ("/problems/unavailable", "/problems/busy")
        assert server.anonymous.get("/livez").status == 200
        if answer.status == 200 and server.is_ready():
            break
        time.sleep(0.05)
    assert answer.status == 200
    assert statuses <= {200, 503}


@pytest.fixture
def small_disk(open_folder):
    if not AS_ROOT:
        pytest.skip("mounting wants root")
    folder = open_folder / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=1777", "tmpfs", str(folder)], check=False
    )
    if mounted.returncode:
        pytest.skip("no tmpfs to be had here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_and_survived(start_hallmark, small_disk):
    server = start_hallmark(begin=False)
    server.start("--storage-path", str(small_disk / "store"))
    server.put(f"{MODELS}/full", json={})
    server.post(f"{MODELS}/full/versions", json={"version": "1.0.0"})
    at = f"{MODELS}/full/versions/1.0.0/artifacts"
    big = os.urandom(12_000_000)
    assert server.put(f"{at}/big", body=big).status == 507
    halves = (big[i : i + 100_000] for i in range(0, len(big), 100_000))
    assert server.put(f"{at}/big", body=halves).status == 507
    small = os.urandom(1_000_000)
    assert server.put(f"{at}/small", body=small).status == 201
    assert server.get(f"{at}/small").body == small
    assert server.get(f"{at}/big").status == 404
    assert shutil.disk_usage(small_disk).used < 3_000_000
    server.stop()


@pytest.mark.skipif(FLAVOUR != "plain", reason="sanitizers keep memory")
def test_memory_comes_back_after_uploads(start_hallmark):
    server = start_hallmark()
    server.put(f"{MODELS}/big", json={})
    server.post(f"{MODELS}/big/versions", json={"version": "1.0.0"})

    def upload(n):
        body = os.urandom(3_000_000)
        assert server.put(f"{MODELS}/big/versions/1.0.0/artifacts/f{n}", body=body).status == 201

    for n in range(20):
        upload(n)
    before = processes.resident(server.pid("service"))
    for n in range(20, 100):
        upload(n)
    after = processes.resident(server.pid("service"))
    assert after < before + 6 * 1024 * 1024, (before, after)
