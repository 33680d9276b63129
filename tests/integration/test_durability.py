"""Nothing that was acknowledged is lost, whatever is killed while writers write."""

import random
import time

import pytest
from support.paths import SLOWNESS
from support.writers import begin, check_everything, finish, wait_swept


@pytest.fixture
def writers(start_hallmark):
    found = begin(start_hallmark())
    yield found
    for one in found:
        one.stopped.set()


@pytest.mark.parametrize("role", ["service", "postgres", "signer"])
def test_a_killed_process_loses_nothing(writers, role):
    server = writers[0].server
    for _ in range(3):
        time.sleep(random.uniform(0.4, 1.2) * min(SLOWNESS, 4))
        server.kill(role)
        server.wait_ready()
    time.sleep(0.5)
    finish(writers)
    server.wait_ready()
    check_everything(server, writers)


def test_a_killed_supervisor_loses_nothing_and_leftovers_are_swept(writers):
    server = writers[0].server
    for _ in range(2):
        time.sleep(random.uniform(0.5, 1.0))
        server.kill("supervisor")
        server.start()
    time.sleep(0.5)
    finish(writers)
    server.restart()
    check_everything(server, writers)
    wait_swept(server)


def test_a_backend_that_dies_in_a_commit_loses_nothing(writers):
    server = writers[0].server
    for _ in range(6):
        time.sleep(random.uniform(0.1, 0.5))
        pids = server.sql(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'hallmark' "
            "AND pid <> pg_backend_pid() AND state = 'active' LIMIT 2"
        )
        for row in pids:
            server.sql(f"SELECT pg_terminate_backend({row['pid']})")
    finish(writers)
    check_everything(server, writers)


def test_stopping_under_load_loses_nothing_and_answers_what_it_took(writers):
    server = writers[0].server
    time.sleep(1.0)
    assert server.stop() == 0
    for one in writers:
        one.stopped.set()
    assert "drain_cut" not in [line["msg"] for line in server.logs]
    server.start()
    finish(writers)
    check_everything(server, writers)
