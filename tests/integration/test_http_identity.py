"""Who may ask what: tokens of every kind, every role on every route, in one's own project and in others'."""

import re
import time
import zlib

import pytest
from support.openapi import load
from support.paths import SLOWNESS
from support.registry import BASE, is_problem, make_draft, make_model, make_project, model_path
from support.wire import Wire

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ROLES = ("reader", "publisher", "promoter", "approver", "admin")
GRANTS = {
    "reader": {"read"},
    "publisher": {"read", "publish"},
    "promoter": {"read", "promote"},
    "approver": {"read", "approve"},
    "admin": {"read", "publish", "promote", "approve", "admin"},
}


def checksum(text):
    """The last six characters of a token, over those before."""
    crc, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        digits = BASE62[digit] + digits
    return digits


def made_up(identity="0" * 12, secret="a" * 30):
    text = f"hmk_pat_{identity}_{secret}"
    return text + checksum(text)


def create(server, principal, *words):
    done = server.command("token", "create", principal, *words)
    return server.secret(re.search(r"hmk_pat_\w+", done.stdout)[0])


@pytest.fixture(scope="module")
def token(hallmark):
    """One that lasts for the whole file, of a publisher in `default`."""
    return create(hallmark, "ci", "--role=publisher", "--project=default")


def asks(server, token):
    return server.with_token(token).get(f"{BASE}/default/models?page_size=1")


def refused(answer):
    document = is_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    return document


# ---- tokens -------------------------------------------------------------------------------


def test_a_good_token_is_let_in(service, token):
    assert asks(service, token).status == 200
    for scheme in ("bearer", "BEARER", "Bearer "):
        answer = service.anonymous.get("/api/v1/projects", headers={"Authorization": f"{scheme} {token}"})
        assert answer.status == 200


def test_no_token_is_refused(service):
    refused(service.anonymous.get("/api/v1/projects"))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YWRtaW46YWRtaW4=",
        "@",
        "Token @",
        "Bearer: @",
        "Bearer @ @",
        "Bearer @x",
        "Bearer x@",
        'Bearer "@"',
        "Bearer,@",
        "Bearer @,",
        "Bearer " + "a" * 10_000,
        "Bearer hmk_pat_",
        "Bearer hmk_pat_x_y",
    ],
)
def test_a_malformed_authorization_is_refused(service, token, value):
    headers = {"Authorization": value.replace("@", token)}
    refused(service.anonymous.get("/api/v1/projects", headers=headers))


def test_one_letter_wrong_is_told_apart_from_unknown(service, token):
    for i in range(len(token)):
        wrong = token[:i] + ("x" if token[i] != "x" else "y") + token[i + 1 :]
        refused(asks(service, wrong))
    refused(asks(service, token.lower()))
    refused(asks(service, token + "\0"[:0] + "a"))
    assert "not known" in refused(asks(service, made_up()))["detail"]
    identity = token.split("_")[2]
    assert "not known" in refused(asks(service, made_up(identity)))["detail"], "its id alone opened"


def test_a_token_in_the_address_is_no_token(service, token):
    for name in ("access_token", "token"):
        answer = service.anonymous.get(f"{BASE}/default/models?{name}={token}")
        is_problem(answer, 400, "invalid-request", parameter=name)
    refused(service.anonymous.get(f"{BASE}/default/models"))


def test_tokens_end(service, name):
    soon = create(service, name, "--role=reader", "--expires=2s")
    assert asks(service, soon).status == 200
    until = time.monotonic() + 5 * SLOWNESS
    while asks(service, soon).status == 200:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert "expired" in refused(asks(service, soon))["detail"]


def test_a_revoked_token_is_refused_within_two_seconds(service, name):
    gone = create(service, name, "--role=reader")
    with Wire(service) as wire:
        fields = f"Authorization: Bearer {gone}"

        def ask():
            wire.send(wire.head("GET", f"{BASE}/default/models?page_size=1", fields, token=False))
            return wire.answer()

        assert ask().status == 200
        service.command("token", "revoke", gone)
        revoked = time.monotonic()
        while (answer := ask()).status == 200:
            assert time.monotonic() < revoked + 2.2
            time.sleep(0.05)
        assert "revoked" in refused(answer)["detail"]


def test_a_principal_that_is_disabled_is_refused(service, name):
    out = create(service, name, "--role=reader")
    assert asks(service, out).status == 200
    service.execute(f"UPDATE principal SET disabled_at = now() WHERE name = '{name}'")
    time.sleep(2.1)
    refused(asks(service, out))


def test_roles_that_are_taken_away_end(service, name):
    token = create(service, name, "--role=publisher", "--project=default")
    client = service.with_token(token)
    assert client.put(model_path(name), json={}).status == 201
    service.execute(f"DELETE FROM role_binding WHERE principal = '{name}'")
    time.sleep(2.1)
    is_problem(client.get(model_path(name)), 404, "not-found")


# ---- every role on every route ------------------------------------------------------------


@pytest.fixture(scope="module")
def matrix(hallmark):
    """The operations, and a client for each role in "default", for one without any role, for
    each role in another project, and for the admin of all."""
    hallmark.put(f"{BASE}/other", json={})
    clients = {}
    for role in ROLES:
        clients[role, "default"] = create(hallmark, f"r-{role}", f"--role={role}", "--project=default")
        clients[role, "other"] = create(hallmark, f"o-{role}", f"--role={role}", "--project=other")
        clients[role, "*"] = create(hallmark, f"a-{role}", f"--role={role}", "--project=*")
    clients[None, None] = create(hallmark, "nobody")
    clients = {who: hallmark.with_token(token) for who, token in clients.items()}
    return load(hallmark.anonymous.get("/openapi.json")).operations, clients


def expected(operation, role, where):
    """401 never; what the answer may be when the roles do or do not allow it."""
    scopes = set(operation.scopes)
    grants = GRANTS.get(role, set())
    if operation.is_open or not scopes:
        return "allowed"
    if "system" in scopes:
        in_project = "{project}" not in operation.path or where in ("default", "*")
        if role == "admin" and where == "*":
            return "allowed"
        return "forbidden" if in_project else "hidden"
    if where not in ("default", "*"):
        return "hidden"
    return "allowed" if scopes & grants else "forbidden"


def test_every_role_on_every_route(service, matrix):
    operations, clients = matrix
    # Nothing that the examples name is there, so what is allowed finds nothing and changes nothing.
    names = {
        "model": "nothing-here",
        "version": "7.7.7",
        "alias": "none",
        "path": "no/file",
        "project": "default",
    }
    wrong, seen = [], set()
    for operation in operations:
        path = operation.sample(**names)
        for (role, where), client in clients.items():
            if operation.method == "put" and operation.path.endswith("/models/{model}"):
                path = operation.sample(**{**names, "model": "nothing:here"})
            answer = client.request(operation.method.upper(), path)
            want = expected(operation, role, where)
            good = {
                "allowed": answer.status not in (401, 403) and b"token may see" not in answer.body,
                "forbidden": answer.status == 403,
                "hidden": answer.status == 404 and b"token may see" in answer.body,
            }[want]
            seen.add(want)
            if not good:
                wrong.append((operation.id, role, where, want, answer))
        anonymous = service.anonymous.request(operation.method.upper(), path)
        if (anonymous.status == 401) == operation.is_open:
            wrong.append((operation.id, None, None, "open" if operation.is_open else "closed", anonymous))
    assert not wrong, wrong[:10]
    assert seen == {"allowed", "forbidden", "hidden"}


def test_a_project_that_is_hidden_looks_like_one_that_is_not_there(service, matrix, name):
    _, clients = matrix
    make_project(service, name)
    make_model(service, "secret", name)
    stranger = clients["admin", "other"]
    for path in (
        f"{BASE}/@",
        f"{BASE}/@/models",
        f"{BASE}/@/models/secret",
        f"{BASE}/@/models/secret/versions/1.0.0",
    ):
        there, absent = (stranger.get(path.replace("@", project)) for project in (name, "no-such-project"))
        document, other = is_problem(there, 404, "not-found"), is_problem(absent, 404, "not-found")
        assert document["detail"].replace(name, "") == other["detail"].replace("no-such-project", "")
    assert name not in [one["name"] for one in stranger.get(BASE).json["items"]]
    assert name in [one["name"] for one in service.get(f"{BASE}?page_size=500").json["items"]]


def test_a_parent_in_a_hidden_project_does_not_exist(service, matrix, name):
    _, clients = matrix
    make_project(service, name)
    make_draft(service, "secret", project=name)
    publisher = clients["publisher", "default"]
    make_model(service, name)
    details = set()
    for project in (name, "no-such-project"):
        edge = {"kind": "parent", "relation": "fine_tune", "version": f"{project}/secret@1.0.0"}
        answer = publisher.post(f"{model_path(name)}/versions", json={"version": "1.0.0", "lineage": [edge]})
        document = is_problem(answer, 400, "invalid-request", pointer="/lineage/0/version")
        details.add(document["detail"])
    assert len(details) == 1


def test_a_reader_changes_nothing(service, matrix, name):
    _, clients = matrix
    make_draft(service, name)
    reader = clients["reader", "default"]
    path = model_path(name)
    for answer in (
        reader.put(path, json={}),
        reader.patch(path, json={"description": "x"}, headers={"If-Match": "*"}),
        reader.delete(path, headers={"If-Match": "*"}),
        reader.post(f"{path}/versions", json={"version": "2.0.0"}),
        reader.put(f"{path}/versions/1.0.0/artifacts/f", body=b"x"),
        reader.post(f"{path}/versions/1.0.0/publish", json={}),
    ):
        is_problem(answer, 403, "forbidden")
    assert reader.get(path).json == service.get(path).json


def test_failures_are_counted(service):
    def failures():
        return int(
            re.search(r"^hallmark_\w*auth\w*_failures\w* (\d+)", service.get("/metrics").text, re.M)[1]
        )

    before = failures()
    for _ in range(5):
        asks(service, made_up())
    assert failures() >= before + 5
