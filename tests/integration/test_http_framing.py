"""HTTP as bytes: shapes that others frame differently are refused, and nothing behind them runs."""

import re
import socket
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.paths import SLOWNESS
from support.registry import artifact_path, is_problem, make_draft, make_model, model_path
from support.wire import Wire

HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"

# What stands in front of a request that must never run: @ is Authorization, # is Host,
# $ a chunked JSON body. What the shape lies about is the smuggled request itself.
SHAPES = {
    "length and coding": "PUT /P HTTP/1.1|#|@|Content-Length: 4|Transfer-Encoding: chunked||0||",
    "coding and length": "PUT /P HTTP/1.1|#|@|Transfer-Encoding: chunked|Content-Length: 4||0||",
    "two lengths": "PUT /P HTTP/1.1|#|@|Content-Length: 0|Content-Length: 300||",
    "the same length twice": "GET /health HTTP/1.1|#|Content-Length: 0|Content-Length: 0||",
    "a length with a sign": "PUT /P HTTP/1.1|#|@|Content-Length: +0||",
    "a negative length": "PUT /P HTTP/1.1|#|@|Content-Length: -1||",
    "a hexadecimal length": "PUT /P HTTP/1.1|#|@|Content-Length: 0x0||",
    "a list of lengths": "PUT /P HTTP/1.1|#|@|Content-Length: 0, 0||",
    "two numbers for a length": "PUT /P HTTP/1.1|#|@|Content-Length: 0 0||",
    "an empty length": "PUT /P HTTP/1.1|#|@|Content-Length:||",
    "a length of 2^64": "PUT /P HTTP/1.1|#|@|Content-Length: 18446744073709551616||",
    "a length of 2^64-1": "PUT /P HTTP/1.1|#|@|Content-Length: 18446744073709551615||",
    "a length of 2^63": "PUT /P HTTP/1.1|#|@|Content-Length: 9223372036854775808||",
    "space before the colon of a length": "PUT /P HTTP/1.1|#|@|Content-Length : 3||abc",
    "space before the colon of a coding": "PUT /P HTTP/1.1|#|@|Transfer-Encoding : chunked||0||",
    "space before the colon of any field": "GET /health HTTP/1.1|#|X-A : 1||",
    "an unknown coding": "PUT /P HTTP/1.1|#|@|Transfer-Encoding: xchunked||",
    "identity, chunked": "PUT /P HTTP/1.1|#|@|Transfer-Encoding: identity, chunked||0||",
    "chunked, identity": "PUT /P HTTP/1.1|#|@|Transfer-Encoding: chunked, identity||0||",
    "gzip, chunked": "PUT /P HTTP/1.1|#|@|Transfer-Encoding: gzip, chunked||0||",
    "chunked with a parameter": "PUT /P HTTP/1.1|#|@|Transfer-Encoding: chunked;q=1||0||",
    "chunked behind a vertical tab": "PUT /P HTTP/1.1|#|@|Transfer-Encoding: \x0bchunked||0||",
    "an empty coding": "PUT /P HTTP/1.1|#|@|Transfer-Encoding:||0||",
    "two codings": "PUT /P HTTP/1.1|#|@|Transfer-Encoding: chunked|Transfer-Encoding: chunked||0||",
    "a coding on HTTP/1.0": "PUT /P HTTP/1.0|#|@|Transfer-Encoding: chunked||0||",
    "a control byte in a name": "GET /health HTTP/1.1|#|X-\x01A: 1||",
    "a high byte in a name": "GET /health HTTP/1.1|#|X-\xe9: 1||",
    "an indented first field": "GET /health HTTP/1.1| X-A: 1|#||",
    "a control byte in a value": "GET /health HTTP/1.1|#|X-A: 1\x012||",
    "a bare CR in a value": "GET /health HTTP/1.1|#|X-A: 1\r2||",
    "a bare CR before a length": "PUT /P HTTP/1.1|#|@|X-A: 1\rContent-Length: 300||",
    "two hosts": "GET /health HTTP/1.1|#|#||",
    "no host": "GET /health HTTP/1.1||",
    "two authorizations": "PUT /P HTTP/1.1|#|@|@|Content-Length: 0||",
    "a control byte in the method": "G\x01T /health HTTP/1.1|#||",
    "HTTP/1.2": "GET /health HTTP/1.2|#||",
    "HTTP/2.0": "GET /health HTTP/2.0|#||",
    "HTTP/0.9": "GET /health HTTP/0.9|#||",
    "another expectation": "GET /health HTTP/1.1|#|Expect: 200-ok||",
    "the preface of HTTP/2": "PRI * HTTP/2.0||SM||",
    "the hello of TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03||",
    "a chunk that is no number": "PUT /P HTTP/1.1|#|@|$||zz|{}|0||",
    "a negative chunk": "PUT /P HTTP/1.1|#|@|$||-2|{}|0||",
    "a chunk of 2^64": "PUT /P HTTP/1.1|#|@|$||10000000000000000|{}|0||",
    "a chunk of 0x2": "PUT /P HTTP/1.1|#|@|$||0x2|{}|0||",
    "a chunk without its end": "PUT /P HTTP/1.1|#|@|$||2|{}XX0||",
}


def frame(server, shape):
    text = (
        shape.replace("|", "\r\n")
        .replace("@", f"Authorization: Bearer {server.token}")
        .replace("#", f"Host: {server.host}:{server.port}")
        .replace("$", "Content-Type: application/json\r\nTransfer-Encoding: chunked")
        .replace("/P", model_path("front"))
    )
    return text.encode("latin-1")


def smuggled(server, name):
    fields = ("Content-Type: application/json", "Content-Length: 2", "Connection: close")
    return Wire(server).head("PUT", model_path(name), *fields) + b"{}"


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_nothing_behind_a_lying_frame_runs(service, name, shape):
    got = service.raw(frame(service, shape) + smuggled(service, name), timeout=2 * SLOWNESS)
    assert got.closed, got
    # libmicrohttpd 0.9.75 sends the head of a refusal of its own twice.
    assert len(set(got.statuses)) <= 1, got
    assert set(got.statuses) <= {400, 413, 417, 501, 505}, got
    assert service.get(model_path(name)).status == 404


# These are read the way the RFC's newest texts want or allow, so what follows them runs.
@pytest.mark.parametrize(
    "head",
    [
        b"GET /health HTTP/1.1\nHost: x\n\n",
        b"GET /health HTTP/1.0\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhOsT:x\r\nX-A:\t1 \t\r\n\r\n",
        b"\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-Latin: \xe9\r\n\r\n",
    ],
)
def test_plain_variants_are_served(service, head):
    with Wire(service) as wire:
        wire.send(head)
        assert wire.answer().status == 200


# libmicrohttpd hides these from us; whatever it makes of them, the frame must stay ours. (It
# also cuts a value at a NUL, so "chunked", NUL is chunked to all of us alike.)
@pytest.mark.parametrize(
    "field",
    [
        b"X-A: 1\r\n 2",
        b"X-A: 1\r\n\tContent-Length: 500",
        b"X-A: 1\0\r\nX-B: 2",
        b"Content-Length: 0\0" + b"1",
        b"Content-Length: 0\r\n 500",
        b"Transfer-Encoding: chun\r\n ked",
        b": empty",
        b"no colon",
    ],
)
def test_fields_that_the_library_mangles_smuggle_nothing(service, name, field):
    head = Wire(service).head("PUT", model_path(name + "-a"), "Content-Type: application/json")
    body = b"2\r\n{}\r\n0\r\n\r\n"
    got = service.raw(head[:-2] + field + b"\r\n\r\n" + body + smuggled(service, name), timeout=2 * SLOWNESS)
    assert set(got.statuses) <= {400, 405, 501}, got
    assert service.get(model_path(name)).status == 404


@pytest.mark.parametrize(
    "target",
    [
        "/a%00b",
        "/%2e%2e%2fetc",
        "/../../etc/passwd",
        "/x/%5c..%5c",
        "/a\\b",
        "/x//y",
        "/%",
        "/%zz",
        "/%c0%af",
        "/%ff",
        "/./x",
        "*",
        "http://elsewhere/health",
        "health",
    ],
)
def test_targets_that_others_read_differently_are_refused(service, target):
    with Wire(service) as wire:
        wire.send(wire.head("GET", target, "Connection: close"))
        is_problem(wire.answer(), 400, "invalid-request")


def test_too_long_heads_are_refused(service):
    for head, statuses in (
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414}),
        (b"GET /health?a=" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414}),
        (HEALTH[:-2] + b"Cookie: " + b"c" * 2_000_000 + b"\r\n\r\n", {413, 431}),
        (HEALTH[:-2] + b"X-A: 1\r\n" * 200_000 + b"\r\n", {413, 431}),
    ):
        got = service.raw(head, timeout=3 * SLOWNESS)
        assert set(got.statuses) <= statuses, got.data[:200]


def test_trailers_without_end_are_refused(service, name):
    head = Wire(service).head(
        "PUT", model_path(name), "Content-Type: application/json", "Transfer-Encoding: chunked"
    )
    got = service.raw(head + b"2\r\n{}\r\n0\r\n" + b"X-T: 1\r\n" * 400_000, timeout=3 * SLOWNESS)
    assert got.closed
    assert set(got.statuses) <= {400, 413, 431}, got.data[:200]


# ---- connections that stay ----------------------------------------------------------------


def test_a_connection_serves_after_every_kind_of_answer(service, name):
    make_draft(service, name)
    json = ("Content-Type: application/json",)
    asked = [
        ("GET", "/health", (), b"", 200),
        ("HEAD", "/health", (), b"", 200),
        ("GET", model_path("no-such"), (), b"", 404),
        ("GET", "/nowhere", (), b"", 404),
        ("POST", "/health", ("Content-Length: 5",), b"12345", 405),
        ("OPTIONS", "/health", (), b"", 204),
        ("GET", model_path(name), ('If-None-Match: "1"',), b"", 304),
        ("GET", model_path(name) + "?x=1", (), b"", 400),
        ("PUT", model_path(name), (*json, "Content-Length: 9"), b'{"a": "b"', 400),
        ("PUT", model_path(name), (*json, "Content-Length: 19"), b'{"description":"a"}', 428),
        (
            "PUT",
            model_path(name),
            (*json, "Content-Length: 19", 'If-Match: "9"'),
            b'{"description":"a"}',
            412,
        ),
        ("PUT", model_path(name), (*json, "Content-Length: 2", "If-Match: *"), b"{}", 200),
        ("PUT", model_path(name), ("Content-Type: text/plain", "Content-Length: 2"), b"{}", 415),
        (
            "PUT",
            model_path(name),
            (*json, "Transfer-Encoding: chunked", "If-Match: *"),
            b"2\r\n{}\r\n0\r\n\r\n",
            200,
        ),
        ("PUT", artifact_path(name, "f"), ("Content-Length: 3",), b"abc", 201),
        ("PUT", artifact_path(name, "f/g"), ("Content-Length: 3",), b"abc", 409),
        ("PUT", artifact_path(name, "h", "9.9.9"), ("Content-Length: 3",), b"abc", 404),
        ("GET", artifact_path(name, "f"), ("Range: bytes=1-1",), b"", 206),
        ("GET", artifact_path(name, "f"), ("Range: bytes=9-",), b"", 416),
        ("GET", artifact_path(name, "f"), (), b"", 200),
        ("DELETE", artifact_path(name, "f"), ("If-Match: *",), b"", 204),
        ("GET", "/health", (), b"", 200),
    ]
    with Wire(service) as wire:
        for method, path, fields, body, status in asked:
            wire.send(wire.head(method, path, *fields), body)
            answer = wire.answer(body=method != "HEAD")
            assert answer, (method, path)
            assert answer.status == status, (method, path, answer)


def test_a_bad_token_keeps_the_connection(service):
    with Wire(service) as wire:
        for _ in range(3):
            wire.send(wire.head("GET", model_path("x"), "Authorization: Bearer no", token=False))
            is_problem(wire.answer(), 401, "unauthenticated")


def test_connection_close_is_heeded(service):
    with Wire(service) as wire:
        wire.send(HEALTH[:-2] + b"Connection: close\r\n\r\n" + HEALTH)
        assert wire.answer().status == 200
        assert wire.closed()


def test_pipelined_requests_are_answered_in_order(service, name):
    make_model(service, name)
    asked = [("/health", 200), (model_path(name), 200), (model_path("none"), 404), ("/nowhere", 404)] * 50
    with Wire(service) as wire:
        wire.send(b"".join(wire.head("GET", path) for path, _ in asked))
        assert [wire.answer().status for _ in asked] == [status for _, status in asked]


def test_a_thousand_pipelined_requests_and_a_reset(service):
    for _ in range(3):
        with Wire(service) as wire:
            wire.send(wire.head("GET", model_path("none")) * 1000)
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert service.get("/health").status == 200


def test_a_request_byte_by_byte(service, name):
    with Wire(service) as wire:
        body = b'{"description":"slow"}'
        fields = ("Content-Type: application/json", f"Content-Length: {len(body)}")
        for byte in wire.head("PUT", model_path(name), *fields) + body:
            wire.send(bytes([byte]))
        answer = wire.answer()
        assert answer.status == 201, answer
        assert answer.json["description"] == "slow"


def test_half_closed_requests_are_answered_or_dropped(service, name):
    make_draft(service, name)
    whole = Wire(service).head("GET", model_path(name))
    assert service.raw(whole, shut=True).statuses == [200]
    half = Wire(service).head("PUT", artifact_path(name, "half"), "Content-Length: 100000")
    got = service.raw(half + b"x" * 500, timeout=15 * SLOWNESS, shut=True)
    assert got.closed
    assert not {200, 201} & set(got.statuses)
    assert service.get(artifact_path(name, "half")).status == 404


# ---- Expect: 100-continue -----------------------------------------------------------------


def expecting(wire, method, path, *fields, length=1_000_000, **kw):
    wire.send(wire.head(method, path, "Expect: 100-continue", f"Content-Length: {length}", *fields, **kw))


def test_an_expected_continue_is_given(service, name):
    make_draft(service, name)
    with Wire(service) as wire:
        expecting(wire, "PUT", artifact_path(name, "a"), length=3)
        assert wire.answer().status == 100
        wire.send(b"abc")
        assert wire.answer().status == 201
        wire.send(HEALTH)
        assert wire.answer().status == 200


def refused(service, path, status, kind, *fields, method="PUT", length=1_000_000, **kw):
    with Wire(service) as wire:
        expecting(wire, method, path, *fields, length=length, **kw)
        is_problem(wire.answer(), status, kind)
        assert wire.closed(), "the body that is not coming must not be waited for"


def test_a_refusal_is_heard_before_the_body_is_sent(service, name):
    json = "Content-Type: application/json"
    make_draft(service, name)
    make_draft(service, name + "-p")
    service.put(artifact_path(name + "-p", "f"), body=b"x")
    assert service.post(f"{model_path(name + '-p')}/versions/1.0.0/publish", json={}).status == 200
    free = artifact_path(name, "a")
    refused(service, free, 401, "unauthenticated", token=False)
    refused(service, free, 401, "unauthenticated", "Authorization: Bearer hmk_pat_x", token=False)
    refused(service, artifact_path(name, "a", "2.0.0"), 404, "not-found")
    refused(service, artifact_path("no-such", "a"), 404, "not-found")
    refused(service, "/nowhere", 404, "not-found")
    refused(service, "/health", 405, "method-not-allowed")
    refused(service, artifact_path(name + "-p", "b"), 409, "immutable")
    refused(service, free, 413, "too-large", length=2**50)
    refused(service, free, 415, "unsupported-media-type", "Content-Encoding: gzip")
    refused(service, free, 400, "invalid-request", "Repr-Digest: sha-256=:AAAA:")
    refused(service, free + "?x=1", 400, "invalid-request")
    refused(service, model_path(name), 413, "too-large", json, length=5_000_000)
    refused(service, model_path(name), 415, "unsupported-media-type", "Content-Type: text/xml")


# ---- refusals without Expect --------------------------------------------------------------


@pytest.mark.parametrize("size", [10_000, 200_000, 50_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_who_sends_the_whole_body_first_hears_the_refusal_too(service, size, chunked):
    body = iter([b"x" * 100_000] * (size // 100_000) or [b"x" * size]) if chunked else b"x" * size
    answer = service.anonymous.put(artifact_path("any", "a"), body=body)
    is_problem(answer, 401, "unauthenticated")


def test_a_refusal_in_the_middle_of_a_body_is_heard(start_hallmark, name):
    """Nothing in the head said that the body would be too large."""
    server = start_hallmark(max_upload="1MiB")
    make_draft(server, name)
    pieces = [b" " * 100_000] * 500
    json = {"Content-Type": "application/json"}
    is_problem(server.put(model_path(name), body=iter(pieces), headers=json), 413, "too-large")
    is_problem(server.put(artifact_path(name, "a"), body=iter(pieces)), 413, "too-large")
    is_problem(server.put(artifact_path(name, "a"), body=iter(pieces[:11])), 413, "too-large")
    assert server.put(artifact_path(name, "a"), body=iter(pieces[:10])).status == 201


# ---- too many ------------------------------------------------------------------------------


def test_idle_connections_do_not_keep_others_out_for_ever(start_hallmark):
    server = start_hallmark(connections=16)
    idle = [socket.create_connection((server.host, server.port)) for _ in range(20)]
    began = time.monotonic()
    while True:
        try:
            if server.get("/health", timeout=2).status == 200:
                break
        except OSError:
            assert time.monotonic() < began + 60 * SLOWNESS, "nobody was let in any more"
    for one in idle:
        one.close()
    assert server.get("/health").status == 200


# ---- the slow -----------------------------------------------------------------------------


def dripping(server, how, seconds):
    """Send one byte every 0.7 s; how long until the server closes, None when it does not."""
    began = time.monotonic()
    with Wire(server, patience=0.7) as wire:
        wire.send(how[0])
        for i in range(int(seconds / 0.7)):
            if not wire.send(how[1][i % len(how[1]) :][:1]):
                return time.monotonic() - began
            try:
                if not wire.more():
                    return time.monotonic() - began
            except TimeoutError:
                continue
    return None


def test_slow_senders_are_closed(service, name):
    """A head, a body, an upload, chunks: a byte now and then."""
    make_draft(service, name)
    head = Wire(service).head
    json = ("Content-Type: application/json", "Content-Length: 3000000")
    hows = {
        "head": (b"", b"GET /health HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        "body": (head("PUT", model_path(name), *json, "If-Match: *"), b"          "),
        "upload": (head("PUT", artifact_path(name, "u"), "Content-Length: 3000000"), b"x"),
        "chunked": (head("PUT", artifact_path(name, "c"), "Transfer-Encoding: chunked"), b"1\r\nx\r\n"),
    }
    with ThreadPoolExecutor() as pool:
        took = dict(zip(hows, pool.map(lambda how: dripping(service, how, 40), hows.values()), strict=True))
    assert all(seconds and 5 < seconds < 25 + 5 * SLOWNESS for seconds in took.values()), took
    closed = re.search(r"^hallmark_\w*slow\w* (\d+)", service.get("/metrics").text, re.M)
    assert int(closed[1]) >= len(hows)


def test_slow_readers_are_closed(service, name):
    """Who takes 100 bytes a second gets what lies in the kernel's buffers, and no more."""
    size = 30_000_000
    make_draft(service, name)
    assert service.put(artifact_path(name, "big"), body=b"x" * size).status == 201
    with Wire(service, receive_buffer=4096) as wire:
        wire.send(wire.head("GET", artifact_path(name, "big")))
        for _ in range(15 + 2 * SLOWNESS):
            time.sleep(1)
            assert wire.socket.recv(100)
        got = 0
        try:
            while piece := wire.socket.recv(1_000_000):
                got += len(piece)
        except ConnectionResetError:
            pass
        assert got < size / 2


def test_a_steady_if_slow_upload_is_taken(service, name):
    make_draft(service, name)
    with Wire(service) as wire:
        wire.send(wire.head("PUT", artifact_path(name, "u"), "Content-Length: 60000"))
        for _ in range(24):
            assert wire.send(b"x" * 2500)
            time.sleep(0.5)
        assert wire.answer().status == 201


def test_a_service_without_descriptors_comes_back(start_hallmark, name):
    """Out of descriptors it refuses, says so, and serves again when there are some."""
    server = start_hallmark()
    make_draft(server, name)
    service = server.pid("service")

    def descriptors(limit):
        words = [*server.owner, "prlimit", f"--pid={service}", f"--nofile={limit}:"]
        subprocess.run(words, check=True, cwd="/")

    kept = server.connect()
    assert server.get("/health", connection=kept).status == 200
    descriptors(8)
    outside = [socket.create_connection((server.host, server.port)) for _ in range(5)]
    answer = server.put(artifact_path(name, "f"), body=b"x" * 1000, connection=kept)
    is_problem(answer, 503, "busy")
    assert server.get("/health", connection=kept).status == 200
    descriptors(1024)
    assert server.put(artifact_path(name, "f"), body=b"x" * 1000, connection=kept).status == 201
    kept.close()  # libmicrohttpd tries again when a connection ends, at the latest an idle one
    assert server.get("/health", timeout=5 * SLOWNESS).status == 200
    for one in outside:
        one.close()
    assert server.pid("service") == service
