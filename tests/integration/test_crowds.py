"""Many connections at once: what each holds while it does little, and that it is served afterwards."""

import contextlib
import resource
import socket
import time

import pytest
from support import processes
from support.paths import FLAVOUR, SLOWNESS
from support.registry import artifact_path, make_draft, model_path, version_path

KIB, MIB = 1024, 1024 * 1024
IDLE = 2000 if FLAVOUR == "plain" else 200
UPLOADS = 300
PIECE = 8 * KIB
LOOKS = 2.5  # seconds in which the watchdog has twice looked at every connection


def head(server, method, path, *fields):
    """The token comes last: without the lines before it, there is none."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *fields, f"Authorization: Bearer {server.token}"]
    return "\r\n".join([*lines, "", ""]).encode()


@contextlib.contextmanager
def connections(server, n):
    """Bare sockets, which all end with the block."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection((server.host, server.port))) for _ in range(n)]


def status_of(sock):
    """Of one answer; its body is read too."""
    sock.settimeout(20 * SLOWNESS)
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
    fields, _, body = data.partition(b"\r\n\r\n")
    length = int(dict(line.lower().split(b": ", 1) for line in fields.split(b"\r\n")[1:])[b"content-length"])
    while len(body) < length:
        body += sock.recv(65536)
    return int(fields[9:12])


def ask(sock, request):
    sock.sendall(request)
    return status_of(sock)


def ask_once(server, request):
    with connections(server, 1) as (sock,):
        return ask(sock, request)


def batches(items, size=100):
    return (items[i : i + size] for i in range(0, len(items), size))


@pytest.mark.plain_only
def test_idle_connections_hold_little(service, name):
    """libmicrohttpd's 32 KiB for each would be 64 MiB."""
    make_draft(service, name)
    request = head(service, "GET", version_path(name))
    pid = service.pid("service")
    before = processes.anonymous(pid)
    with connections(service, IDLE) as crowd:
        for batch in batches(crowd):
            for sock in batch:
                sock.sendall(request)
            assert {status_of(sock) for sock in batch} == {200}
        until = time.monotonic() + 20
        while (each := (processes.anonymous(pid) - before) / IDLE) > 8 * KIB:
            assert time.monotonic() < until, f"{each:.0f} bytes for each of {IDLE} connections"
            time.sleep(0.1)
        assert {ask(sock, request) for sock in crowd[::50]} == {200}


def test_memory_that_went_back_was_of_no_use(service, name):
    """Whatever a connection has done before it was idle, and whatever it has begun since, the next
    request is read as it was sent."""
    make_draft(service, name)
    get = head(service, "GET", version_path(name))
    many = head(service, "GET", version_path(name), f"X-Long: {'a' * 12_000}")
    # A line that without its end would be right.
    long = head(service, "GET", f"{model_path(name)}/versions?q={'a' * 9000}&unknown=1")
    sized = head(service, "PUT", artifact_path(name, "a"), "Content-Length: 100000") + b"x" * 100_000
    befores = {
        "nothing": b"",
        "a request": get,
        "a long head": many,
        "empty lines before one": b"\r\n" * 2500 + get,
        "a body": sized,
        "a bit of the next": get + get[:3],
        "half of the next": get + get[:-3],
        "half of a long line": get + long[:8000],
        "half of a long line behind empty ones": get + b"\r\n" * 2100 + long[:8000],
    }
    rests = {
        "a bit of the next": (get[3:], 200),
        "half of the next": (get[-3:], 200),
        "half of a long line": (long[8000:], 400),
        "half of a long line behind empty ones": (long[8000:], 400),
    }
    assert ask_once(service, long.replace(b"&unknown=1", b"")) == 200
    with connections(service, len(befores)) as crowd:
        for sock, (what, sent) in zip(crowd, befores.items(), strict=True):
            assert not sent or ask(sock, sent) in (200, 201), what
        time.sleep(LOOKS)
        for sock, what in zip(crowd, befores, strict=True):
            rest, status = rests.get(what, (get, 200))
            assert ask(sock, rest) == status, what
            assert ask(sock, many) == 200, what


@pytest.mark.plain_only
def test_slow_uploads_hold_little(service, name):
    """Each sends 160 KiB within four seconds and would go on to a GiB: pieces stay small. What is kept
    of each is 55 KiB; more where this machine is so busy that storage lags behind."""
    make_draft(service, name)
    pid = service.pid("service")
    before = processes.anonymous(pid)
    with connections(service, UPLOADS) as crowd:
        for i, sock in enumerate(crowd):
            sock.sendall(head(service, "PUT", artifact_path(name, f"f{i}"), f"Content-Length: {1 << 30}"))
            time.sleep(0.005)  # each is a question to the database, which would not be asked all at once
        for _ in range(20):
            began = time.monotonic()
            for sock in crowd:
                sock.sendall(b"z" * PIECE)
            time.sleep(max(0, 0.2 - (time.monotonic() - began)))
        each = (processes.anonymous(pid) - before) / UPLOADS
        assert each < 112 * KIB, f"{each:.0f} bytes for each of {UPLOADS} uploads"
        assert service.get(version_path(name)).status == 200


def test_descriptors_are_raised_for_the_connections(start_hallmark, postgres):
    """To two for each and some; where the system does not let it, the log says what is missing."""
    server = start_hallmark(begin=False, database=postgres.create_database(), connections=65536)
    server.command("migrate")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
    try:
        server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert allowed_files(server.pid("service")) == min(hard, 2 * 65536 + 512)
    told = [line for line in server.logs if line["msg"] == "descriptors"]
    assert len(told) == (hard < 65536 + 512)
    assert all((line["needed"], line["connections"]) == (65536 + 512, 65536) for line in told)


def allowed_files(pid):
    limits = processes.Path(f"/proc/{pid}/limits").read_text()
    return int(next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3])
