"""Rows about hallmarkd at rest: memory while idle, time from its start until it is ready."""

import http.client
import time
from pathlib import Path
from statistics import median

from measure import Row, say

MIB = 1 << 20


def resident(pid):
    """Bytes of physical memory: all pages (RSS), and shared ones in proportion (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return found["Rss"], found["Pss"]


def memory(hallmark, idle):
    """All processes of hallmarkd after `idle` seconds without a request."""
    time.sleep(idle)
    sizes = {role: resident(hallmark.pid(role)) for role in ("supervisor", "service", "signer")}
    rss, pss = (sum(size[i] for size in sizes.values()) / MIB for i in (0, 1))
    for role, size in sizes.items():
        say(f"  idle {role}: RSS {size[0] / MIB:.1f}, PSS {size[1] / MIB:.1f} MiB")
    what = f"idle memory of hallmarkd's three processes: PSS (the sum of their RSS is {rss:.1f} MiB)"
    return [Row(what, "", "MiB", [pss], most=15)]


def ready(hallmark):
    """Ask until it says yes; a refused connection is asked again at once."""
    while True:
        try:
            connection = http.client.HTTPConnection(hallmark.host, hallmark.port, timeout=5)
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.001)


def start(hallmark, times):
    """Milliseconds from fork to the first 200 of /ready, with a store that is there."""
    took = []
    for _ in range(times):
        hallmark.stop()
        began = time.monotonic()
        hallmark.start(wait=False)
        ready(hallmark)
        took.append((time.monotonic() - began) * 1000)
    say(f"  ready after {', '.join(f'{ms:.0f}' for ms in took)} ms")
    what = "time to ready with an existing store, PostgreSQL running"
    return [Row(what, "", "ms", [median(took)], most=100)]
