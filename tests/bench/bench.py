"""Measure Hallmark against yardsticks in the same run, and print a table in Markdown.

    build/venv/bin/python tests/bench/bench.py [--only read,create,mixed,idle,…] [--seconds 5] [--times 5]

Called by `make bench`. It starts a PostgreSQL of its own with fsync on, hallmarkd, and each
yardstick, side by side on this machine; load generators share its cores, the same for both
sides. Ours and theirs take turns within seconds, and what counts is the median of the ratios.
"""

import argparse
import datetime
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).resolve().parent), str(ROOT / "tests/integration")]

import bulk  # noqa: E402
import crowds  # noqa: E402
import files  # noqa: E402
import rest  # noqa: E402
import statements  # noqa: E402
from measure import machine, run, say, table  # noqa: E402
from support.paths import BIN  # noqa: E402
from support.postgres import Postgres  # noqa: E402
from support.server import Hallmark  # noqa: E402

NEEDS = {"wrk": "wrk", "nginx": "nginx-light", "openssl": "openssl", "psql": "postgresql-client"}
OURS = ("read", "create", "put", "get", "rest")
ROWS = ",".join((*OURS, *crowds.ROWS, *bulk.ROWS))


def options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=ROWS, help="rows, separated by commas")
    parser.add_argument("--seconds", type=int, default=5, help="of each run under load")
    parser.add_argument("--times", type=int, default=5, help="how often each pair of runs is repeated")
    return parser.parse_args()


def measure(wanted, seconds, times, hallmark, folder):
    floor = BIN.parent / "bench/floor"
    rows = []
    if "rest" in wanted:
        rows += rest.memory(hallmark, 3) + rest.start(hallmark, 2 * times + 1)
    if "read" in wanted:
        rows = statements.read(hallmark, floor, folder, seconds, times) + rows
    if "create" in wanted:
        rows += statements.create(hallmark, seconds, times)
    if "put" in wanted:
        rows += files.put(hallmark, folder, times)
    if "get" in wanted:
        rows += files.get(hallmark, folder, times)
    return rows


def main():
    o = options()
    os.environ["PATH"] += ":/usr/sbin"
    missing = [package for program, package in NEEDS.items() if not shutil.which(program)]
    if missing:
        raise SystemExit(f"bench: programs are missing; apt-get install {' '.join(missing)}")
    busy = os.getloadavg()[0]
    postgres = Postgres("fsync=on", "shared_buffers=256MB", "max_wal_size=4GB")
    folder = Path(tempfile.mkdtemp(prefix="hallmark-bench."))
    folder.chmod(0o755)
    (folder / "service").mkdir()
    hallmark = Hallmark(folder / "service", database=postgres.create_database())
    try:
        hallmark.command("migrate")
        hallmark.start()
        wanted = o.only.split(",")
        rows = measure(wanted, o.seconds, o.times, hallmark, folder)
        hallmark.close()
        rows += crowds.measure(wanted, postgres, folder, o.seconds, o.times)
        rows += bulk.measure(wanted, postgres, folder, o.seconds, o.times)
    finally:
        hallmark.sweep()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
    say("")
    revision = run("git", "-C", ROOT, "describe", "--always", "--dirty").strip()
    print(f"{machine()}; PostgreSQL {server_version()}; revision {revision}; {datetime.date.today()};")
    print(f"load average before {busy:.1f}\n")
    print(table(rows))


def server_version():
    return run("psql", "--version").split()[2]


if __name__ == "__main__":
    main()
