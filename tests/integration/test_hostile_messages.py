"""Numbers 12 to 20 of the hostile inputs, but for slow clients: messages too large, endless,
of other protocols, cut off."""

import re
import socket
import struct
import time

import pytest
from support.frames import frame, never_ran, refuses_whole, shapes, smuggled
from support.paths import SLOWNESS
from support.registry import (
    BASE,
    artifact_path,
    is_problem,
    make_artifact,
    make_draft,
    make_model,
    make_published,
    model_path,
    version_path,
)
from support.wire import Wire

HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


# ---- too much of it -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /health?a=" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (HEALTH[:-2] + b"X-A: 1\r\n" * 5_000 + b"\r\n", 431),
        (HEALTH[:-2] + b"X-A: 1\r\n" * 200_000 + b"\r\n", 431),
        (HEALTH[:-2] + b"Cookie: " + b"c" * 1_000_000 + b"\r\n\r\n", 431),
    ],
    ids=["40 KB of target", "2 MB of target", "5,000 fields", "200,000 fields", "1 MB of cookie"],
)
def test_n12_heads_that_are_too_large(victim, name, head, status):
    """libmicrohttpd refuses them, and closes with much unread: the refusal may be lost on the way."""
    got = victim.raw(head + smuggled(victim, name), timeout=5 * SLOWNESS)
    assert got.closed
    assert set(got.statuses) <= {status}, got.data[:200]
    never_ran(victim, name)


def test_n12_a_target_of_16_kib_and_one_byte(victim):
    for size, status in ((16_384, 404), (16_385, 414)):
        with Wire(victim) as wire:
            wire.send(wire.head("GET", "/" + "a" * (size - 1)))
            is_problem(wire.answer(), status)


@shapes(
    {
        "no number": ("PUT /P HTTP/1.1|#|@|$||zz|{}|0||", 400),
        "negative": ("PUT /P HTTP/1.1|#|@|$||-2|{}|0||", 400),
        "2^64": ("PUT /P HTTP/1.1|#|@|$||10000000000000000|{}|0||", 413),
        "0x2": ("PUT /P HTTP/1.1|#|@|$||0x2|{}|0||", 400),
        "no end": ("PUT /P HTTP/1.1|#|@|$||2|{}XX0||", 400),
        "no line end before the data": ("PUT /P HTTP/1.1|#|@|$||2{}|0||", 400),
        "signed": ("PUT /P HTTP/1.1|#|@|$||+2|{}|0||", 400),
        "2^64+2": ("PUT /P HTTP/1.1|#|@|$||10000000000000002|{}|0||", 413),
        "empty": ("PUT /P HTTP/1.1|#|@|$|||{}|0||", 400),
        "an extension alone": ("PUT /P HTTP/1.1|#|@|$||;a=b|{}|0||", 400),
        "too short by one": ("PUT /P HTTP/1.1|#|@|$||1|{}|0||", 400),
        "a minus behind": ("PUT /P HTTP/1.1|#|@|$||2-|{}|0||", 400),
    }
)
def test_n13_chunks_that_are_no_chunks(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


def test_n13_extensions_of_chunks_are_skipped(victim, name):
    head = frame(victim, f"PUT {model_path(name)} HTTP/1.1|#|@|$||")
    with Wire(victim) as wire:
        wire.send(head + b'1;a=b;c="d\\"e";f\r\n{\r\n01;x\r\n}\r\n0;y\r\nX-T: 1\r\n\r\n')
        assert wire.answer().status == 201
        assert wire.closed()


@pytest.mark.parametrize("size", ["7fffffffffffffff", "8000000000000000", "ffffffffffffffff"])
def test_n13_a_chunk_that_is_never_whole_swallows_what_follows(victim, name, size):
    """A size that a counter can hold is a size: the whole rest is data, until it is too much."""
    head = frame(victim, f"PUT /P HTTP/1.1|#|@|$||{size}|" + "{}|0||")
    with Wire(victim) as wire:
        wire.send(head + smuggled(victim, name))
        for _ in range(60):
            if not wire.send(b" " * 100_000):
                break
        is_problem(wire.answer(), 413, "too-large")
        assert wire.closed()
    never_ran(victim, name)


@pytest.mark.parametrize(
    "chunks",
    [
        "2|{}|0||",
        "2\n{}\n0\n\n",
        "2|{}\n0||",
        "3|{}|0||",
        "2;a=\nb|{}|0||",
        "2;\n{}\n0|||",
        "2;|{}|00000;|X-T: 1\n\n",
        "2 |{}|0||",
        "2\r|{}|0||",
        "2;\0|{}|0||",
        "2|{}|0|X-T: 1\0||",
    ],
    ids=[
        "as it should be",
        "LF",
        "LF behind data",
        "CR in data",
        "LF in an extension",
        "LF behind an extension",
        "LF in trailers",
        "a space",
        "CR CR LF",
        "NUL",
        "NUL in trailers",
    ],
)
def test_n13_nothing_behind_chunks_is_read(victim, name, chunks):
    """libmicrohttpd takes a bare LF for a line's end in chunks too, and others look for CRLF: where
    the body ends is said in two ways, so the connection ends with it."""
    victim.put(model_path("front"), json={})
    head = frame(victim, "PUT /P HTTP/1.1|#|@|If-Match: *|$||" + chunks)
    got = victim.raw(head + smuggled(victim, name), 5 * SLOWNESS)
    assert got.closed
    assert got.statuses[0] in (200, 400), got
    assert set(got.statuses[1:]) <= {400}, got  # libmicrohttpd repeats the head of its refusals
    assert b"Connection: close" in got.data
    never_ran(victim, name)


@pytest.mark.parametrize(
    ("trailer", "status"),
    [
        ("If-Match: *", 428),
        ("Content-Length: 300", 428),
        ("Transfer-Encoding: chunked", 428),
        ("Host: x", 428),
    ],
)
def test_n13_trailers_are_no_fields(victim, name, trailer, status):
    """What comes behind a body says nothing about the request."""
    make_model(victim, name)
    head = frame(victim, f"PUT {model_path(name)} HTTP/1.1|#|@|$||")
    with Wire(victim) as wire:
        body = b'13\r\n{"description":"x"}\r\n0\r\n'
        wire.send(head + body + trailer.encode() + b"\r\n\r\n")
        is_problem(wire.answer(), status)
        assert wire.closed()
    assert victim.get(model_path(name)).json["description"] != "x"


@pytest.mark.parametrize(
    "endless",
    [b"2\r\n{}\r\n0\r\n" + b"X-T: 1\r\n" * 400_000, b"2;" + b"a" * 3_000_000, b"0" * 3_000_000],
    ids=["trailers", "an extension", "zeros"],
)
def test_n13_what_has_no_end_is_ended(victim, name, endless):
    """libmicrohttpd waits for the end of a chunk's first line though its buffer is full: the
    watchdog ends that."""
    head = Wire(victim).head(
        "PUT", model_path(name), "Content-Type: application/json", "Transfer-Encoding: chunked"
    )
    got = victim.raw(head + endless, timeout=5 * SLOWNESS)
    assert got.closed
    assert set(got.statuses) <= {400, 413, 431}, got.data[:200]
    never_ran(victim, name)


@shapes(
    {
        "200-ok": ("GET /health HTTP/1.1|#|Expect: 200-ok||", 'Expect: "200-ok"'),
        "a list": ("GET /health HTTP/1.1|#|Expect: 100-continue, x||", 'Expect: "100-continue, x"'),
    }
)
def test_n15_another_expectation(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


def expecting(wire, method, path, *fields, length=1_000_000, **kw):
    wire.send(wire.head(method, path, "Expect: 100-continue", f"Content-Length: {length}", *fields, **kw))


def refused(victim, path, status, kind, *fields, method="PUT", length=1_000_000, **kw):
    with Wire(victim) as wire:
        expecting(wire, method, path, *fields, length=length, **kw)
        is_problem(wire.answer(), status, kind)
        assert wire.closed(), "the body that is not coming must not be waited for"


def test_n15_an_expected_continue_is_given(victim, name):
    make_draft(victim, name)
    with Wire(victim) as wire:
        expecting(wire, "PUT", artifact_path(name, "a"), length=3)
        assert wire.answer().status == 100
        wire.send(b"abc")
        assert wire.answer().status == 201
        wire.send(HEALTH)
        assert wire.answer().status == 200


def test_n15_who_does_not_wait_is_served_too(victim, name):
    """The client sends the body without hearing 100; a request without a body has nothing to wait
    for, nor has HTTP/1.0."""
    make_draft(victim, name)
    with Wire(victim) as wire:
        expecting(wire, "PUT", artifact_path(name, "a"), length=3)
        wire.send(b"abc" + HEALTH)
        answers = [wire.answer().status, wire.answer().status]
        assert answers[-1] in (200, 201)
        if answers[0] == 100:
            answers.append(wire.answer().status)
        assert [status for status in answers if status != 100] == [201, 200]
        wire.send(wire.head("GET", "/health", "Expect: 100-continue"))
        assert wire.answer().status == 200
    assert victim.get(artifact_path(name, "a")).body == b"abc"
    old = Wire(victim).head("PUT", artifact_path(name, "b"), "Content-Length: 3", "Expect: 100-continue")
    got = victim.raw(old.replace(b"HTTP/1.1", b"HTTP/1.0") + b"abc")
    assert got.statuses == [201], got


def test_n15_a_refusal_is_heard_before_the_body_is_sent(victim, name):
    json = "Content-Type: application/json"
    make_draft(victim, name)
    make_draft(victim, name + "-p")
    victim.put(artifact_path(name + "-p", "f"), body=b"x")
    assert victim.post(f"{model_path(name + '-p')}/versions/1.0.0/publish", json={}).status == 200
    free = artifact_path(name, "a")
    refused(victim, free, 401, "unauthenticated", token=False)
    refused(victim, free, 401, "unauthenticated", "Authorization: Bearer hmk_pat_x", token=False)
    refused(victim, artifact_path(name, "a", "2.0.0"), 404, "not-found")
    refused(victim, artifact_path("no-such", "a"), 404, "not-found")
    refused(victim, "/nowhere", 404, "not-found")
    refused(victim, "/health", 405, "method-not-allowed")
    refused(victim, artifact_path(name + "-p", "b"), 409, "immutable")
    refused(victim, free, 413, "too-large", length=2**50)
    refused(victim, free, 415, "unsupported-media-type", "Content-Encoding: gzip")
    refused(victim, free, 400, "invalid-request", "Repr-Digest: sha-256=:AAAA:")
    refused(victim, free + "?x=1", 400, "invalid-request")
    refused(victim, model_path(name), 413, "too-large", json, length=5_000_000)
    refused(victim, model_path(name), 415, "unsupported-media-type", "Content-Type: text/xml")


# ---- many at once, other protocols, other methods ------------------------------------------


def test_n16_a_thousand_pipelined_requests_and_a_reset(victim):
    for _ in range(3):
        with Wire(victim) as wire:
            wire.send(wire.head("GET", model_path("none")) * 1000)
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until = time.monotonic() + 5 * SLOWNESS
    while connections(victim) > 1:  # the one that asks
        assert time.monotonic() < until, "the connections stay"
        time.sleep(0.02)


def connections(server):
    return int(re.search(r"^hallmark_http_connections (\d+)$", server.get("/metrics").text, re.M)[1])


@shapes(
    {
        "the preface of HTTP/2": ("PRI * HTTP/2.0||SM||", 505),
        "the hello of TLS": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03||", None),
        "HTTP/2.0": ("GET /health HTTP/2.0|#||", 505),
        "HTTP/0.9": ("GET /health HTTP/0.9|#||", 505),
        "HTTP/1.2": ("GET /health HTTP/1.2|#||", "only HTTP/1.1 and HTTP/1.0 are served"),
    }
)
def test_n17_other_protocols(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/health", "GET, HEAD, OPTIONS"),
        (f"{BASE}/default/models/m", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        (f"{BASE}/default/models/m/versions", "GET, HEAD, POST, OPTIONS"),
        (f"{BASE}/default/models/m/versions/1.0.0/publish", "POST, OPTIONS"),
        (f"{BASE}/default/models/m/versions/1.0.0/artifacts/a/b/c", "GET, HEAD, PUT, DELETE, OPTIONS"),
    ],
)
def test_n18_methods_of_a_resource(victim, path, allow):
    options = victim.anonymous.options(path)
    assert options.status == 204
    assert options.headers["Allow"] == allow
    assert options.body == b""
    for method in ("TRACE", "CONNECT", "BREW", "get", "DELETED", "abcGET", "GETGET"):
        refused = victim.request(method, path, headers={"X-Mine": "what-a-trace-would-repeat"})
        is_problem(refused, 405, "method-not-allowed")
        assert refused.headers["Allow"] == allow
        assert b"what-a-trace-would-repeat" not in refused.body
        assert victim.token.encode() not in refused.body


@shapes(
    {
        "a method of 40 KB": ("M" * 40_000 + " /health HTTP/1.1|#||", 414),
        "CONNECT to elsewhere": ("CONNECT elsewhere:443 HTTP/1.1|#|Connection: close||", "must be a path"),
        "OPTIONS of everything": ("OPTIONS * HTTP/1.1|#|Connection: close||", "must be a path"),
        "an upgrade": ("GET /nowhere HTTP/1.1|#|Upgrade: h2c|Connection: close, Upgrade||", "no resource"),
    }
)
def test_n18_methods_that_are_no_method_here(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


def test_n18_head_is_get_without_the_body(victim, name):
    make_published(victim, name)
    for path in (
        "/health",
        "/openapi.json",
        model_path(name),
        version_path(name),
        f"{version_path(name)}/artifacts",
        artifact_path(name, "model.bin"),
    ):
        got = victim.get(path)
        with Wire(victim) as wire:
            for _ in range(2):
                wire.send(wire.head("HEAD", path))
                head = wire.answer(body=False)
                assert head.status == got.status == 200
                for field in ("Content-Length", "Content-Type", "ETag", "Repr-Digest"):
                    assert head.headers.get(field) == got.headers.get(field), (path, field)
    with Wire(victim) as wire:
        wire.send(wire.head("HEAD", "/nowhere"), wire.head("HEAD", "/health"))
        assert [wire.answer(body=False).status, wire.answer(body=False).status] == [404, 200]


# ---- ranges -------------------------------------------------------------------------------

DATA = bytes(range(256)) * 40
LAST = len(DATA) - 1


@pytest.fixture
def file(victim, name):
    make_draft(victim, name)
    make_artifact(victim, name, "f", DATA)
    return artifact_path(name, "f")


@pytest.mark.parametrize(
    "range_",
    [
        f"bytes={LAST + 1}-",
        "bytes=999999-",
        "bytes=-0",
        "bytes=99999999999999999999999-",
        "bytes=18446744073709551616-",
        "bytes=18446744073709551616-18446744073709551617",
    ],
)
def test_n19_ranges_outside_are_refused(victim, file, range_):
    answer = victim.get(file, headers={"Range": range_})
    is_problem(answer, 416, "range-not-satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize(
    "range_",
    [
        "bytes=0-99999999999999999999999",
        "bytes=0-18446744073709551615",
        "bytes=0-9223372036854775808",
        "bytes=-99999999999999999999999",
        "bytes=-18446744073709551617",
        f"bytes=-{len(DATA)}",
        "BYTES=0-",
    ],
)
def test_n19_numbers_past_the_end_mean_the_end(victim, file, range_):
    answer = victim.get(file, headers={"Range": range_})
    assert (answer.status, answer.body) == (206, DATA)
    assert answer.headers["Content-Range"] == f"bytes 0-{LAST}/{len(DATA)}"


@pytest.mark.parametrize(
    "range_",
    [
        "bytes=0-1,3-4",
        "bytes=" + ",".join(f"{i}-{i}" for i in range(1000)),
        "bytes=" + "0-," * 1000 + "0-",
        "bytes=5-1",
        f"bytes={LAST}-0",
        "bytes=99999999999999999999999-1",
        "bytes=a-b",
        "bytes=",
        "bytes=-",
        "bytes=--1",
        "bytes=1",
        "bytes=0-0x1",
        "bytes 0-1",
        "items=0-1",
        "bytes=+1-2",
        "bytes=1-2;q",
        "",
    ],
    ids=lambda range_: range_[:20],
)
def test_n19_several_ranges_or_none_at_all_are_passed_over(victim, file, range_):
    answer = victim.get(file, headers={"Range": range_})
    assert (answer.status, answer.body) == (200, DATA)
    assert "Content-Range" not in answer.headers


# ---- half a connection --------------------------------------------------------------------


def test_n20_half_closed_requests_are_answered_or_dropped(victim, name):
    make_draft(victim, name)
    whole = Wire(victim).head("GET", model_path(name))
    assert victim.raw(whole, shut=True).statuses == [200]
    half = Wire(victim).head("PUT", artifact_path(name, "half"), "Content-Length: 100000")
    got = victim.raw(half + b"x" * 500, timeout=15 * SLOWNESS, shut=True)
    assert got.closed
    assert not {200, 201} & set(got.statuses)
    assert victim.get(artifact_path(name, "half")).status == 404


@pytest.mark.parametrize("how", ["half closed", "reset"])
def test_n20_what_ends_in_the_middle_leaves_nothing(victim, name, how):
    """In a head, a JSON body, a chunk, between two chunks, in trailers."""
    make_draft(victim, name)
    json = "PUT /P HTTP/1.1|#|@|Content-Type: application/json|Content-Length: 30||"
    chunks = f"PUT {artifact_path(name, 'f')} HTTP/1.1|#|@|Transfer-Encoding: chunked||"
    before = connections(victim)
    for shape in (
        "GET /hea",
        json,
        json + '{"description":',
        chunks + "5",
        chunks + "5|ab",
        chunks + "5|abcde|",
        chunks + "5|abcde|0|X-T: 1",
    ):
        with Wire(victim, patience=15 * SLOWNESS) as wire:
            wire.send(frame(victim, shape))
            if how == "reset":
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                continue
            wire.socket.shutdown(socket.SHUT_WR)
            while answer := wire.answer():
                assert answer.status in (400, 408), (shape, answer)
    until = time.monotonic() + 5 * SLOWNESS
    while connections(victim) > before:
        assert time.monotonic() < until, "the connections stay"
        time.sleep(0.02)
    assert victim.get(artifact_path(name, "f")).status == 404
    assert victim.get(f"{version_path(name)}/artifacts").json["items"] == []
