"""A fuzzer of the whole service over bare sockets: tests/integration/support/mutants.py spoils
requests of every operation; here the service must stay whole.

MUTANT_SEED and MUTANT_SECONDS say which and how long; MUTANT=SEED:N says one of them again.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import processes
from support.mutants import Mutant, judge
from support.openapi import load
from support.paths import FLAVOUR, SLOWNESS
from support.registry import make_artifact, make_draft, make_published, make_version, model_path

SEED = os.environ.get("MUTANT_SEED", "1")
SECONDS = float(os.environ.get("MUTANT_SECONDS", "5"))
ONE = os.environ.get("MUTANT")
CONNECTIONS = 8
PATIENCE = 0.2 * SLOWNESS  # with a server that waits for what does not come
FLAT = 8 * 1024 * 1024


@pytest.fixture(scope="module")
def furnished(hallmark):
    make_published(hallmark, "minilm")
    make_version(hallmark, "minilm", "1.1.0")
    make_draft(hallmark, "draft")
    make_artifact(hallmark, "draft", "onnx/model.onnx", b"w" * 50_000)
    champion = f"{model_path('minilm')}/aliases/champion"
    assert hallmark.put(champion, json={"version": "1.0.0"}).status == 201
    return hallmark


def try_one(description, server, seed, n):
    mutant = Mutant(description, server, seed, n)
    heard, closed = mutant.converse(PATIENCE)
    try:
        judge(mutant.said, heard, closed)
    except (AssertionError, ValueError, KeyError) as fault:
        said = mutant.said.replace(server.token.encode(), b"TOKEN")
        raise AssertionError(f"MUTANT={mutant.name} said {said!r}\nheard {heard!r}\n{fault}") from fault
    return heard[9:12].decode() or "none"


def try_for(description, server, seconds, first):
    """How often which answer came first; numbers count on from `first`."""
    statuses, until, n = {}, time.monotonic() + seconds, first
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        while time.monotonic() < until:
            batch = range(n, n + 10 * CONNECTIONS)
            for status in pool.map(lambda i: try_one(description, server, SEED, i), batch):
                statuses[status] = statuses.get(status, 0) + 1
            n = batch.stop
    print(f"seed {SEED}, {first} to {n - 1}: {dict(sorted(statuses.items()))}")
    return statuses, n


def published(server):
    """What never changes again, by version."""
    rows = server.sql(
        "SELECT v.id, v.semver, v.ordinal, v.params::text, v.published_at, v.key_id, v.files, v.bytes, "
        "encode(v.manifest_sha256, 'hex') AS manifest, (SELECT json_agg(a.path || a.blob_id || a.minisig "
        "ORDER BY a.path) FROM artifact a WHERE a.version_id = v.id) AS artifacts "
        "FROM version v WHERE v.published_at IS NOT NULL"
    )
    return {row["id"]: row for row in rows}


@pytest.mark.usefixtures("service")
@pytest.mark.timeout(SECONDS + 180)
def test_no_spoilt_request_breaks_the_service(furnished):
    """The fixture sees to the same process, no line of level error, and an answer afterwards."""
    description = load(furnished.anonymous.get("/openapi.json"))
    if ONE:
        seed, _, n = ONE.partition(":")
        try_one(description, furnished, seed, int(n))
        return
    kept = published(furnished)
    heard, n = try_for(description, furnished, SECONDS / 2, 0)
    pid = furnished.pid("service")
    before = processes.resident(pid)
    more, n = try_for(description, furnished, SECONDS / 2, n)
    assert {"200", "400", "404"} <= set(heard) | set(more), (heard, more)
    assert n > 100
    after = published(furnished)
    assert kept
    assert {version: after.get(version) for version in kept} == kept
    if FLAVOUR == "plain":  # sanitizers keep what was freed
        assert processes.resident(pid) < before + FLAT


def test_a_mutant_is_the_same_again(furnished):
    description = load(furnished.anonymous.get("/openapi.json"))
    for n in range(50):
        assert Mutant(description, furnished, "x", n).said == Mutant(description, furnished, "x", n).said


@pytest.mark.parametrize(
    "heard",
    [
        b"HTTP/1.1 500 Internal Server Error\r\nX-Request-Id: a\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nX-Request-Id: a\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nX-Request-Id: a\r\nContent-Type: application/problem+json\r\n"
        b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX-Request-Id : a\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Request-Id: a\r\nContent-Length: 2\r\n\r\n{}}HTTP/1.1 200 OK\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_a_bad_answer_is_seen(heard):
    with pytest.raises((AssertionError, ValueError, KeyError)):
        judge(b"GET / HTTP/1.1", heard, closed=True)
