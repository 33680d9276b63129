"""What every answer has in common: problems, methods, ids of requests, types, headers."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.paths import SLOWNESS
from support.registry import (
    BASE,
    artifact_path,
    is_problem,
    make_model,
    make_published,
    model_path,
    version_path,
)
from support.wire import Wire

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


# ---- problems -----------------------------------------------------------------------------


def test_all_that_is_wrong_with_a_body_is_named_at_once(service, name):
    make_model(service, name)
    draft = {
        "version": "1.2",
        "params": {"a": None},
        "metrics": [{"name": "ok", "value": 1}, {"name": "", "value": "high", "at": "today"}],
        "lineage": [{"kind": "dataset"}],
        "whatever": True,
    }
    document = is_problem(service.post(f"{model_path(name)}/versions", json=draft), 400, "invalid-request")
    found = {error["pointer"] for error in document["errors"]}
    assert {"/version", "/metrics/1/name", "/metrics/1/value", "/metrics/1/at", "/whatever"} <= found, found


def test_every_type_of_problem_is_explained(service):
    listed = service.anonymous.get("/problems")
    assert listed.status == 200
    for problem in listed.json["items"]:
        path = problem["type"]
        answer = service.anonymous.get(path)
        assert answer.status == 200, answer
        assert answer.json["title"] == problem["title"]
    is_problem(service.anonymous.get("/problems/none-such"), 404, "not-found")


# ---- queries ------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["x=1", "page_sise=3", "page%5Fsize=3&Page_size=3", "page_size", "q=a&q=b"])
def test_an_unknown_query_parameter_is_named(service, query):
    name = re.sub(r"=.*", "", query.rsplit("&", 1)[-1])
    is_problem(service.get(f"{BASE}/default/models?{query}"), 400, "invalid-request", parameter=name)


@pytest.mark.parametrize("size", ["0", "-1", "x", "1x", "", "1.5", "%2B5", "+5"])
def test_page_sizes_that_are_no_sizes(service, size):
    answer = service.get(f"{BASE}/default/models?page_size={size}")
    is_problem(answer, 400, "invalid-request", parameter="page_size")


def test_more_parameters_than_anybody_needs(service):
    path = f"{BASE}/default/models?" + "&".join(f"tag=a{i}" for i in range(200))
    is_problem(service.get(path), 400, "invalid-request")


# ---- methods ------------------------------------------------------------------------------


def test_there_is_no_cross_origin_sharing(service):
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "PUT"}
    for answer in (service.options("/health", headers=asked), service.get("/health", headers=asked)):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/v1",
        "/api/v2/projects",
        "/API/v1/projects",
        "/health/",
        "/healthx",
        "/api/v1/projects/default/models/m/versions/1.0.0/publish/x",
        "/a" * 700,
    ],
)
def test_paths_that_are_not_there(service, path):
    assert service.get(path).status in (400, 404)
    is_problem(service.get(path), service.get(path).status)


# ---- ids of a request ---------------------------------------------------------------------


def logged(server, request_id):
    """The access log's line, which is written when the answer has gone out."""
    until = time.monotonic() + 5 * SLOWNESS
    while time.monotonic() < until:
        for line in server.logs:
            if line["msg"] == "request" and line["request_id"] == request_id:
                return line
        time.sleep(0.02)
    raise AssertionError(f"no line for {request_id}")


def test_ids_of_the_client_are_answered_and_logged(service, name):
    uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
    answer = service.put(model_path(name), json={}, headers={"X-Request-Id": uuid, "traceparent": PARENT})
    assert answer.headers["X-Request-Id"] == uuid
    version, trace, span, _ = answer.headers["traceparent"].split("-")
    assert (version, trace) == ("00", TRACE)
    assert span != "00f067aa0ba902b7"
    line = logged(service, uuid)
    assert line["trace_id"] == TRACE
    assert line["span_id"] == span
    assert line["route"] == "/api/v1/projects/{project}/models/{model}"
    assert (line["status"], line["method"], line["principal"]) == (201, "PUT", "admin")
    assert service.sql(f"SELECT kind FROM event WHERE request_id = '{uuid}'") == [{"kind": "model.created"}]


@pytest.mark.parametrize("given", ["", "a b", "a" * 65, "a\tb", "ä", "a;b", "a'b", '"', "<b>", "%41"])
def test_odd_request_ids_are_replaced(service, given):
    answer = service.get("/health", headers={"X-Request-Id": given.encode()})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"])


@pytest.mark.parametrize(
    ("parent", "kept"),
    [
        (PARENT, True),
        (PARENT.replace("00-", "cc-", 1), True),
        (PARENT.replace("00-", "cc-", 1) + "-more", True),
        (PARENT + "-more", False),
        (PARENT.replace("00-", "ff-", 1), False),
        (PARENT.upper(), False),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (PARENT[:-1], False),
        ("", False),
        ([PARENT, PARENT], False),
    ],
)
def test_traceparents(service, parent, kept):
    answer = service.get("/health", headers={"traceparent": parent})
    assert answer.status == 200
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", answer.headers["traceparent"])
    assert (answer.headers["traceparent"].split("-")[1] == TRACE) == kept


def test_two_requests_have_two_ids(service):
    assert len({service.get("/health").headers["X-Request-Id"] for _ in range(50)}) == 50


# ---- types --------------------------------------------------------------------------------


def test_a_patch_may_be_called_a_merge_patch(service, name):
    make_model(service, name)
    for kind in ("application/merge-patch+json", "application/json"):
        headers = {"Content-Type": kind, "If-Match": "*"}
        answer = service.patch(
            model_path(name), body=b'{"description":"%s"}' % kind.encode(), headers=headers
        )
        assert answer.status == 200, answer


@pytest.mark.parametrize("accept", ["", "nonsense", "*/*", "application/*;q=0.1", "text/html, *; q=.2"])
def test_what_a_client_takes_it_gets(service, accept):
    answer = service.get(
        "/api/v1/projects", headers={"Accept": accept, "Accept-Encoding": "gzip", "Accept-Language": "xx"}
    )
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("accept", ["text/*", "image/*", "application/json;q=0", "*/*,application/json;q=0"])
def test_what_is_not_served_in_a_form_that_the_client_takes_is_406(service, name, accept):
    headers = {"Accept": accept}
    is_problem(service.get("/api/v1/projects", headers=headers), 406, "not-acceptable")
    assert service.request("HEAD", "/api/v1/projects", headers=headers).status == 406
    is_problem(service.put(model_path(name), json={}, headers=headers), 406, "not-acceptable")
    assert service.get(model_path(name)).status == 404, "nothing was done"


def test_each_route_knows_its_media_types(service, name):
    make_published(service, name)
    text, json = {"Accept": "text/plain"}, {"Accept": "application/json"}
    assert service.get("/metrics", headers=text).status == 200
    problem = is_problem(service.get("/metrics", headers=json), 406, "not-acceptable")
    assert problem["detail"] == "this is served as text/plain"
    attestation = f"{version_path(name)}/attestation"
    assert service.get(attestation, headers=json).status == 200
    problem = is_problem(service.get(attestation, headers=text), 406, "not-acceptable")
    assert "dsse" in problem["detail"]
    assert "sigstore.bundle" in problem["detail"]


def test_several_accept_headers_are_one_list(service):
    def status(*fields):
        with Wire(service) as wire:
            wire.send(wire.head("GET", "/openapi.json", *fields))
            return wire.answer().status

    assert status("Accept: text/html") == 406
    assert status("Accept: text/html", "Accept: application/json") == 200


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz"])
def test_who_asks_whether_we_live_is_told_whatever_it_takes(service, path):
    assert service.get(path, headers={"Accept": "text/html"}).status == 200


def test_a_get_with_a_body_is_refused(service):
    is_problem(service.request("GET", "/api/v1/projects", body=b"x"), 400, "invalid-request")


# ---- hosts --------------------------------------------------------------------------------


# ---- many at once -------------------------------------------------------------------------


@pytest.mark.threads
def test_many_clients_at_once(service, name):
    def one(i):
        kept = service.connect()
        model = f"{name}-{i}"
        statuses = [service.put(model_path(model), json={}, connection=kept).status]
        for v in range(3):
            made = service.post(
                f"{model_path(model)}/versions", json={"version": f"1.{v}.0"}, connection=kept
            )
            statuses += [made.status, made.json["ordinal"]]
            path = artifact_path(model, "f", f"1.{v}.0")
            statuses += [service.put(path, body=b"x" * 1000 * i, connection=kept).status]
            statuses += [len(service.get(path, connection=kept).body)]
        statuses += [service.get(f"{model_path(model)}/versions", connection=kept).status]
        kept.close()
        return statuses

    with ThreadPoolExecutor(24) as pool:
        for i, got in enumerate(pool.map(one, range(48))):
            each = [[201, v, 201, 1000 * i] for v in (1, 2, 3)]
            assert got == [201, *sum(each, []), 200], (i, got)
