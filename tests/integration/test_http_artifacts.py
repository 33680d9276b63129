"""Bytes in and out: digests, ranges, sizes, chunks."""

import base64
import hashlib
import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.registry import artifact_path, is_problem, make_artifact, make_draft, version_path
from support.wire import Wire

DATA = bytes(range(256)) * 40


def digest(data, kind="sha256"):
    name = {"sha256": "sha-256", "sha512": "sha-512"}[kind]
    return f"{name}=:{base64.b64encode(hashlib.new(kind, data).digest()).decode()}:"


@pytest.fixture
def file(service, name):
    make_draft(service, name)
    make_artifact(service, name, "f", DATA)
    return artifact_path(name, "f")


# ---- sizes --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 3_000_001])
@pytest.mark.parametrize("chunked", [False, True])
def test_what_comes_in_goes_out(service, name, size, chunked):
    make_draft(service, name)
    data = random.Random(size).randbytes(size)
    body = iter([data[i : i + 9999] for i in range(0, size, 9999)]) if chunked else data
    made = make_artifact(service, name, "f", body)
    assert made.json["size"] == size
    assert made.json["sha256"] == hashlib.sha256(data).hexdigest()
    assert made.json["blake2b"] == hashlib.blake2b(data).hexdigest()
    answer = service.get(artifact_path(name, "f"))
    assert answer.body == data
    assert answer.headers["Content-Length"] == str(size)
    assert answer.headers["Repr-Digest"] == digest(data)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == f'"{made.json["sha256"]}"'


def test_chunks_of_every_size(service, name):
    make_draft(service, name)
    data = os.urandom(40_000)
    with Wire(service) as wire:
        wire.send(wire.head("PUT", artifact_path(name, "f"), "Transfer-Encoding: chunked"))
        at, size = 0, 1
        while at < len(data):
            piece = data[at : at + size]
            wire.send(b'%X;ext="1"\r\n%b\r\n' % (len(piece), piece))
            at, size = at + size, size * 2 % 9973 + 1
        wire.send(b"000\r\nX-Trailer: 1\r\n\r\n")
        answer = wire.answer()
        assert answer.status == 201, answer
        assert answer.json["sha256"] == hashlib.sha256(data).hexdigest()
        assert wire.closed()
    assert service.get(artifact_path(name, "f")).body == data


def test_a_length_must_be_said(service, name):
    make_draft(service, name)
    with Wire(service) as wire:
        wire.send(wire.head("PUT", artifact_path(name, "f")))
        is_problem(wire.answer(), 411, "length-required")


def test_limits_of_size(start_hallmark, name):
    server = start_hallmark(max_upload="1MiB", max_body="64KiB")
    make_draft(server, name)
    edge = 1 << 20
    make_artifact(server, name, "edge", b"x" * edge)
    make_artifact(server, name, "edge-chunked", iter([b"x" * edge]))
    for body in (b"x" * (edge + 1), iter([b"x" * edge, b"x"]), iter([b"x" * (edge + 1)])):
        is_problem(server.put(artifact_path(name, "more"), body=body), 413, "too-large")
    is_problem(server.get(artifact_path(name, "more")), 404)
    path, kind = version_path(name), {"Content-Type": "application/json", "If-Match": "*"}
    whole = b'{"description":"%b"}'
    fits = whole % (b"x" * (65536 - len(whole) + 2))
    assert len(fits) == 65536
    for body, status in ((fits, 200), (iter([fits]), 200), (fits + b" ", 413), (iter([fits, b" "]), 413)):
        answer = server.patch(path, body=body, headers=kind)
        assert answer.status == status, answer.body[:300]


# ---- digests ------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Repr-Digest", "Content-Digest"])
def test_digests_are_checked(service, name, header):
    make_draft(service, name)
    path = artifact_path(name, "f")
    wrong = service.put(path, body=DATA, headers={header: digest(b"other")})
    is_problem(wrong, 400, "digest-mismatch")
    assert service.get(path).status == 404
    for value in (
        "sha-256",
        "sha-256=",
        "sha-256=::",
        "sha-256=:AAAA:",
        "sha-256=abc",
        f'sha-256="{hashlib.sha256(DATA).hexdigest()}"',
        digest(DATA)[:-1],
        digest(DATA) + ",",
        "SHA-256=:AAAA:",
        "=",
        digest(DATA, "sha512"),
    ):
        answer = service.put(path, body=DATA, headers={header: value})
        is_problem(answer, 400, "invalid-request", header=header)
    right = f"md5=:AAAA:, {digest(DATA, 'sha512')}, {digest(DATA)}"
    assert service.put(path, body=DATA, headers={header: right}).status == 201
    both = {"Repr-Digest": digest(DATA), "Content-Digest": digest(b"other")}
    is_problem(service.put(path, body=DATA, headers=both), 400, "invalid-request")


def test_an_upload_that_ends_early_leaves_nothing(service, name):
    make_draft(service, name)
    with Wire(service) as wire:
        wire.send(wire.head("PUT", artifact_path(name, "f"), "Content-Length: 2000000") + b"x" * 1_000_000)
    assert service.get(artifact_path(name, "f")).status == 404
    assert service.get(f"{version_path(name)}/artifacts").json["items"] == []


def test_the_same_bytes_again_change_nothing(service, file):
    tag = service.get(file).headers["ETag"]
    again = service.put(file, body=DATA)
    assert (again.status, again.headers["ETag"]) == (200, tag), again
    is_problem(service.put(file, body=b"other"), 428, "precondition-required")
    assert service.get(file).body == DATA


def test_rivals_for_one_path(service, name):
    make_draft(service, name)
    bodies = [os.urandom(100_000) for _ in range(12)]

    def one(body):
        return service.put(artifact_path(name, "f"), body=body).status

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(one, bodies))
    assert statuses.count(201) == 1, statuses
    assert set(statuses) == {201, 428}
    assert service.get(artifact_path(name, "f")).body == bodies[statuses.index(201)]


# ---- ranges -------------------------------------------------------------------------------

LAST = len(DATA) - 1


@pytest.mark.parametrize(
    ("range_", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, LAST),
        ("bytes=100-199", 100, 199),
        ("bytes=5-999999999", 5, LAST),
        (f"bytes={LAST}-", LAST, LAST),
        ("bytes=-1", LAST, LAST),
        ("bytes=-100", LAST - 99, LAST),
        ("bytes=-99999999", 0, LAST),
        ("bytes=0-99999999999999999999999999", 0, LAST),
        ("bytes=-99999999999999999999999999", 0, LAST),
        ("Bytes=1-2", 1, 2),
        ("bytes= 1-2 ", 1, 2),
    ],
)
def test_a_range_is_served(service, file, range_, first, last):
    answer = service.get(file, headers={"Range": range_})
    assert answer.status == 206, answer
    assert answer.body == DATA[first : last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(DATA)}"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.headers["Repr-Digest"] == digest(DATA)


def test_if_range(service, file):
    tag = service.get(file).headers["ETag"]
    for value, status in (
        (tag, 206),
        (f"W/{tag}", 200),
        ('"other"', 200),
        ("Mon, 23 Nov 2026 10:00:00 GMT", 200),
        (tag[:-1], 200),
        ("", 200),
    ):
        answer = service.get(file, headers={"Range": "bytes=1-3", "If-Range": value})
        assert (answer.status, len(answer.body)) == (status, 3 if status == 206 else len(DATA)), value
    outside = service.get(file, headers={"Range": "bytes=99999-", "If-Range": '"other"'})
    assert outside.status == 200
    known = service.get(file, headers={"Range": "bytes=1-3", "If-None-Match": tag})
    assert known.status == 304


def test_head_has_no_ranges(service, file):
    answer = service.head(file, headers={"Range": "bytes=0-1"})
    assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(DATA)))


def test_ranges_of_nothing(service, name):
    make_draft(service, name)
    make_artifact(service, name, "f", b"")
    for range_ in ("bytes=0-", "bytes=0-0", "bytes=-1"):
        answer = service.get(artifact_path(name, "f"), headers={"Range": range_})
        is_problem(answer, 416)
        assert answer.headers["Content-Range"] == "bytes */0"


def test_a_download_in_pieces_is_the_whole(service, name):
    make_draft(service, name)
    data = os.urandom(1_000_000)
    make_artifact(service, name, "f", data)
    kept, got = service.connect(), b""
    tag = service.head(artifact_path(name, "f")).headers["ETag"]
    while len(got) < len(data):
        headers = {"Range": f"bytes={len(got)}-{len(got) + 77_776}", "If-Range": tag}
        answer = service.get(artifact_path(name, "f"), headers=headers, connection=kept)
        assert answer.status == 206
        got += answer.body
    assert got == data
