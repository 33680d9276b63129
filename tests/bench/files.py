"""Rows about bytes: PUT and GET of an artifact of one gibibyte."""

import contextlib
import http.client
import os
import pwd
import socket
import subprocess
import time

from measure import Row, run, say
from support.server import free_port

GIB = 1 << 30
MIB = 1 << 20


def make_file(path):
    """Random bytes: nothing on the way can make them fewer."""
    with path.open("wb") as f:
        for _ in range(GIB // MIB):
            f.write(os.urandom(MIB))
    run("sync", path)


def make_different(path, i):
    """Another file as far as digests go, so that every upload is stored as a blob of its own."""
    with path.open("r+b") as f:
        f.write(b"%16d" % i)
    run("sync", path)


def seconds(action, *arguments):
    began = time.monotonic()
    action(*arguments)
    return time.monotonic() - began


def upload(hallmark, path, target):
    """The cheapest client there is: sendfile from the page cache."""
    connection = http.client.HTTPConnection(hallmark.host, hallmark.port, timeout=600)
    connection.putrequest("PUT", target)
    for name, value in (
        ("Authorization", f"Bearer {hallmark.token}"),
        ("Content-Length", str(GIB)),
        ("Content-Type", "application/octet-stream"),
    ):
        connection.putheader(name, value)
    connection.endheaders()
    with path.open("rb") as f:
        connection.sock.sendfile(f)
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 201, said
    connection.close()


def in_sequence(path, copy):
    run("cp", path, copy)
    run("openssl", "dgst", "-sha256", copy)
    run("sync", copy)


def dd(path, copy):
    run("dd", f"if={path}", f"of={copy}", "bs=1M", "conv=fsync", "status=none")


def put(hallmark, folder, times):
    base = "/api/v1/projects/default/models/bench-bytes"
    assert hallmark.put(base, json={}).status == 201
    assert hallmark.post(base + "/versions", json={"version": "1.0.0"}).status == 201
    path, copy = folder / "gib", folder / "copy"
    make_file(path)
    got, sequence, copied = [], [], []

    def ours(i):
        got.append(GIB / MIB / seconds(upload, hallmark, path, f"{base}/versions/1.0.0/artifacts/{i}.bin"))
        for blob in (hallmark.state / "artifacts/blobs").rglob("*.*"):
            blob.unlink()

    def theirs(rates, action):
        rates.append(GIB / MIB / seconds(action, path, copy))
        copy.unlink()

    # Whoever writes where memory and blocks were just freed is faster: each starts after a
    # gibibyte was removed, and none has the same place in every turn.
    turns = [ours, lambda _: theirs(sequence, in_sequence), lambda _: theirs(copied, dd)]
    theirs([], dd)
    for i in range(times):
        make_different(path, i)
        for turn in turns[i % 3 :] + turns[: i % 3]:
            os.sync()
            turn(i)
        say(f"  PUT: {got[-1]:.0f} MiB/s, in sequence {sequence[-1]:.0f}, dd {copied[-1]:.0f}")
    path.unlink()
    what = "PUT 1 GiB artifact (hashed twice, signed, durable)"
    return [
        Row(what, "`cp`, `openssl dgst -sha256`, `sync FILE` in sequence", "MiB/s", got, sequence, least=1.2),
        Row("the same", "`dd conv=fsync`", "MiB/s", got, copied, least=0.85),
    ]


@contextlib.contextmanager
def nginx(file, folder):
    """nginx with sendfile and one worker, as one loop serves one connection."""
    port, conf = free_port(), folder / "nginx.conf"
    owner = pwd.getpwuid(os.geteuid()).pw_name
    user = f"user {owner};" if os.geteuid() == 0 else ""
    conf.write_text(
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr; {user}\n"
        "events {}\nhttp { access_log off; sendfile on; tcp_nopush on;\n"
        + "".join(
            f"{kind}_temp_path {folder}/nginx-{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        + f"server {{ listen 127.0.0.1:{port}; location = /file {{ alias {file}; }} }} }}\n"
    )
    process = subprocess.Popen(["nginx", "-c", conf, "-p", folder])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.01)
        yield port
    finally:
        process.terminate()
        process.wait()


def download(port, target, token):
    """Read it all, keep nothing."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", target, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    room, total = bytearray(MIB), 0
    while n := answer.readinto(room):
        total += n
    assert (answer.status, total) == (200, GIB)
    connection.close()


def get(hallmark, folder, times):
    """A file of the service's, straight from the store's folder for nginx."""
    base, path = "/api/v1/projects/default/models/bench-served", folder / "served"
    assert hallmark.put(base, json={}).status == 201
    assert hallmark.post(base + "/versions", json={"version": "1.0.0"}).status == 201
    target = f"{base}/versions/1.0.0/artifacts/gib.bin"
    make_file(path)
    upload(hallmark, path, target)
    path.unlink()
    digest = hallmark.head(target).headers["ETag"].strip('"')
    file = next((hallmark.state / "artifacts").rglob(f"{digest}.*"))
    got, yard = [], []
    with nginx(file, folder) as port:
        for i in range(-1, times):
            theirs = GIB / MIB / seconds(download, port, "/file", "none")
            ours = GIB / MIB / seconds(download, hallmark.port, target, hallmark.token)
            if i >= 0:
                got.append(ours)
                yard.append(theirs)
                say(f"  GET: {ours:.0f} MiB/s, nginx {theirs:.0f} MiB/s")
    return [Row("GET 1 GiB artifact", "nginx with sendfile", "MiB/s", got, yard, least=0.9)]
