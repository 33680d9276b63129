"""Prove at length what make test proves in short, and end with one line: N passed, N failed.

    build/venv/bin/python tools/soak.py [PART...]

Called by `make soak`, which has installed and built what it needs; all parts take at most 90
minutes on two cores. SOAK=10 makes each ten times as long. Seeds follow from SOAK_SEED, which is
drawn and printed when it is not given. The full output of a part is in build/test/soak-<part>.log.
"""

import os
import random
import sys
import time

from suites import JOBS, OUT, add, at_once, close, fuzz, integration, unit

SOAK = int(os.environ.get("SOAK", "1"))
SEED = int(os.environ.get("SOAK_SEED", "0")) or random.randrange(1, 1_000_000)
LIMIT = 5400 * SOAK  # seconds, for a part
SEEDS = ("CHAOS_SEED", "MUTANT_SEED", "SCHEMATHESIS_SEED", "DISK_SEED", "KILLS_SEED", "MEMORY_SEED")
MILLION = {"BULK_VERSIONS": "1000000", "MIGRATE_VERSIONS": "1000000", "HALLMARK_TEST_TIMEOUT": "1200"}


def seeds(number):
    return {name: str(SEED + number) for name in SEEDS}


def files(*nouns):
    return [f"tests/integration/test_{noun}.py" for noun in nouns]


def long(flavour, *options, fixed=(), **amounts):
    """Integration tests that last as long as `amounts` say, times SOAK."""
    env = {**seeds(0), **dict(fixed), **{name: str(amount * SOAK) for name, amount in amounts.items()}}
    return integration(flavour, f"--timeout={LIMIT}", *options, env=env, limit=LIMIT, workers=JOBS)


def again(*makers):
    """Suites that know no amount, SOAK times one after another; each is made with its variables."""

    def suite(name):
        rounds = [(number, maker) for number in range(SOAK) for maker in makers]
        return add(maker(seeds(number))(f"{name}-{turn}") for turn, (number, maker) in enumerate(rounds, 1))

    return suite


def postgres(number):
    other = {"HALLMARK_TEST_POSTGRES": number}
    return again(
        lambda env: unit("plain", {**env, **other}, LIMIT),
        lambda env: integration("plain", env={**env, **other}, limit=LIMIT),
    )


# They measure time, so each has the machine to itself.
ALONE = {
    "outages": long(
        "plain",
        *files("database_outages", "failover", "upgrade"),
        OUTAGE_SECONDS=3,
        OUTAGE_ROUNDS=3,
        FAILOVER_ROUNDS=5,
        UPGRADE_SECONDS=20,
        UPGRADE_KILLS=20,
    ),
    "postgres-17": postgres("17"),
    "postgres-18": postgres("18"),
}

# As many at once as there are cores, the longest first.
TOGETHER = {
    "fuzz": fuzz(75 * SOAK, LIMIT),
    "kills": long("plain", *files("kills"), KILLS=1000),
    "steady": long("plain", *files("steady"), STEADY_MINUTES=15),
    "asan": long(
        "asan",
        *("-m", "not plain_only"),
        CHAOS_SECONDS=60,
        MUTANT_SECONDS=120,
        SCHEMATHESIS_EXAMPLES=30,
        FAN_OUT=100_000,
    ),
    "tsan": again(
        lambda env: integration("tsan", "-m", "not plain_only", env=env, limit=LIMIT, workers=JOBS)
    ),
    "memory": again(
        lambda env: integration(
            "plain",
            f"--timeout={LIMIT}",
            *files("hostile_memory"),
            env={**env, "MEMORY_STRIDE": "1", "MEMORY_START_STRIDE": "6", "MEMORY_CLI_STRIDE": "12"},
            limit=LIMIT,
            workers=JOBS,
        )
    ),
    "disk": long(
        "plain",
        *files("disk_faults", "disk_order", "disk_power", "disk_state"),
        fixed={"DISK_STRIDE": "1"},
        DISK_ROUNDS=5,
        DISK_SECONDS=2,
        DISK_CUTS=10,
    ),
    "failpoints": again(lambda env: integration("faults", *files("failpoints"), env=env, limit=LIMIT)),
    "unit": again(*(lambda env, f=flavour: unit(f, env, LIMIT) for flavour in ("asan", "tsan"))),
    "bulk": again(
        lambda env: unit("plain", {**env, **MILLION}, LIMIT, only=("t_bulk_plans", "t_migrate_writers"))
    ),
}


def chosen(parts, words):
    return [(f"soak-{name}", suite) for name, suite in parts.items() if not words or name in words]


def main():
    words = sys.argv[1:]
    unknown = [word for word in words if word not in ALONE | TOGETHER]
    if unknown:
        sys.exit(f"no part is called {', '.join(unknown)}; there are {', '.join(ALONE | TOGETHER)}")
    OUT.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    print(f"SOAK={SOAK} SOAK_SEED={SEED}", flush=True)
    tallies = []
    for parts, most in ((ALONE, 1), (TOGETHER, int(JOBS))):
        if some := chosen(parts, words):
            tallies += at_once(some, most)
    return close(tallies, began)


if __name__ == "__main__":
    sys.exit(main())
