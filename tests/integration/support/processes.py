"""Look at and signal processes by what /proc says of them."""

import os
import re
import signal
import time
from pathlib import Path


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def children(pid):
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def naming(text):
    """Processes with `text` in their command line, whoever their parent is."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and any(text in word for word in command_line(pid))]


def kill(pid, with_signal=signal.SIGKILL):
    try:
        os.kill(pid, with_signal)
    except ProcessLookupError:
        return False
    return True


def wait_gone(pids, seconds=10):
    """Wait until none of them runs; the ones that still do are the answer."""
    until = time.monotonic() + seconds
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < until:
        time.sleep(0.01)
    return left


def resident(pid):
    """Bytes of physical memory, shared pages in proportion (PSS), else RSS."""
    for file, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
                if line.startswith(key):
                    return int(line.split()[1]) * 1024
        except OSError:
            continue
    raise ProcessLookupError(pid)


def anonymous(pid):
    """Bytes of memory that is its own: no other process's coming or going changes them. Anybody may
    read them there, which is not so of smaps_rollup."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^RssAnon:\s+(\d+) kB$", status, re.M)[1]) * 1024


def waits(pids):
    """For every thread of these processes, the nanoseconds for which it was ready to run and others
    had the processors."""
    found = {}
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                found[thread] = int(thread.read_text().split()[1])
            except OSError:
                continue
    return found
