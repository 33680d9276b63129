"""In which order bytes become safe: nobody hears of an upload before its file, its name and its row
would outlive a power cut. Read from the record of every call on the store and on the sockets."""

import errno
import os
import random
import re
import threading
from pathlib import Path

import pytest
from support.disk import WatchedHallmark
from support.model import Model, good

pytestmark = pytest.mark.plain_only

ROUNDS = int(os.environ.get("DISK_ROUNDS", "1"))
CLIENTS = 4

# Below and above what is written past the page cache, gathered in one buffer, kept in one write.
SIZES = (0, 1, 5000, 300_000, 524_288, 600_001, 9_000_000)

KEY = re.compile(rb"[0-9a-f]{64}\.[0-9a-f]{32}")
READY = b"Z\0\0\0\5I"  # how the database ends an answer when no transaction is open


@pytest.fixture(scope="module")
def watched():
    server = WatchedHallmark()
    try:
        yield server.start()
    finally:
        server.close()


class Client(threading.Thread):
    """Uploads of every size, whole and chunked, new, equal, replacing; and a publish."""

    def __init__(self, server, number, shared):
        super().__init__(daemon=True)
        self.model = Model(server, f"order-{os.urandom(3).hex()}-{number}")
        self.random = random.Random(number)
        self.shared = shared
        self.error = None

    def run(self):
        try:
            self.model.make()
            for n in range(ROUNDS):
                self.one_version(f"1.{n}.0")
        except Exception as error:
            self.error = error

    def put(self, version, path, body, chunked, **headers):
        pieces = (body[at : at + 70_000] for at in range(0, len(body), 70_000))
        good(self.model.put(version, path, pieces if chunked else body, **headers), 200, 201)

    def one_version(self, version):
        self.model.draft(version)
        for size in SIZES:
            self.put(version, f"{size}.bin", self.random.randbytes(size), self.random.random() < 0.4)
        self.put(version, "same", self.shared, False)
        self.put(version, "5000.bin", self.random.randbytes(700_000), False, If_Match="*")
        self.put(version, "5000.bin", self.shared, True, If_Match="*")
        good(
            self.model.client.delete(self.model.file(version, "300000.bin"), headers={"If-Match": "*"}),
            204,
        )
        good(self.model.publish(version), 200)


@pytest.fixture(scope="module")
def record(watched):
    """The events of CLIENTS clients at once."""
    shared = [os.urandom(1_000_000) for _ in range(2)]
    mark = watched.disk.mark()
    clients = [Client(watched, n, shared[n % 2]) for n in range(CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
        assert one.error is None, one.error
    return Record(watched.disk.events(mark), watched.disk.events(0, mark))


class Record:
    """What happened to each file and each statement, found by the storage key."""

    def __init__(self, events, earlier):
        self.events = events
        self.folders = [e for e in earlier + events if e.call in ("mkdir", "fsyncdir")]
        self.asks = [e for e in events if e.call == "ask" and KEY.search(e.bytes)]
        self.replies = [e for e in events if e.call == "reply" and e.bytes.startswith(b"HTTP/1.1 20")]

        self.renames = {Path(e.other).name: e for e in events if e.call == "rename" and e.good}
        self.paths, self.answers = {}, {}
        for e in events:
            self.paths.setdefault(e.path, []).append(e)
            if e.call == "answer" and e.bytes.endswith(READY):
                self.answers.setdefault(e.fd, []).append(e)

    @staticmethod
    def key(ask):
        return KEY.search(ask.bytes)[0].decode()

    def answer(self, ask):
        """The end of what the database said to it, on the same connection."""
        return next(e for e in self.answers[ask.fd] if ask.before(e))

    def of(self, call, path):
        return [e for e in self.paths[path] if e.call == call]

    def synced(self, folder, after, before):
        """A good fsync of the folder that began after the one and ended before the other."""
        return [
            e
            for e in self.folders
            if e.call == "fsyncdir"
            and e.good
            and e.path == str(folder)
            and after.before(e)
            and e.before(before)
        ]

    def made(self, folder):
        """The moment from which on everybody could see it; None: long before."""
        seen = [
            e
            for e in self.folders
            if e.call == "mkdir" and e.path == str(folder) and (e.good or e.error == errno.EEXIST)
        ]
        return min(seen, key=lambda e: e.end, default=None) if any(e.good for e in seen) else None


def test_a_row_is_stored_when_its_file_is_safe(record):
    """write → fsync → rename → close → fsync of the folder and of each new parent → the statement."""
    assert len(record.asks) == CLIENTS * ROUNDS * (len(SIZES) + 3)
    for ask in record.asks:
        renamed = record.renames[record.key(ask)]
        writes = [e for e in record.of("write", renamed.path) if e.good]
        (synced,) = record.of("fsync", renamed.path)
        (closed,) = record.of("close", renamed.path)
        assert synced.good
        assert closed.good
        assert all(write.before(synced) for write in writes)
        assert synced.before(renamed)
        assert renamed.before(ask)
        assert closed.before(ask)
        folder = Path(renamed.other).parent
        assert record.synced(folder, renamed, ask)
        for made in (folder, folder.parent):
            if maker := record.made(made):
                assert record.synced(made.parent, maker, ask), made


def test_all_bytes_are_written_before_the_fsync(record):
    for ask in record.asks:
        renamed = record.renames[record.key(ask)]
        at = 0
        for write in sorted(record.of("write", renamed.path), key=lambda e: e.begin):
            assert write.offset == at
            at += max(write.result, 0)
        assert at == Path(renamed.other).stat().st_size if Path(renamed.other).exists() else True


def test_large_files_are_written_directly_and_pushed(record):
    sizes = [e.length for e in record.events if e.call == "write"]
    assert max(sizes) == 524_288
    assert any(e.call == "push" and e.good for e in record.events)


def test_a_client_hears_of_it_when_the_row_is_stored(record):
    """The nth reply about the same bytes comes after n statements about them were answered."""
    answered = {}
    for ask in record.asks:
        answered.setdefault(record.key(ask)[:64], []).append(record.answer(ask).end)
    heard = {}
    for reply in record.replies:
        etag = re.search(rb'ETag: "([0-9a-f]{64})"', reply.bytes)
        if etag and b"application/json" in reply.bytes:
            heard.setdefault(etag[1].decode(), []).append(reply.begin)
    assert sum(map(len, heard.values())) == len(record.asks)
    for sha256, replies in heard.items():
        for reply, answer in zip(sorted(replies), sorted(answered[sha256]), strict=True):
            assert answer < reply


def test_what_lost_goes_when_the_row_that_won_is_stored(record):
    """Equal bytes: of each file that is removed the statement has been answered before; and
    nothing else is removed, neither by a replacement nor by DELETE."""
    removed = [e for e in record.events if e.call == "unlink" and "/blobs/" in e.path]
    by_key = {record.key(ask): ask for ask in record.asks}
    counts = {}
    for ask in record.asks:
        counts.setdefault(record.key(ask)[:64], []).append(record.key(ask))
    assert len(removed) == sum(len(keys) - 1 for keys in counts.values()) > 0
    for gone in removed:
        assert record.answer(by_key[Path(gone.path).name]).before(gone)


def test_publishing_is_told_when_it_is_stored_and_its_files_were_read_before(record):
    asks = [e for e in record.events if e.call == "ask" and b"versions_publish\0" in e.bytes]
    assert len(asks) == CLIENTS * ROUNDS
    answers = sorted(record.answer(ask).end for ask in asks)
    told = sorted(e.begin for e in record.replies if b'"state":"published"' in e.bytes)
    assert len(told) == len(asks)
    assert all(answer < reply for answer, reply in zip(answers, told, strict=True))
    first = min(ask.begin for ask in asks)
    assert any(e.call == "read" and e.end < first for e in record.events)


def test_the_folders_of_the_store_are_safe_before_it_is_used(watched, record):
    for folder in (watched.store, watched.store / "blobs", watched.store / "incoming"):
        maker = record.made(folder)
        assert maker, folder
        assert record.synced(folder.parent, maker, record.asks[0]), folder


def test_files_are_written_in_no_other_way(record):
    """What the record would not follow."""
    assert not [e for e in record.events if e.call == "resize"]
