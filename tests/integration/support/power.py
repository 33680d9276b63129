"""What a disk has kept when the power went, told from the record of support/disk.py.

    power = Power(server.disk)        # all that is there now counts as safe
    …                                 # and then everything is killed
    power.cut()                       # the folder is what the worst disk would have kept
    power.cut(seed=7)                 # or some of what was not safe, chosen by the seed

The worst disk keeps what was fsynced and nothing else: bytes of a file that were written before an
fsync of it began, names in a folder that were made, moved or removed before an fsync of the folder
began. An fsync that failed has lost for good what it was to make safe, whatever a later one says.
What the record does not know of was never waited for, so it is gone too.

A disk may also have kept more, in any order: each page, each name for itself.
"""

import errno
import os
import random
import shutil
from pathlib import Path

PAGE = 4096
PENDING, SAFE, LOST = "pending", "safe", "lost"

REPLAYED = ("create", "write", "fsync", "fsyncdir", "rename", "link", "unlink", "mkdir", "rmdir")


class Change:
    """A piece of a file, or a name in a folder (`what` is a node, or None when it was removed)."""

    def __init__(self, end, what, state=PENDING):
        self.end, self.what, self.state = end, what, state


def settle(changes, event):
    """An fsync has ended: what had ended before it began is safe, or lost with its failure."""
    for change in changes:
        if change.state == PENDING and change.end < event.begin:
            change.state = SAFE if event.good else LOST


def happened(event):
    """Or tells something although it failed."""
    return (
        event.good or event.call.startswith("fsync") or (event.call, event.error) == ("mkdir", errno.EEXIST)
    )


class File:
    def __init__(self, size=0):
        self.safe_size = size  # of before the record
        self.pieces = []  # what: (offset, length)
        self.graves = []

    def write(self, event):
        self.pieces.append(Change(event.end, (event.offset, event.result)))

    def sync(self, event):
        settle(self.pieces, event)

    def whole(self):
        return all(piece.state == SAFE for piece in self.pieces)

    def kept(self, choose):
        """The ranges of bytes that are kept, each with an end."""
        ranges = [(0, self.safe_size)]
        for piece in self.pieces:
            offset, length = piece.what
            if piece.state == SAFE:
                ranges.append((offset, offset + length))
                continue
            for at in range(offset, offset + length, PAGE):
                if choose():
                    ranges.append((at, min(at + PAGE, offset + length)))
        return ranges


class Folder:
    def __init__(self):
        self.names = {}  # name → its changes in order

    def name(self, name, what, end=0, state=PENDING):
        self.names.setdefault(name, []).append(Change(end, what, state))

    def sync(self, event):
        for changes in self.names.values():
            settle(changes, event)

    def now(self, name):
        changes = self.names.get(name)
        return changes[-1].what if changes else None

    def kept(self, name, choose):
        """What the name means: the last of its changes that is kept."""
        what = None
        for change in self.names[name]:
            if change.state == SAFE or choose():
                what = change.what
        return what


class Power:
    """The files of the watched folder, as the disk knows them."""

    def __init__(self, disk):
        self.disk = disk
        self.begin()

    # ---- what was there before -----------------------------------------------------

    def begin(self):
        """From now on there is a new record; what is on the disk is safe."""
        self.disk.forget()
        self.root = self._found(self.disk.root)

    def _foreign(self, path):
        """Not of the registry's files: the tests' own, and the database's."""
        path = str(path)
        return (
            path.startswith((str(self.disk.excepted), str(self.disk.folder)))
            or path.endswith((".log", "/state/socket"))
            or os.path.islink(path)
        )

    def _found(self, path):
        if not path.is_dir():
            return File(path.stat().st_size)
        folder = Folder()
        for entry in path.iterdir():
            if not self._foreign(entry):
                folder.name(entry.name, self._found(entry), state=SAFE)
        return folder

    # ---- the record ----------------------------------------------------------------

    def _node(self, path):
        node = self.root
        for name in Path(path).relative_to(self.disk.root).parts:
            node = node.now(name) if isinstance(node, Folder) else None
        return node

    def _put(self, path, node, event):
        path = Path(path)
        self._node(path.parent).name(path.name, node, event.end)

    def _create(self, event):
        if event.length:
            self._put(event.path, File(), event)
        self.open[event.role, event.fd] = self._node(event.path)

    def _written(self, event):
        return self.open.get((event.role, event.fd))

    def _write(self, event):
        self._written(event).write(event)

    def _fsync(self, event):
        if file := self._written(event):
            file.sync(event)

    def _fsyncdir(self, event):
        if folder := self._node(event.path):
            folder.sync(event)

    def _rename(self, event):
        node = self._node(event.path)
        self._put(event.other, node, event)
        self._put(event.path, None, event)

    def _link(self, event):
        self._put(event.other, self._node(event.path), event)

    def _unlink(self, event):
        if file := self._node(event.path):
            file.graves.append(event.other)
        self._put(event.path, None, event)

    def _mkdir(self, event):
        """Also of who found it there: it was made before, though its maker's number may come later."""
        if not isinstance(self._node(event.path), Folder):
            self._put(event.path, Folder(), event)

    def _rmdir(self, event):
        self._put(event.path, None, event)

    def replay(self):
        steps = {name: getattr(self, f"_{name}") for name in REPLAYED}
        self.open = {}
        for event in self.disk.events():
            if event.call in steps and happened(event) and not self._foreign(event.path):
                steps[event.call](event)

    # ---- the cut -------------------------------------------------------------------

    def cut(self, seed=None):
        """Nothing may be running. Afterwards a new record begins. Tells what was lost."""
        chance = random.Random(seed)
        choose = (lambda: False) if seed is None else (lambda: chance.random() < 0.5)
        self.replay()
        limbo = self.disk.folder / "limbo"
        limbo.mkdir()
        sources = self._sources(self.root, self.disk.root, {})
        for number, (node, path) in enumerate(list(sources.items())):
            os.link(path, limbo / str(number))
            sources[node] = limbo / str(number)
        lost = Loss()
        self._rewrite(self.root, self.disk.root, sources, choose, lost)
        shutil.rmtree(limbo)
        self.begin()
        return lost

    def _sources(self, folder, at, found):
        """Where the bytes of each file are: under a name it has, or in a grave."""
        for name, changes in folder.names.items():
            for node in (change.what for change in changes):
                if isinstance(node, Folder):
                    self._sources(node, at / name, found)
                elif node and node not in found:
                    paths = [at / name] if folder.now(name) is node else []
                    alive = [p for p in [*paths, *map(Path, node.graves)] if p.is_file() and str(p) != "."]
                    if alive:
                        found[node] = alive[0]
        return found

    def _rewrite(self, folder, at, sources, choose, lost):
        kept = {name: folder.kept(name, choose) for name in folder.names}
        for entry in at.iterdir():
            if self._foreign(entry):
                continue
            node = kept.get(entry.name)
            if entry.is_dir() and not (isinstance(node, Folder) and folder.now(entry.name) is node):
                self._remove(entry, lost)
            elif not entry.is_dir():
                entry.unlink()
        for name, node in kept.items():
            if node is not folder.now(name):
                lost.names.append(str(at / name))
            if isinstance(node, Folder):
                self._rewrite(node, self._folder(at, name), sources, choose, lost)
            elif node in sources:
                self._write_kept(node, at / name, sources[node], choose, lost)

    def _remove(self, folder, lost):
        """All of it but what is not ours."""
        for entry in folder.iterdir():
            if self._foreign(entry):
                continue
            if entry.is_dir():
                self._remove(entry, lost)
            else:
                entry.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()

    @staticmethod
    def _folder(at, name):
        path = at / name
        if not path.exists():
            path.mkdir(mode=0o750)
            owner = at.stat()
            os.chown(path, owner.st_uid, owner.st_gid)
        return path

    @staticmethod
    def _write_kept(file, path, source, choose, lost):
        if file.whole():
            os.link(source, path)
            return
        lost.bytes.append(str(path))
        shutil.copy2(source, path)
        owner = source.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
        path.chmod(0o600)
        ranges = file.kept(choose)
        size = min(max(end for _, end in ranges), owner.st_size)
        with path.open("r+b") as kept, source.open("rb") as whole:
            kept.truncate(0)
            kept.truncate(size)
            for start, end in ranges:
                whole.seek(start)
                kept.seek(start)
                kept.write(whole.read(min(end, size) - start if end > start else 0))
        path.chmod(owner.st_mode & 0o7777)


class Loss:
    """What a cut has taken away."""

    def __init__(self):
        self.names, self.bytes = [], []

    def __bool__(self):
        return bool(self.names or self.bytes)
