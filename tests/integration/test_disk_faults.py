"""A disk that fails: at each call of an upload, each error, the first time, the second and so on.

What was interrupted or half done goes on unseen; every other error is told, leaves nothing behind,
and the next upload works."""

import errno
import http.client
import itertools
import os
import time

import pytest
from support.disk import ALWAYS, END, SHORT, WatchedHallmark, effect_name
from support.model import Model, good, refused

pytestmark = pytest.mark.plain_only

# 1: each call fails once, with each error. By default of a large file's many writes some do.
STRIDE = int(os.environ.get("DISK_STRIDE", "15"))

SMALL, MEDIUM, LARGE = 3000, 700_000, 9_000_000

FULL = {errno.ENOSPC: 507, errno.EDQUOT: 507, errno.EIO: 500}
UNSEEN = {errno.EINTR: 201}

# Which errors a call may have, and what the client of an upload hears then.
CALLS = {
    "create": {**FULL, **UNSEEN},
    "write": {**FULL, **UNSEEN, SHORT: 201},
    "push": FULL,
    "fsync": {**FULL, **UNSEEN},
    "close": {**FULL, **UNSEEN},
    "mkdir": FULL,
    "rename": FULL,
    "opendir": {errno.EIO: 500, **UNSEEN},
    "fsyncdir": {**FULL, **UNSEEN},
}
PROBLEMS = {500: "/internal", 507: "/insufficient-storage"}
TRIES = [(call, effect, status) for call, effects in CALLS.items() for effect, status in effects.items()]


@pytest.fixture(scope="module")
def watched():
    server = WatchedHallmark()
    try:
        yield server.start()
    finally:
        server.disk.calm()
        server.close()


@pytest.fixture(autouse=True)
def same_service(watched):
    """It has lived through all of it."""
    yield
    watched.disk.calm()
    ended = [line for line in watched.logs if (line["msg"], line.get("process")) == ("ended", "service")]
    assert not ended, ended


@pytest.fixture
def disk(watched):
    return watched.disk


@pytest.fixture
def draft(watched):
    model = Model(watched, f"fault-{os.urandom(4).hex()}").make()
    model.draft("1.0.0")
    return model


def chunks(body, size=50_000):
    return (body[at : at + size] for at in range(0, len(body), size))


def numbers():
    """Of the calls that are to fail: the first ones all, then every STRIDE-th."""
    yield from (1, 2)
    yield from itertools.count(3, STRIDE)


def nothing_left(server, seconds=5):
    """What an upload has begun is removed after its answer."""
    until = time.monotonic() + seconds
    while (left := server.unfinished()) and time.monotonic() < until:
        time.sleep(0.005)
    assert not left


def stored(server):
    return {file.name for file in (server.store / "blobs").glob("*/*/*")}


def upload(server, draft, call, effect, nth, size, chunked):
    """One upload whose nth call of the kind is to fail: whether it came to that, and the answer."""
    body, before = os.urandom(size), stored(server)
    path = f"{call}-{effect_name(effect)}-{size}-{nth}"
    fault = server.disk.fail(call, effect, nth=nth, part=str(server.store))
    put = draft.put("1.0.0", path, chunks(body) if chunked else body)
    struck = fault.struck
    fault.calm()
    got = server.get(draft.file("1.0.0", path))
    if put.status == 201:
        assert good(got, 200).body == body, path
    else:
        refused(put, put.status, PROBLEMS[put.status])
        nothing_left(server)
        assert got.status == 404, path
        assert stored(server) == before, path
    return struck, put


def check_call(server, draft, call, effect, status, size, chunked=False):
    """Every number until an upload does not come to so many calls."""
    for nth in numbers():
        struck, put = upload(server, draft, call, effect, nth, size, chunked)
        assert put.status == (status if struck else 201), (nth, put)
        if not struck:
            return nth
    return None


def ids(value):
    return effect_name(value) if isinstance(value, int) and value < 200 else str(value)


@pytest.mark.parametrize(("call", "effect", "status"), TRIES, ids=ids)
def test_a_small_upload_at_each_call(watched, draft, call, effect, status):
    assert check_call(watched, draft, call, effect, status, SMALL) > (call != "push")


LARGE_TRIES = [one for one in TRIES if one[0] in ("write", "push", "fsync")]
if STRIDE > 1:
    LARGE_TRIES = [("write", SHORT, 201), ("write", errno.ENOSPC, 507), ("push", errno.EIO, 500)]


# What is written past the page cache, in pieces of half a MiB, and in smaller ones of a body of
# which nobody knows how long it is.
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
@pytest.mark.parametrize(("call", "effect", "status"), LARGE_TRIES, ids=ids)
def test_a_large_upload_at_each_write(watched, draft, call, effect, status, chunked):
    assert check_call(watched, draft, call, effect, status, LARGE, chunked) > 1


def test_short_and_interrupted_writes_all_the_time(watched, disk, draft):
    """Each takes half of what it is given, and some of the first ones nothing."""
    for size in (1, MEDIUM, LARGE):
        body = os.urandom(size)
        for nth in range(2, 10, 2):
            disk.fail("write", errno.EINTR, nth=nth, part="/incoming/")
        fault = disk.fail("write", SHORT, times=ALWAYS, part="/incoming/")
        good(draft.put("1.0.0", f"{size}", body), 201)
        assert fault.struck
        disk.calm()
        assert good(watched.get(draft.file("1.0.0", f"{size}")), 200).body == body


def test_a_failed_fsync_is_never_asked_again(watched, disk, draft):
    mark = disk.mark()
    disk.fail("fsync", errno.EIO, part="/incoming/")
    refused(draft.put("1.0.0", "f", b"x" * SMALL), 500)
    nothing_left(watched)
    calls = [event.call for event in disk.events(mark) if "/incoming/" in event.path]
    assert calls == ["create", "write", "fsync", "unlink", "close"]


def test_what_cannot_be_removed_is_swept_by_the_next_start(watched, draft):
    watched.disk.fail("write", errno.ENOSPC, part="/incoming/")
    watched.disk.fail("unlink", errno.EIO, part="/incoming/", times=ALWAYS)
    refused(draft.put("1.0.0", "f", b"x" * SMALL), 507)
    time.sleep(0.05)
    assert len(watched.unfinished()) == 1
    watched.disk.calm()
    watched.restart()
    nothing_left(watched)


def test_a_loser_that_cannot_be_removed_costs_nothing_but_room(watched, disk, draft):
    body = os.urandom(SMALL)
    good(draft.put("1.0.0", "a", body), 201)
    fault = disk.fail("unlink", errno.EIO, part="/blobs/")
    good(draft.put("1.0.0", "b", body), 201)
    until = time.monotonic() + 5
    while not fault.struck and time.monotonic() < until:
        time.sleep(0.005)
    assert fault.struck
    assert good(watched.get(draft.file("1.0.0", "b")), 200).body == body


# ---- reading -----------------------------------------------------------------------------


@pytest.fixture
def stored_file(draft):
    body = os.urandom(3_000_000)
    good(draft.put("1.0.0", "f", body), 201)
    return draft.file("1.0.0", "f"), body


def test_a_file_that_cannot_be_opened(watched, disk, stored_file):
    at, body = stored_file
    for error, status in ((errno.EIO, 500), (errno.EMFILE, 503), (errno.ESTALE, 503)):
        disk.fail("open", error, part="/blobs/")
        refused(watched.get(at), status)
        disk.calm()
        assert good(watched.get(at), 200).body == body
    disk.fail("open", errno.EINTR, part="/blobs/")
    assert good(watched.get(at), 200).body == body


def is_whole(server, at, body):
    """True when the whole body came; when it was cut short the client must see that it was."""
    try:
        got = server.get(at)
    except (http.client.IncompleteRead, ConnectionResetError) as error:
        partial = getattr(error, "partial", b"")
        assert len(partial) < len(body)
        assert body.startswith(partial)
        return False
    assert good(got, 200).body == body
    return True


@pytest.mark.parametrize("error", [errno.EINTR, errno.EINVAL], ids=effect_name)
def test_a_download_that_is_interrupted_is_whole(watched, disk, stored_file, error):
    """EINVAL: a file system that has no sendfile; then it is read."""
    at, body = stored_file
    for nth in (1, 2, 5):
        fault = disk.fail("sendfile", error, nth=nth, times=3, part="/blobs/")
        assert is_whole(watched, at, body)
        assert fault.struck
        fault.calm()


# The file is shorter than it was when it was opened: libmicrohttpd takes the call that gave too
# little for a connection that is full, and waits. The watchdog of slow connections ends that.
LATE = [SHORT, END] if STRIDE == 1 else []


@pytest.mark.parametrize("effect", [errno.EIO, *LATE], ids=effect_name)
def test_a_download_that_cannot_be_read_is_never_taken_for_whole(watched, disk, stored_file, effect):
    at, body = stored_file
    pid = watched.pid("service")
    for nth in (1, 2, 5):
        fault = disk.fail("sendfile", effect, nth=nth, times=ALWAYS, part="/blobs/")
        disk.fail("read", effect, times=ALWAYS, part="/blobs/")
        began, busy = time.monotonic(), processor_seconds(pid)
        assert not is_whole(watched, at, body)
        assert fault.struck < 100, "asked again and again"
        assert time.monotonic() - began < (5 if effect > 0 else 30)
        assert processor_seconds(pid) - busy < 1
        disk.calm()
        assert is_whole(watched, at, body)


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


# ---- publishing --------------------------------------------------------------------------


def test_publishing_what_cannot_be_read_is_refused_and_works_when_it_can(disk, draft):
    good(draft.put("1.0.0", "f", os.urandom(MEDIUM)), 201)
    for call, nth in (("open", 1), ("read", 1), ("read", 2)):
        disk.fail(call, errno.EIO, nth=nth, part="/blobs/")
        problem = refused(draft.publish("1.0.0"), 409, "/not-publishable")
        assert problem["errors"] == [{"pointer": "/artifacts/f", "detail": "its bytes cannot be read now"}]
        disk.calm()
    disk.fail("open", errno.EINTR, part="/blobs/")
    disk.fail("read", errno.EINTR, part="/blobs/")
    disk.fail("read", SHORT, nth=2, times=ALWAYS, part="/blobs/")
    assert good(draft.publish("1.0.0"), 200).json["state"] == "published"


def test_publishing_what_is_shorter_than_it_was_is_refused_until_it_is_uploaded_again(disk, draft):
    body = os.urandom(MEDIUM)
    good(draft.put("1.0.0", "f", body), 201)
    disk.fail("read", END, nth=2, part="/blobs/")
    problem = refused(draft.publish("1.0.0"), 409, "/not-publishable")
    assert "upload it again" in problem["errors"][0]["detail"]
    disk.calm()
    good(draft.put("1.0.0", "f", body, If_Match="*"), 200)
    assert good(draft.publish("1.0.0"), 200).json["state"] == "published"
