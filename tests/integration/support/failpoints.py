"""The failpoints of build/faults, armed from outside: base/failpoint.h says what they are."""

import errno
import mmap
import re
import struct
import tempfile
import time
from pathlib import Path

from .paths import ROOT

ROWS = re.findall(r"^\s*X\((\w+), (\w+)\)", (ROOT / "base/failpoint.h").read_text(), re.M)
NAMES = [name for name, _ in ROWS]
OF = dict(ROWS)  # the process that comes there

ACTIONS = {"kill": 1, "kill_other": 2, "stop": 3, "delay": 4, "fail": 5}
SLOT = struct.Struct("4i")  # countdown, action, value, hits


class Failpoints:
    """A file that the processes of one hallmarkd map; `environment` tells them of it."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="hallmark-failpoints.")  # noqa: SIM115
        self.file.truncate(SLOT.size * len(NAMES))
        Path(self.file.name).chmod(0o666)  # as root hallmarkd becomes another user
        self.map = mmap.mmap(self.file.fileno(), SLOT.size * len(NAMES))
        self.environment = {"FAILPOINTS": self.file.name}

    def close(self):
        self.map.close()
        self.file.close()

    def slot(self, name):
        return SLOT.unpack_from(self.map, SLOT.size * NAMES.index(name))

    def arm(self, name, action="kill", value=0, after=1):
        """Act once, when the place is reached for the `after`th time from now on."""
        at = SLOT.size * NAMES.index(name)
        struct.pack_into("2i", self.map, at + 4, ACTIONS[action], value)
        struct.pack_into("i", self.map, at, after)

    def disarm(self):
        for n in range(len(NAMES)):
            struct.pack_into("i", self.map, n * SLOT.size, 0)

    def fail(self, name, error=errno.EIO, after=1):
        self.arm(name, "fail", error, after)

    def hits(self, name):
        return self.slot(name)[3]

    def fired(self, name):
        """It was armed, and has acted."""
        return self.slot(name)[0] == 0

    def wait_fired(self, name, seconds=20):
        until = time.monotonic() + seconds
        while not self.fired(name):
            assert time.monotonic() < until, f"nothing came to {name} in {seconds} s"
            time.sleep(0.002)
