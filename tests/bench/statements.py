"""Rows about requests a second: GET one version, create a version."""

import contextlib
import json
import socket
import subprocess
import time

from measure import HERE, LOOPS, Row, pgbench, say, wrk
from support.postgres import psql
from support.server import free_port

VERSION = "/api/v1/projects/default/models/bench-read/versions/1.0.0"
LANES = 15  # the preset of write_lanes

# The least that a look at this row can be: by its primary key, the columns that the answer shows.
LEAST = """SELECT id, model_id, semver, ordinal, state, params, tags, description, reason, created_at,
    created_by, published_at, published_by, key_id, files, bytes, row_version FROM version WHERE id = $1"""


def make_version(hallmark):
    """A version such as a pipeline makes; returns its id and the bytes that GET answers."""
    hallmark.put("/api/v1/projects/default/models/bench-read", json={"description": "read by wrk"})
    body = {
        "version": "1.0.0",
        "description": "an embedding model, fine-tuned",
        "params": {"epochs": 100, "optimizer": "adamw", "learning_rate": 0.0003, "batch_size": 64},
        "tags": {"framework": "onnx", "task": "embedding"},
    }
    made = hallmark.post(VERSION.rpartition("/")[0], json=body)
    assert made.status == 201, made
    return made.json["id"], hallmark.get(VERSION).body


@contextlib.contextmanager
def floor(program, conninfo, version_id, body, folder, unit):
    """tests/bench/floor.c on a port of its own."""
    file, port = folder / "floor.body", free_port()
    file.write_bytes(body)
    process = subprocess.Popen([program, str(port), str(LOOPS), conninfo, LEAST, version_id, file, str(unit)])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def read(hallmark, program, folder, seconds, times):
    """Beside the floor as it is usually written, and one that shares syncs as sql/db.c does."""
    version_id, body = make_version(hallmark)
    given = (program, hallmark.database, version_id, body, folder)
    got, each, shared = [], [], []
    with floor(*given, 1) as after_each, floor(*given, 8) as after_eight:
        turns = (
            (each, after_each),
            (got, f"http://{hallmark.host}:{hallmark.port}"),
            (shared, after_eight),
        )
        for _, base in turns:
            wrk(base + VERSION, 1, token=hallmark.token)
        for _ in range(times):
            for rates, base in turns:
                rates.append(wrk(base + VERSION, seconds, token=hallmark.token))
            say(f"  GET version: {got[-1]:.0f}/s, floor {each[-1]:.0f}/s, sharing syncs {shared[-1]:.0f}/s")
    what = f"GET one version ({len(body)} bytes), 64 keep-alive connections"
    return [
        Row(what, "`floor.c`, a sync after each query", "/s", got, each, least=0.85),
        Row("the same", "`floor.c`, 8 queries share a sync as in the service", "/s", got, shared, least=0.85),
    ]


def create(hallmark, seconds, times):
    for i in range(64):
        assert hallmark.put(f"/api/v1/projects/default/models/bench-{i}", json={}).status == 201
    pgbench_tables(hallmark.database)
    function = [f"-c{LANES}", f"-f{HERE / 'create.sql'}", "-Dn=0"]
    got, tpcb, bare = [], [], []
    for i in range(-1, times):  # the first is for warming up
        run = 101 + i
        lengths = seconds if i >= 0 else 1
        results = (
            pgbench(hallmark.database, lengths, "-N", "-c16"),
            wrk(
                f"http://{hallmark.host}:{hallmark.port}/",
                lengths,
                f"-s{HERE / 'create.lua'}",
                token=hallmark.token,
                env={"HALLMARK_BENCH_RUN": str(run)},
            ),
            pgbench(hallmark.database, lengths, *function, f"-Drun={run + 200}"),
        )
        if i >= 0:
            for keep, result in zip((tpcb, got, bare), results, strict=True):
                keep.append(result)
            say("  create: {1:.0f}/s, pgbench -N {0:.0f}/s, the function {2:.0f}/s".format(*results))
    check_order(hallmark)
    what = "create a version, its event included, 64 connections over 64 models"
    return [
        Row(what, "`pgbench -N -M prepared -c 16`", "/s", got, tpcb, least=0.8),
        Row(
            "the same",
            f"the same SQL function, `pgbench -M prepared -c {LANES}`",
            "/s",
            got,
            bare,
            least=0.7,
        ),
    ]


def pgbench_tables(conninfo):
    from measure import newest, run

    run(newest("/usr/lib/postgresql/*/bin/pgbench") or "pgbench", "-i", "-q", "-s10", conninfo)


def check_order(hallmark):
    """What was measured was right: ordinals without gaps, every version with its event."""
    gaps = psql(
        hallmark.database,
        "SELECT count(*) FROM (SELECT 1 FROM version GROUP BY model_id HAVING max(ordinal) <> count(*)) AS g",
    )
    silent = psql(
        hallmark.database,
        "SELECT (SELECT count(*) FROM version) - (SELECT count(*) FROM event WHERE kind = 'version.created')",
    )
    assert (json.loads(gaps), json.loads(silent)) == (0, 0)
