"""What must hold after whatever was done to a server, whoever did it.

    with Siege(server):
        …

Afterwards the same process serves, the next request on a fresh connection is answered at once,
and memory is back where it was.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from . import processes
from .paths import FLAVOUR, SLOWNESS
from .registry import artifact_path, make_draft, model_path

AT_ONCE = 0.05 * SLOWNESS
MIB = 1024 * 1024

# What an attack may leave behind: a loop keeps up to 64 arenas of 16 KiB for later requests,
# and each of its connections to the database a buffer as long as the longest statement was.
# A body of the largest size, kept by mistake, is more than that.
MARGIN = 3 * MIB


def warm(server):
    """Once for a server: threads, connections to the database and caches are there."""
    if getattr(server, "warmed", False):
        return
    make_draft(server, "siege")

    def work(n):
        put = server.put(artifact_path("siege", f"f{n}"), body=os.urandom(500_000))
        server.put(model_path(f"siege-{n}"), json={"card": "x" * 100_000})
        return put.status, server.get(model_path("siege")).status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(work, range(48))) == {(201, 200)}
    server.warmed = True


class Siege:
    def __init__(self, server, margin=MARGIN):
        self.server, self.margin = server, margin

    def __enter__(self):
        warm(self.server)
        self.pid = self.server.wait_pid("service")
        self.before = processes.anonymous(self.pid)
        return self

    def __exit__(self, kind, *_):
        if kind:
            return
        self.answers_at_once()
        assert self.server.pid("service") == self.pid, "the service was restarted"
        if FLAVOUR == "plain":  # sanitizers keep what was freed
            self.memory_comes_back()

    def answers_at_once(self):
        """Waiting for a processor that others have is not the service's time."""
        working = [os.getpid(), *processes.descendants(self.server.pid())]
        before, began = processes.waits(working), time.monotonic()
        assert self.server.get(model_path("siege")).status == 200
        took = time.monotonic() - began
        after = processes.waits(working)
        waited = sum(after[thread] - before[thread] for thread in after.keys() & before.keys()) / 1e9
        assert took - waited < AT_ONCE, f"took {took:.3f} s, {waited:.3f} s of it for a processor"

    def memory_comes_back(self):
        """Soon: a connection that ended is noticed a little later."""
        until = time.monotonic() + 5
        while (now := processes.anonymous(self.pid)) > self.before + self.margin:
            assert time.monotonic() < until, f"{self.before / MIB:.1f} MiB before, {now / MIB:.1f} MiB after"
            time.sleep(0.02)
