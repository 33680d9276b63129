"""Number 69 of the hostile inputs: memory runs out, at every place where the programs ask for some.

tests/faults/memory.c makes it so. By itself each test takes every so many-th place, another set each
time; MEMORY_STRIDE=1 takes all, MEMORY_SEED says which set, MEMORY_DEPTH how many calls tell one
place from another. What was exercised is printed: pytest -s.
"""

import pytest
from support.memory import Memory
from support.server import Hallmark
from support.starving import (
    CHANGES,
    READS,
    ROLE,
    Ask,
    furnish,
    starve_change,
    starve_reads,
)

pytestmark = pytest.mark.plain_only


@pytest.fixture(scope="module")
def memory():
    made = Memory()
    yield made
    made.close()


@pytest.fixture(scope="module")
def starved(memory):
    server = Hallmark(loops=1, storage_threads=4)
    server.variables = memory.variables
    try:
        furnish(server.start())
        yield server
    finally:
        memory.disarm()
        server.close()


def report(kind, tally):
    print(f"n69 {kind}: {tally.sites} places, {tally.became}")


@pytest.mark.parametrize("kind", [kind for kind in READS if READS[kind]])
def test_n69_a_read_is_right_or_refused(memory, starved, kind):
    report(kind, starve_reads(memory, starved, READS[kind]))


@pytest.mark.parametrize("kind", CHANGES)
def test_n69_a_change_is_made_and_said_or_not_made(memory, starved, kind):
    report(kind, starve_change(memory, starved, CHANGES[kind]))
