"""Run every suite and end with one line: N passed, N failed.

    build/venv/bin/python tools/test.py [SUITE...]

Called by `make test`, which has installed the tools. Suites run one after another and use
all cores themselves, but for those in TOGETHER; cosign, helm and the release before this one are
compiled meanwhile. The full output of a suite is kept in build/test/<suite>.log, and shown when it fails.
"""

import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "test"
JOBS = str(os.cpu_count() or 2)
WORKERS = str(2 * int(JOBS))  # most tests wait for something most of the time
FUZZ_SECONDS = os.environ.get("FUZZ_SECONDS", "5")
ENVIRONMENT = {**os.environ, "WERROR": "1", "JOBS": JOBS, "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass
class Tally:
    """How one suite went; problems name what failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    problems: tuple[str, ...] = ()


def make(*words):
    return ["make", "--keep-going", "--no-print-directory", f"-j{JOBS}", *words]


def read_tap(text):
    """Count the lines of TAP, and a plan that was not kept as one failure."""
    good = len(re.findall(r"^ok\b(?!.*# SKIP)", text, re.M))
    skipped = len(re.findall(r"^ok\b.*# SKIP|^1\.\.0 # SKIP", text, re.M))
    problems = re.findall(r"^not ok\b[^\n]*(?:\n#[^\n]*){0,40}", text, re.M)
    plan = re.search(r"^1\.\.(\d+)", text, re.M)
    done = len(re.findall(r"^(?:not )?ok\b", text, re.M))
    if not plan:
        problems.append("ended before its plan")
    elif int(plan[1]) != done:
        problems.append(f"planned {plan[1]} tests and ran {done}")
    return Tally(good, len(problems), skipped, tuple(problems))


def add(tallies):
    total = Tally()
    for tally in tallies:
        total.passed += tally.passed
        total.failed += tally.failed
        total.skipped += tally.skipped
        total.problems += tally.problems
    return total


running = set()  # to be ended when this program is interrupted


def run(name, command, limit, env=()):
    """Run a command into its log; returns its exit status, 124 when it took too long."""
    log = OUT / f"{name}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**ENVIRONMENT, **dict(env)},
            start_new_session=True,
        )
        running.add(process)
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            out.write(f"\ngiven up after {limit} seconds\n")
            return 124
        finally:
            running.discard(process)
            if process.poll() is None:  # too long, or this program was interrupted
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(30)


def log_of(name):
    return (OUT / f"{name}.log").read_text(errors="replace")


def tail(name, lines=40):
    """The end of a log, without the lines in which make says what it does."""
    kept = [line for line in log_of(name).splitlines() if not re.match(r"  [A-Z]+ +\S+$|make\[\d\]: ", line)]
    return "\n".join(kept[-lines:])


# ---- suites ------------------------------------------------------------------------


def build(name, limit=1200):
    """Every program of every flavour, each tree one check."""
    trees = {
        "plain": ["all", "unit-programs", "bench-programs", "fault-libraries"],
        "asan": ["FLAVOUR=asan", "all", "unit-programs"],
        "tsan": ["FLAVOUR=tsan", "all", "unit-programs"],
        "fuzz": ["FLAVOUR=fuzz", "fuzz-programs"],
        "faults": ["FLAVOUR=faults", "all"],
    }
    tally = Tally()
    for tree, words in trees.items():
        if run(f"{name}-{tree}", make(*words), limit) == 0:
            tally.passed += 1
        else:
            tally.failed += 1
            tally.problems += (f"the {tree} build\n{tail(f'{name}-{tree}')}",)
    return tally


def tap(name, command, limit):
    status = run(name, command, limit)
    tally = read_tap(log_of(name))
    if status != 0 and not tally.failed:
        tally = add([tally, Tally(failed=1, problems=(f"ended with status {status}\n{tail(name)}",))])
    return tally


def lint(name):
    return tap(name, ["tools/lint.sh"], 1800)


def fuzz(name):
    targets = sorted(path.stem for path in (ROOT / "tests/fuzz").glob("f_*.c"))
    programs = [f"build/fuzz/fuzz/{target}" for target in targets]
    return tap(name, ["tools/fuzz.sh", FUZZ_SECONDS, *programs], 1200) if programs else Tally()


def unit(flavour):
    def suite(name):
        taps = OUT / name
        taps.mkdir(exist_ok=True)
        for old in taps.glob("*.tap"):
            old.unlink()
        status = run(
            name,
            make(f"FLAVOUR={flavour}", "unit"),
            1800,
            {"HALLMARK_TEST_TAP": str(taps), "WORKERS": WORKERS},
        )
        if status != 0 and not any(taps.glob("*.tap")):
            return Tally(failed=1, problems=(f"did not run\n{tail(name)}",))
        tallies = []
        for source in sorted((ROOT / "tests/unit").glob("t_*.c")):
            kept = taps / f"{source.stem}.tap"
            tally = read_tap(kept.read_text(errors="replace") if kept.exists() else "")
            tally.problems = tuple(f"{source.stem}: {problem}" for problem in tally.problems)
            tallies.append(tally)
        total = add(tallies)
        if status != 0:
            # prove also counts what TAP cannot say: a crash after the plan, a sanitizer's report.
            total.failed += 0 if total.failed else 1
            total.problems += (tail(name),)
        return total

    return suite


def integration(flavour, *options):
    def suite(name):
        report = OUT / f"{name}.xml"
        report.unlink(missing_ok=True)
        command = [
            "build/venv/bin/pytest",
            "-c",
            "tests/pytest.ini",
            "-n",
            WORKERS,
            f"--junitxml={report}",
            *options,
        ]
        status = run(name, [*command, *options], 3600, {"HALLMARK_FLAVOUR": flavour})
        if not report.exists():
            return Tally(failed=1, problems=(f"pytest ended with status {status}\n{tail(name)}",))
        return read_junit(report, status, name)

    return suite


def read_junit(report, status, name):
    tally = Tally()
    for case in ElementTree.parse(report).iter("testcase"):
        bad = case.findall("failure") + case.findall("error")
        if bad:
            tally.failed += 1
            tally.problems += (
                f"{case.get('classname')}.{case.get('name')}\n{bad[0].text or bad[0].get('message')}",
            )
        elif case.find("skipped") is not None:
            tally.skipped += 1
        else:
            tally.passed += 1
    if status not in (0, 5) and not tally.failed:  # 5: no test selected
        tally.failed += 1
        tally.problems += (f"pytest ended with status {status}\n{tail(name)}",)
    return tally


SUITES = {
    "build": build,
    "lint": lint,
    "unit-plain": unit("plain"),
    "unit-asan": unit("asan"),
    "unit-tsan": unit("tsan"),
    "integration-plain": integration("plain"),
    "fuzz": fuzz,
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


def show(name, tally, seconds):
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    print(
        f"{name:<20}{tally.passed:>6} passed{tally.failed:>5} failed{skipped}  ({seconds:.0f} s)", flush=True
    )
    for problem in tally.problems:
        print("\n".join(f"    {line}" for line in problem.rstrip().splitlines()), flush=True)


def tools(process):
    """Their compiler, started at the beginning, must be done before integration."""
    if process.wait() == 0:
        return Tally(passed=1)
    return Tally(failed=1, problems=(f"a tool or the release before could not be built\n{tail('tools')}",))


def timed(name):
    start = time.monotonic()
    tally = SUITES[name](name)
    return name, tally, time.monotonic() - start


def at_once(names):
    """Run suites beside each other; each is shown when it ends."""
    tallies = []
    with ThreadPoolExecutor(len(names)) as pool:
        try:
            for done in as_completed([pool.submit(timed, name) for name in names]):
                show(*done.result())
                tallies.append(done.result()[1])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                os.killpg(process.pid, signal.SIGTERM)
            raise
    return tallies


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
        tallies += at_once(group)
    total = add(tallies)
    print(f"took {time.monotonic() - began:.0f} s; full output in {OUT.relative_to(ROOT)}/")
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
