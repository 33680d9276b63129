"""Rows about requests a second: GET one version, create a version."""

import contextlib
import http.client
import json
import socket
import subprocess
import time

from measure import HERE, LOOPS, Row, pgbench, say, wrk
from support.paths import ROOT
from support.postgres import psql
from support.server import free_port

VERSION = "/api/v1/projects/default/models/bench-read/versions/1.0.0"
VERSIONS = 1000  # of the model that is read
LANES = 15  # the preset of write_lanes
UNIT = 8  # reads that share a sync in sql/db.c

# The least that a look at this row can be: by its primary key, the columns that the answer shows.
LEAST = """SELECT id, model_id, semver, ordinal, state, params, tags, description, reason, created_at,
    created_by, published_at, published_by, key_id, files, bytes, row_version FROM version WHERE id = $1"""
# What the service asks. $4 is NULL where build metadata does not count; the service declares its type.
OWN = (ROOT / "sql/versions/get_exact.sql").read_text().replace("$4", "$4::text")

MADE_BY_LIBRARIES = ("date", "connection", "content-length")


def make_versions(hallmark):
    """Versions such as a pipeline makes; returns the first one's id and what GET answers for it."""
    hallmark.put("/api/v1/projects/default/models/bench-read", json={"description": "read by wrk"})
    body = {
        "version": "1.0.0",
        "description": "an embedding model, fine-tuned",
        "params": {"epochs": 100, "optimizer": "adamw", "learning_rate": 0.0003, "batch_size": 64},
        "tags": {"framework": "onnx", "task": "embedding"},
    }
    for i in reversed(range(VERSIONS)):
        made = hallmark.post(VERSION.rpartition("/")[0], json={**body, "version": f"1.0.{i}"})
        assert made.status == 201, made
    return made.json["id"], hallmark.get(VERSION)


@contextlib.contextmanager
def floor(program, conninfo, answer, sql, *parameters):
    """tests/bench/floor.c on a port of its own; it shares syncs as the service does."""
    port = free_port()
    process = subprocess.Popen(
        [program, str(port), str(LOOPS), conninfo, str(UNIT), answer, sql, *parameters]
    )
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def write_answer(file, answer):
    head = [f"{name}: {value}" for name, value in answer.fields if name.lower() not in MADE_BY_LIBRARIES]
    file.write_bytes("\n".join([*head, "", ""]).encode() + answer.body)
    return file


def check_floor(base, answer):
    """It answers the same bytes, and again on the same connection: else wrk would measure connecting."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"))
    for _ in range(2):
        connection.request("GET", VERSION)
        got = connection.getresponse()
        assert got.read() == answer.body
        assert not got.will_close, "floor.c closes its connections"
        assert sorted(got.headers.keys()) == sorted(name for name, _ in answer.fields)
    connection.close()


def read(hallmark, program, folder, seconds, times):
    """Beside the floor with the least SELECT, and with the one that the service asks. Equal
    questions that wait together are asked once; with a thousand versions in turn, hardly any are."""
    version_id, answer = make_versions(hallmark)
    precedence = psql(hallmark.database, f"SELECT precedence FROM version WHERE id = '{version_id}'").strip()
    given = (program, hallmark.database, write_answer(folder / "floor.answer", answer))
    own = (OWN, "default", "bench-read", precedence, "")
    service = f"http://{hallmark.host}:{hallmark.port}"
    got, least, same, spread = [], [], [], []
    with floor(*given, LEAST, version_id) as by_key, floor(*given, *own) as by_name:
        for base in (by_key, by_name):
            check_floor(base, answer)
        turns = (
            (least, by_key),
            (got, service),
            (same, by_name),
        )
        for _, base in turns:
            wrk(base + VERSION, 1, token=hallmark.token)
        for _ in range(times):
            for rates, base in turns:
                rates.append(wrk(base + VERSION, seconds, token=hallmark.token))
            spread.append(read_in_turn(service, hallmark.token, seconds))
            say(
                f"  GET version: {got[-1]:.0f}/s, floor {least[-1]:.0f}/s, with our SELECT {same[-1]:.0f}/s,"
                f" {VERSIONS} in turn {spread[-1]:.0f}/s"
            )
    what = f"GET one version ({len(answer.body)} bytes), 64 keep-alive connections"
    return [
        Row(what, "`floor.c`, SELECT by primary key", "/s", got, least, least=0.85),
        Row("the same", "`floor.c`, the SELECT that the service asks", "/s", got, same, least=0.85),
        Row(f"GET {VERSIONS} versions in turn", "`floor.c`, one row by primary key", "/s", spread, least),
    ]


def read_in_turn(base, token, seconds):
    return wrk(
        base + "/",
        seconds,
        f"-s{HERE / 'read.lua'}",
        token=token,
        env={"HALLMARK_BENCH_VERSIONS": str(VERSIONS)},
    )


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
