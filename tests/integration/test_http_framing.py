"""HTTP as bytes: shapes that others frame differently are refused, and nothing behind them runs."""

import socket
import time

import pytest
from support.paths import SLOWNESS
from support.registry import artifact_path, is_problem, make_draft, make_model, model_path
from support.wire import Wire

HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


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


def test_a_request_byte_by_byte(service, name):
    with Wire(service) as wire:
        body = b'{"description":"slow"}'
        fields = ("Content-Type: application/json", f"Content-Length: {len(body)}")
        for byte in wire.head("PUT", model_path(name), *fields) + body:
            wire.send(bytes([byte]))
        answer = wire.answer()
        assert answer.status == 201, answer
        assert answer.json["description"] == "slow"


# ---- Expect: 100-continue -----------------------------------------------------------------


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
