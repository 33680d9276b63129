"""The address of its own for probes and metrics."""

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.http import Client
from support.server import Hallmark, free_port


@pytest.fixture(scope="module")
def probed():
    port = free_port()
    server = Hallmark(probes=f"127.0.0.1:{port}")
    try:
        yield server.start(), Client("127.0.0.1", port)
    finally:
        server.close()


@pytest.mark.parametrize("path", ["/livez", "/health", "/readyz", "/ready"])
def test_probes_are_answered_without_a_token(probed, path):
    _, probes = probed
    answer = probes.get(path)
    assert answer.status == 200
    assert answer.json["status"] in ("ok", "ready")
    assert probes.head(path).status == 200


def test_metrics_are_the_same_there_and_need_no_token(probed):
    server, probes = probed
    assert server.anonymous.get("/metrics").status == 401
    server.get("/api/v1/projects")
    here, there = server.get("/metrics"), probes.get("/metrics")
    assert there.status == 200
    names = [
        {family.name for family in text_string_to_metric_families(answer.text)} for answer in (here, there)
    ]
    assert names[0] == names[1]
    counted = [
        sample
        for family in text_string_to_metric_families(there.text)
        for sample in family.samples
        if sample.name == "hallmark_http_requests_total" and sample.labels["route"] == "/api/v1/projects"
    ]
    assert sum(sample.value for sample in counted) >= 1


def test_nothing_else_is_there(probed):
    server, probes = probed
    assert probes.get("/api/v1/keys").status == 404
    assert probes.with_token(server.token).get("/api/v1/projects").status == 404
    assert probes.post("/livez", json={}).status == 405


def test_probes_keep_their_connection(probed):
    _, probes = probed
    connection = probes.connect()
    for _ in range(3):
        assert probes.get("/livez", connection=connection).status == 200
    connection.close()


def test_a_probe_address_that_is_taken_is_told(start_hallmark, hallmark):
    server = start_hallmark(begin=False, probes=f"127.0.0.1:{hallmark.port}")
    server.start(wait=False)
    assert server.process.wait(30) != 0
    assert "in use" in server.log_tail()
