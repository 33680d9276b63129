"""What the rows share: the machine, a row of the table, running programs, medians."""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
CORES = os.cpu_count() or 1
LOOPS = max(1, CORES // 2)  # what hallmarkd takes by itself; the yardstick gets as many


@dataclass
class Row:
    """One line of the report. `got` and `yard` are rates (more is better) and their ratio must be at
    least `least`; or they are times, and it must be at most `ratio_most`. `most` is set instead of
    a yardstick, for a quantity that must stay below it."""

    what: str
    yardstick: str
    unit: str
    got: list[float]
    yard: list[float] | None = None
    least: float | None = None
    most: float | None = None
    ratio_most: float | None = None
    note: str = ""

    @property
    def ratios(self):
        return [got / yard for got, yard in zip(self.got, self.yard, strict=True)]

    @property
    def holds(self):
        if self.most is not None:
            return median(self.got) <= self.most
        ratio = round(median(self.ratios), 2)
        return ratio >= self.least if self.ratio_most is None else ratio <= self.ratio_most

    def cells(self):
        got = f"{number(median(self.got))} {self.unit}".strip()
        if self.most is not None:
            limit = f"≤ {number(self.most)} {self.unit}"
            return [self.what, got, self.yardstick or "–", "–", "–", limit, self.verdict]
        low, high = min(self.ratios), max(self.ratios)
        ratio = f"**{median(self.ratios):.2f}** ({low:.2f}–{high:.2f})"
        yard = f"{number(median(self.yard))} {self.unit}"
        return [self.what, got, self.yardstick, yard, ratio, self.goal, self.verdict]

    @property
    def goal(self):
        if self.ratio_most is not None:
            return f"≤ {self.ratio_most}"
        return "–" if self.least is None else f"≥ {self.least}"

    @property
    def verdict(self):
        if (self.least, self.most, self.ratio_most) == (None, None, None):
            return ""
        return "holds" if self.holds else "**missed**"


HEAD = ["what", "Hallmark", "yardstick in the same run", "yardstick", "ratio", "goal", ""]


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def table(rows):
    lines = [HEAD, ["---"] * len(HEAD), *[row.cells() for row in rows]]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*words, **more):
    """A program's standard output; its failure is an error that shows what it said."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise SystemExit(f"{words[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def wrk(url, seconds, *words, token=None, env=None):
    """Requests a second; any answer that is no success is an error."""
    header = ["-H", f"Authorization: Bearer {token}"] if token else []
    out = run("wrk", "-t1", "-c64", f"-d{seconds}s", *header, *words, url, env={**os.environ, **(env or {})})
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"wrk {url}:\n{out}")
    return float(re.search(r"Requests/sec:\s*([\d.]+)", out).group(1))


def latencies(url, seconds, paths, connections, token):
    """Median and 99th percentile in milliseconds of GETs of the paths in turn."""
    with tempfile.NamedTemporaryFile("w", suffix=".paths") as file:
        file.write("\n".join(paths) + "\n")
        file.flush()
        out = run(
            "wrk",
            *("-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", f"-s{HERE / 'paths.lua'}"),
            *("-H", f"Authorization: Bearer {token}"),
            url,
            env={**os.environ, "HALLMARK_BENCH_PATHS": file.name},
        )
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"wrk {url}, such as {paths[0]}:\n{out}")
    return [int(micros) / 1000 for micros in re.search(r"percentiles (\d+) (\d+)", out).groups()]


def pgbench(conninfo, seconds, *words):
    """Transactions a second."""
    program = newest("/usr/lib/postgresql/*/bin/pgbench") or "pgbench"
    out = run(program, "-n", "-M", "prepared", "-j1", f"-T{seconds}", *words, conninfo)
    failed = re.search(r"number of failed transactions: (\d+)", out)
    if failed and int(failed.group(1)):
        raise SystemExit(f"pgbench:\n{out}")
    return float(re.search(r"tps = ([\d.]+) \(without", out).group(1))


def newest(pattern):
    import glob

    found = sorted(glob.glob(pattern), key=lambda path: [int(n) for n in re.findall(r"\d+", path)])
    return found[-1] if found else None


def machine():
    """Processor, cores, memory, kernel."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text()).group(1))
    name = cpu.group(1) if cpu else os.uname().machine
    return f"{CORES} cores ({name}), {memory / 1024 / 1024:.0f} GiB, Linux {os.uname().release}"
