"""Where things are in the source tree and in its build."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FLAVOUR = os.environ.get("HALLMARK_FLAVOUR", "plain")
BIN = ROOT / "build" / FLAVOUR / "bin"
HALLMARKD = BIN / "hallmarkd"
HALLMARK = BIN / "hallmark"
PREVIOUS = ROOT / "build/previous/bin"  # the release before this one: tools/setup.sh previous
COSIGN = ROOT / "build/tools/bin/cosign"
MODEL = ROOT / "build/tools/models/all-MiniLM-L6-v2"

# Sanitizers make a program some times slower; limits in seconds are multiplied by this.
SLOWNESS = {"plain": 1, "faults": 1, "asan": 4, "tsan": 12}[FLAVOUR]

# HALLMARK_TEST_POSTGRES: the folder of another PostgreSQL's programs, or the number of one that
# tools/setup.sh fetches. Every server that a test starts is that one; clients stay Debian's.
_wanted = os.environ.get("HALLMARK_TEST_POSTGRES", "")
OTHER_POSTGRES = _wanted and Path(_wanted)
if _wanted.isdigit():
    OTHER_POSTGRES = ROOT / f"build/tools/postgres-{_wanted}/bin"
