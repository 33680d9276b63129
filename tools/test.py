"""Run every suite and end with one line: N passed, N failed.

    build/venv/bin/python tools/test.py [SUITE...]

Called by `make test`, which has installed the tools. Suites run one after another and use
all cores themselves, but for those in TOGETHER; cosign, helm and the release before this one are
compiled meanwhile. The full output of a suite is kept in build/test/<suite>.log, and shown when it fails.
"""

import os
import subprocess
import sys
import time
from itertools import groupby

from suites import OUT, ROOT, Tally, at_once, build, close, fuzz, integration, lint, show, tail, unit

SUITES = {
    "build": build,
    "lint": lint,
    "unit-plain": unit("plain"),
    "unit-asan": unit("asan"),
    "unit-tsan": unit("tsan"),
    "integration-plain": integration("plain"),
    "fuzz": fuzz(os.environ.get("FUZZ_SECONDS", "5")),
    "integration-asan": integration("asan", "-m", "not plain_only"),
    "integration-tsan": integration("tsan", "-m", "threads and not plain_only"),
    "integration-faults": integration("faults", "--dist=load", "tests/integration/test_failpoints.py"),
}

# None of them measures time, and where one waits for something the others have work.
TOGETHER = {"fuzz", "integration-asan", "integration-tsan", "integration-faults"}


def chosen(words):
    """A word names a suite, or all that begin with it: unit, integration."""
    names = [
        name for name in SUITES if not words or any(name == w or name.startswith(w + "-") for w in words)
    ]
    unknown = [w for w in words if not any(name == w or name.startswith(w + "-") for name in SUITES)]
    if unknown:
        sys.exit(f"no suite is called {', '.join(unknown)}; there are {', '.join(SUITES)}")
    return names if "build" in names or not names else ["build", *names]


def tools(process):
    """Their compiler, started at the beginning, must be done before integration."""
    if process.wait() == 0:
        return Tally(passed=1)
    return Tally(failed=1, problems=(f"a tool or the release before could not be built\n{tail('tools')}",))


def main():
    names = chosen(sys.argv[1:])
    OUT.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    tallies = []
    compiling = None
    if any(name.startswith("integration") for name in names):
        compiling = subprocess.Popen(
            ["nice", "-n", "5", "tools/setup.sh", "cosign", "helm", "previous"],
            cwd=ROOT,
            stdout=(OUT / "tools.log").open("w"),
            stderr=subprocess.STDOUT,
        )
    for _, group in groupby(names, lambda name: "together" if name in TOGETHER else name):
        group = list(group)
        if compiling and any(name.startswith("integration") for name in group):
            start = time.monotonic()
            tallies.append(tools(compiling))
            show("tools", tallies[-1], time.monotonic() - start)
            compiling = None
        tallies += at_once([(name, SUITES[name]) for name in group])
    return close(tallies, began)


if __name__ == "__main__":
    sys.exit(main())
