"""What make test and make soak are made of: suites, how each is run, and how its end is counted.

A suite is a function of its name: it runs, keeps its full output in build/test/<name>.log, and
returns a Tally.
"""

import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "test"
JOBS = str(os.cpu_count() or 2)
WORKERS = str(2 * int(JOBS))  # most tests wait for something most of the time
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


def fuzz(seconds, limit=1200):
    def suite(name):
        targets = sorted(path.stem for path in (ROOT / "tests/fuzz").glob("f_*.c"))
        programs = [f"build/fuzz/fuzz/{target}" for target in targets]
        return tap(name, ["tools/fuzz.sh", str(seconds), *programs], limit) if programs else Tally()

    return suite


def unit(flavour, env=(), limit=1800, only=()):
    """All unit programs, or those named. What fails beside others runs once more by itself, and is
    named: a fault of the program fails again, a machine without time for it does not."""

    def suite(name):
        taps = OUT / name
        taps.mkdir(exist_ok=True)
        for old in taps.glob("*.tap"):
            old.unlink()

        def attempt(log, programs):
            more = {"WORKERS": WORKERS, **dict(env), "HALLMARK_TEST_TAP": str(taps)}
            return run(log, make(f"FLAVOUR={flavour}", f"UNITS={' '.join(programs)}", "unit"), limit, more)

        def read(program):
            kept = taps / f"{program}.tap"
            tally = read_tap(kept.read_text(errors="replace") if kept.exists() else "")
            tally.problems = tuple(f"{program}: {problem}" for problem in tally.problems)
            return tally

        status = attempt(name, only)
        if status != 0 and not any(taps.glob("*.tap")):
            return Tally(failed=1, problems=(f"did not run\n{tail(name)}",))
        programs = only or sorted(source.stem for source in (ROOT / "tests/unit").glob("t_*.c"))
        # prove names whatever ended with a status, after its plan too
        again = re.findall(r"/(t_\w+) +\(Wstat: ", log_of(name)) if status != 0 else []
        if again:
            print(f"{name}: once more by themselves: {', '.join(again)}", flush=True)
            status = attempt(f"{name}-again", again)
        total = add([read(program) for program in programs])
        if status != 0:
            # prove also counts what TAP cannot say: a crash after the plan, a sanitizer's report.
            total.failed += 0 if total.failed else 1
            total.problems += (tail(f"{name}-again" if again else name),)
        return total

    return suite


def integration(flavour, *options, env=(), limit=3600, workers=WORKERS):
    def suite(name):
        report = OUT / f"{name}.xml"
        report.unlink(missing_ok=True)
        command = [
            "build/venv/bin/pytest",
            "-c",
            "tests/pytest.ini",
            "-n",
            workers,
            f"--junitxml={report}",
            *options,
        ]
        status = run(name, command, limit, {**dict(env), "HALLMARK_FLAVOUR": flavour})
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


# ---- running them ------------------------------------------------------------------


def show(name, tally, seconds):
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    print(
        f"{name:<20}{tally.passed:>6} passed{tally.failed:>5} failed{skipped}  ({seconds:.0f} s)", flush=True
    )
    for problem in tally.problems:
        print("\n".join(f"    {line}" for line in problem.rstrip().splitlines()), flush=True)


def timed(name, suite):
    start = time.monotonic()
    tally = suite(name)
    return name, tally, time.monotonic() - start


def at_once(suites, most=None):
    """Run (name, suite) pairs beside each other, `most` at a time, begun in their order; each is
    shown when it ends."""
    tallies = []
    with ThreadPoolExecutor(most or len(suites)) as pool:
        try:
            for done in as_completed([pool.submit(timed, *pair) for pair in suites]):
                show(*done.result())
                tallies.append(done.result()[1])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                os.killpg(process.pid, signal.SIGTERM)
            raise
    return tallies


def close(tallies, began):
    """The last line, and the exit status."""
    total = add(tallies)
    print(f"took {time.monotonic() - began:.0f} s; full output in {OUT.relative_to(ROOT)}/")
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0
