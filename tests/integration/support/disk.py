"""A hallmarkd whose disk is watched, and fails when it is told to: tests/faults/disk.c preloaded.

server = WatchedHallmark().start()
fault = server.disk.fail("fsync", errno.EIO)      # the next one
…
fault.struck                                      # how often it did
server.disk.events()                              # what was called, in a true order
"""

import ctypes
import errno
import mmap
import os
import shutil
import struct
from dataclasses import dataclass, field
from pathlib import Path

from .paths import BIN
from .server import Hallmark

LIBRARY = BIN.parent / "faults/disk.so"

# What a fault does instead of the call, when it is no errno.
SHORT, KILL, SWALLOW, END = -1, -2, -3, -4
ALWAYS = 1 << 30

FAULTS = 8
FAULT = struct.Struct("<Iiiiiii16s84s")
HEAD = 128


def kinds():
    """The names that the library has for calls, in the order of their numbers."""
    names = ctypes.CDLL(str(LIBRARY))
    return ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(names, "disk_kinds"))).decode().split()


def effect_name(effect):
    special = {SHORT: "short", KILL: "kill", SWALLOW: "swallow", END: "end"}
    return special.get(effect) or errno.errorcode[effect]


@dataclass
class Event:
    """One call: `begin` and `end` are numbers that all threads draw from one counter, so what
    ended before another began has the smaller ones."""

    begin: int
    end: int
    role: str
    thread: int
    call: str
    fd: int
    offset: int
    length: int
    result: int
    error: int
    effect: int
    path: str
    other: str
    bytes: bytes = field(repr=False)

    @classmethod
    def read(cls, line):
        words = line.split("\t")
        numbers = [int(word) for word in (words[0], words[1], words[3], *words[5:11])]
        begin, end, thread, fd, offset, length, result, error, effect = numbers
        return cls(
            *(begin, end, words[2], thread, words[4], fd, offset, length, result, error, effect),
            *(words[11], words[12], bytes.fromhex(words[13])),
        )

    @property
    def good(self):
        return self.result >= 0

    def before(self, other):
        return self.end < other.begin


class Fault:
    """One that was armed; it goes on counting until the disk is calmed."""

    def __init__(self, disk, slot):
        self.disk, self.at = disk, HEAD + slot * FAULT.size

    def _number(self, index):
        return FAULT.unpack_from(self.disk.control, self.at)[index]

    @property
    def seen(self):
        """How many calls have come that it looks for."""
        return self._number(5)

    @property
    def struck(self):
        return self._number(6)

    def calm(self):
        FAULT.pack_into(self.disk.control, self.at, 0, -1, 0, 0, 0, 0, 0, b"", b"")


class Disk:
    """The shim's control file and log. `root` is what it watches, `excepted` what not of it."""

    def __init__(self, folder, root, excepted):
        self.folder, self.root, self.excepted = Path(folder), Path(root), excepted
        self.folder.mkdir()
        for path in (self.folder, self.folder / "graves"):
            path.mkdir(exist_ok=True)
            path.chmod(0o777)
        for name, size in (("control", HEAD + FAULTS * FAULT.size), ("log", 0)):
            (self.folder / name).write_bytes(bytes(size))
            (self.folder / name).chmod(0o666)
        # A copy, because the user that hallmarkd becomes may not see the build folder.
        shutil.copy(LIBRARY, self.folder / "disk.so")
        (self.folder / "disk.so").chmod(0o755)
        with (self.folder / "control").open("r+b") as file:
            self.control = mmap.mmap(file.fileno(), 0)
        self.kinds = kinds()

    @property
    def environment(self):
        return {
            "LD_PRELOAD": str(self.folder / "disk.so"),
            "DISK_FOLDER": str(self.folder),
            "DISK_ROOT": str(self.root),
            "DISK_EXCEPT": str(self.excepted),
        }

    def fail(self, call, effect, nth=1, times=1, role="service", part=""):
        """From now on the nth call of its kind (and `times` in all) has this effect: an errno, or
        SHORT, KILL, SWALLOW, END. `part`: only paths that it is a part of."""
        for slot in range(FAULTS):
            at = HEAD + slot * FAULT.size
            if FAULT.unpack_from(self.control, at)[0]:
                continue
            rest = (self.kinds.index(call), effect, nth, times, 0, 0, role.encode(), part.encode())
            FAULT.pack_into(self.control, at, 0, *rest)
            struct.pack_into("<I", self.control, at, 1)
            return Fault(self, slot)
        raise AssertionError("too many faults at once")

    def calm(self):
        for slot in range(FAULTS):
            Fault(self, slot).calm()

    def mark(self):
        """The place in the log where what comes now will stand."""
        return (self.folder / "log").stat().st_size

    def events(self, since=0, until=None):
        with (self.folder / "log").open("rb") as file:
            file.seek(since)
            data = file.read() if until is None else file.read(until - since)
        lines = data.decode().split("\n")
        return sorted((Event.read(line) for line in lines[:-1]), key=lambda event: event.end)

    def forget(self):
        """Begin a new record; nothing may be running."""
        os.truncate(self.folder / "log", 0)
        for grave in (self.folder / "graves").iterdir():
            grave.unlink()


class WatchedHallmark(Hallmark):
    """Everything below its folder is watched, its database's files aside."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.disk = Disk(self.folder / "disk", self.folder, self.state / "postgres")

    @property
    def environment(self):
        return {**super().environment, **self.disk.environment}

    @property
    def store(self):
        return self.state / "artifacts"

    def unfinished(self):
        """Files of uploads on their way."""
        return [file for file in (self.store / "incoming").iterdir() if file.is_file()]
