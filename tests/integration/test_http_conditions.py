"""ETag, If-Match, If-None-Match: who changes what has changed meanwhile hears of it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.registry import (
    BASE,
    artifact_path,
    is_problem,
    make_artifact,
    make_draft,
    make_model,
    make_project,
    make_published,
    model_path,
    version_path,
)

MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def things(service, name):
    """Everything with an ETag of its own: path, a body that changes it, the methods that do."""
    make_published(service, name)
    make_draft(service, name + "-d")
    make_artifact(service, name + "-d", "f", b"old")
    alias = f"{model_path(name)}/aliases/champion"
    assert service.put(alias, json={"version": "1.0.0"}).status == 201
    make_project(service, name)
    return {
        "model": (model_path(name), {"description": "new"}, {"PUT", "PATCH"}),
        "version": (version_path(name + "-d"), {"description": "new"}, {"PATCH"}),
        "alias": (alias, {"version": "v1"}, {"DELETE"}),
        "artifact": (artifact_path(name + "-d", "f"), b"new", {"PUT", "DELETE"}),
        "project": (f"{BASE}/{name}", {"description": "new"}, {"PUT"}),
    }


KINDS = ["model", "version", "alias", "artifact", "project"]


def change(server, method, path, body, headers):
    if method == "DELETE":
        return server.delete(path, headers=headers)
    if isinstance(body, bytes):
        return server.request(method, path, body=body, headers=headers)
    return server.request(method, path, json=body, headers=headers)


@pytest.mark.parametrize("kind", KINDS)
def test_an_etag_is_strong_and_stays_until_a_change(service, things, kind):
    path, _, _ = things[kind]
    tags = {service.get(path).headers["ETag"] for _ in range(3)}
    assert len(tags) == 1
    assert tags.pop()[0] == '"'


@pytest.mark.parametrize("kind", KINDS)
def test_a_get_that_knows_the_etag_is_not_modified(service, things, kind):
    path, _, _ = things[kind]
    tag = service.get(path).headers["ETag"]
    for value in (tag, f"W/{tag}", "*", f'"x", {tag}', f'"x",{tag} ,"y"', f", {tag},,"):
        answer = service.get(path, headers={"If-None-Match": value})
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag), value
        assert service.head(path, headers={"If-None-Match": value}).status == 304
    for value in ('"other"', 'W/"other"', '""'):
        assert service.get(path, headers={"If-None-Match": value}).status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_a_get_that_wants_another_etag_fails(service, things, kind):
    path, _, _ = things[kind]
    tag = service.get(path).headers["ETag"]
    for value in (tag, "*", f'"x", {tag}'):
        assert service.get(path, headers={"If-Match": value}).status == 200
    for value in ('"other"', f"W/{tag}"):
        is_problem(service.get(path, headers={"If-Match": value}), 412, "precondition-failed")
    assert service.get(path, headers={"If-Match": tag, "If-None-Match": tag}).status == 304


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize(
    "value", ["x", '"', "'1'", 'w/"1"', '"1" "2"', '"1";', "**", '* , "1"', "W/", '"1', "", ","]
)
def test_conditions_that_are_none_are_refused(service, things, header, value):
    path, body, _ = things["model"]
    is_problem(service.get(path, headers={header: value}), 400, "invalid-request", header=header)
    answer = service.put(path, json=body, headers={header: value})
    is_problem(answer, 400, "invalid-request", header=header)


def test_too_many_tags_are_refused(service, things):
    path, _, _ = things["model"]
    value = ", ".join(f'"{i}"' for i in range(17))
    is_problem(service.get(path, headers={"If-Match": value}), 400, "invalid-request", header="If-Match")


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_wants_the_etag_and_the_right_one(service, things, kind):
    path, body, methods = things[kind]
    tag = service.get(path).headers["ETag"]
    for method in methods:
        is_problem(change(service, method, path, body, {}), 428, "precondition-required")
        for stale in (
            '"999"',
            f"W/{tag}",
            '"x"',
            '""',
            f'"0{tag[1:]}',
            f'"{"a" * 64}"',
            '"-1"',
            f'"{2**63}"',
        ):
            refused = change(service, method, path, body, {"If-Match": stale})
            is_problem(refused, 412, "precondition-failed")
    assert service.get(path).headers["ETag"] == tag, "a refused change changed it"
    for method in sorted(methods - {"DELETE"}):
        tag = service.get(path).headers["ETag"]
        now = b"newest" if isinstance(body, bytes) else {"description": f"by {method}"}
        answer = change(service, method, path, now, {"If-Match": f'"x", {tag}'})
        assert answer.status == 200, answer
        assert answer.headers["ETag"] == service.get(path).headers["ETag"] != tag
        is_problem(change(service, method, path, body, {"If-Match": tag}), 412, "precondition-failed")
    if "DELETE" in methods:
        assert service.delete(path, headers={"If-Match": service.get(path).headers["ETag"]}).status == 204
        is_problem(service.delete(path, headers={"If-Match": "*"}), 404, "not-found")


@pytest.mark.parametrize("kind", ["model", "project", "alias", "artifact"])
def test_a_put_may_insist_on_making(service, things, kind):
    path, body, _ = things[kind]
    only_new = {"If-None-Match": "*"}
    refused = change(service, "PUT", path, body, only_new)
    assert refused.status in (409, 412), refused
    is_problem(refused, refused.status)
    new = path + "2"
    assert change(service, "PUT", new, body, {**only_new, "If-Match": "*"}).status in (201, 412)
    newer = path + "3"
    made = change(service, "PUT", newer, body, only_new)
    assert made.status == 201, made
    assert made.headers["Location"] == newer
    assert made.headers["ETag"] == service.get(newer).headers["ETag"]
    is_problem(change(service, "PUT", path, body, {"If-None-Match": '"1"'}), 400, header="If-None-Match")


@pytest.mark.parametrize("kind", ["model", "project", "alias", "artifact"])
def test_a_put_that_names_an_etag_makes_nothing(service, things, kind):
    path, body, _ = things[kind]
    is_problem(change(service, "PUT", path + "4", body, {"If-Match": '"1"'}), 412, "precondition-failed")
    assert service.get(path + "4").status == 404


def test_a_put_that_changes_nothing_is_no_change(service, name):
    made = make_model(service, name, description="d", tags={"a": "b"})
    events = f"SELECT count(*) AS n FROM event WHERE subject = 'default/{name}'"
    assert service.sql(events) == [{"n": 1}]
    for headers in ({}, {"If-Match": made.headers["ETag"]}, {"If-Match": "*"}):
        again = service.put(model_path(name), json={"description": "d", "tags": {"a": "b"}}, headers=headers)
        assert (again.status, again.headers["ETag"]) == (200, made.headers["ETag"]), again
    assert service.sql(events) == [{"n": 1}]


def test_only_one_of_many_rivals_changes(service, name):
    tag = make_model(service, name).headers["ETag"]

    def one(i):
        return service.patch(model_path(name), json={"description": str(i)}, headers={"If-Match": tag}).status

    with ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(one, range(16)))
    assert statuses == [200] + [412] * 15


def test_only_one_of_many_rivals_makes(service, name):
    def one(i):
        return service.put(
            model_path(name), json={"description": str(i)}, headers={"If-None-Match": "*"}
        ).status

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(one, range(16)))
    assert statuses.count(201) == 1
    assert set(statuses) <= {201, 409, 412}
