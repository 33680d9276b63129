"""Rows about hallmarkd at rest: memory while idle, time from its start until it is ready."""

import http.client
import time
from pathlib import Path
from statistics import median

from measure import Row, say

MIB = 1 << 20


def mappings(pid):
    """What lies in memory, in bytes: pages of its own, and those of each mapped file."""
    own, files, path = 0, {}, ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            path = words[5] if len(words) > 5 else ""
        elif words[0] == "Rss:":
            files[path] = files.get(path, 0) + int(words[1]) * 1024
        elif words[0] == "Anonymous:":
            files[path] -= int(words[1]) * 1024
            own += int(words[1]) * 1024
    return own, files


def memory(hallmark, idle):
    """All processes of hallmarkd after `idle` seconds without a request. A file that several of
    them map counts once, whoever else on the machine maps it: that is more than the sum of PSS."""
    time.sleep(idle)
    total, each, shared = 0, [], {}
    for role in ("supervisor", "service", "signer"):
        own, files = mappings(hallmark.pid(role))
        total += own
        each.append(f"{role} {own / MIB:.1f} of {(own + sum(files.values())) / MIB:.1f}")
        for path, size in files.items():
            shared[path] = max(shared.get(path, 0), size)
    total += sum(shared.values())
    say(f"  idle, MiB of its own and resident: {', '.join(each)}; files {sum(shared.values()) / MIB:.1f}")
    what = f"idle memory of hallmarkd's processes ({', '.join(each)}), shared files once"
    return [Row(what, "", "MiB", [total / MIB], most=15)]


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
