"""Memory that runs out where a test wants it to: tests/faults/memory.c, told from outside.

memory = Memory()
server = Hallmark(**…); server.variables = memory.variables
with memory.at_a_new_site(pid=server.pid("service")) as shot: …
shot.failed, shot.where
"""

import ctypes
import mmap
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from .paths import BIN, FLAVOUR, ROOT

LIBRARY = ROOT / "build" / FLAVOUR / "faults/memory.so"
STRIDE = int(os.environ.get("MEMORY_STRIDE", "12"))  # every so many-th site; 1: each
SEED = int(os.environ.get("MEMORY_SEED", "0")) or int.from_bytes(os.urandom(2))
DEPTH = int(os.environ.get("MEMORY_DEPTH", "8"))  # calls that tell one site from another
FRAMES, SITES = 32, 1 << 16


class Frame(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char * 40), ("offset", ctypes.c_uint64)]


class Control(ctypes.Structure):
    _fields_ = [
        ("armed", ctypes.c_uint32),
        ("all", ctypes.c_uint32),
        ("role", ctypes.c_char * 32),
        ("pid", ctypes.c_uint32),
        ("tid", ctypes.c_uint32),
        ("depth", ctypes.c_uint32),
        ("stride", ctypes.c_uint32),
        ("offset", ctypes.c_uint32),
        ("nframes", ctypes.c_uint32),
        ("smallest", ctypes.c_uint64),
        ("countdown", ctypes.c_uint64),
        ("seen", ctypes.c_uint64),
        ("failed", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("frames", Frame * FRAMES),
        ("sites", ctypes.c_uint64 * SITES),
    ]


class Shot:
    """What came of having armed it once."""

    def __init__(self, control):
        self.seen, self.failed, self.size = control.seen, control.failed, control.size
        self.frames = [(f.file.decode(), f.offset) for f in control.frames[: control.nframes]]

    @property
    def where(self):
        """The functions on the stack of what failed first, the innermost first."""
        return f"{self.size} bytes for {' < '.join(name_of(*frame) for frame in self.frames)}"


def name_of(file, offset):
    program = BIN / (file or "hallmarkd")
    if not program.exists() or not offset:
        return f"{file}+{offset:#x}"
    words = ["addr2line", "-fs", "-e", str(program), hex(offset - 1)]
    function, line = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split("\n")[:2]
    return f"{function} {line}"


class Memory:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="hallmark-memory."))
        self.folder.chmod(0o755)  # the service is another user
        shutil.copy(LIBRARY, self.folder / "memory.so")
        file = self.folder / "control"
        file.write_bytes(bytes(ctypes.sizeof(Control)))
        file.chmod(0o666)
        with file.open("r+b") as f:
            self.control = Control.from_buffer(mmap.mmap(f.fileno(), 0))
        self.variables = {"LD_PRELOAD": str(self.folder / "memory.so"), "MEMORY_FAULTS": str(file)}

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget_sites(self):
        ctypes.memset(ctypes.addressof(self.control) + Control.sites.offset, 0, Control.sites.size)

    @property
    def sites(self):
        return sum(1 for site in self.control.sites if site)

    def arm(self, *, pid=0, role="", nth=0, depth=0, smallest=0, everything=False, stride=1):
        c = self.control
        c.armed = 0
        c.all, c.role, c.pid, c.tid = int(everything), role.encode(), pid, 0
        c.depth, c.stride, c.offset = depth, stride, SEED % stride
        c.smallest, c.countdown = smallest, nth
        c.seen = c.failed = c.size = c.nframes = 0
        ctypes.memset(ctypes.addressof(c) + Control.frames.offset, 0, Control.frames.size)
        c.armed = 1

    def disarm(self):
        self.control.armed = 0
        return Shot(self.control)

    @contextmanager
    def failing(self, **how):
        """Armed within; afterwards the Shot that is given has what came of it."""
        shot = Shot(self.control)
        self.arm(**how)
        try:
            yield shot
        finally:
            shot.__dict__.update(self.disarm().__dict__)

    def at_a_new_site(self, **how):
        return self.failing(depth=DEPTH, **how)

    def every_site(self, try_one, stride=STRIDE, most=20_000, **how):
        """try_one(arm) again and again, with one allocation failing at a site where none has, until
        nothing fails any more; how many sites that were."""
        self.forget_sites()
        for n in range(most):
            shot = try_one(lambda: self.failing(depth=DEPTH, stride=stride, **how))
            if not shot.failed:
                return n
        raise AssertionError(f"still new sites after {most}")
