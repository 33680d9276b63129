"""The description says what the service does: each answer of a tour through every operation is
held against it, and so is what the service says about bodies and parameters it does not know."""

import json
import re
import time

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from support.openapi import Checked, Description, load
from support.paths import ROOT

DOCUMENT = json.loads((ROOT / "build/gen/openapi.json").read_text())
OPERATIONS = Description(DOCUMENT).operations
BYTES = b"hello"
SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
DIGEST = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"
DRAFT = DOCUMENT["components"]["examples"]["VersionDraft"]["value"]
REASON = {"reason": "worse on German text"}
ANY = {"If-Match": "*"}
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@pytest.fixture(scope="module")
def description(hallmark):
    return load(hallmark.anonymous.get("/openapi.json"))


@pytest.fixture(scope="module")
def client(hallmark, description):
    return Checked(hallmark, description)


@pytest.fixture(scope="module")
def renamed(client):
    """The name that a model had, with everything that the paths of the examples name."""
    model = "/api/v1/projects/default/models/before"
    assert client.put(model, json={}).status == 201
    assert client.patch(model, json={"name": "after"}, headers=ANY).status == 200
    return "before"


def ids(operations):
    return [pytest.param(op, id=op.id) for op in operations]


# ---- the document ----------------------------------------------------------------------


def test_the_document_is_openapi():
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_the_service_serves_the_document(description):
    assert description.document == DOCUMENT


def examples(value, pointer=""):
    """Every media type and parameter that has a schema and an example, with each example."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from examples(item, f"{pointer}/{i}")
    if not isinstance(value, dict):
        return
    if "schema" in value and isinstance(value["schema"], dict):
        if "example" in value:
            yield f"{pointer}/schema", value["example"]
        for one in value.get("examples", {}).values():
            if "value" in one:
                yield f"{pointer}/schema", one["value"]
    if isinstance(value.get("examples"), list):
        for one in value["examples"]:
            yield pointer, one
    for key, item in value.items():
        yield from examples(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")


def test_every_example_fits_its_schema(description):
    found = list(examples(DOCUMENT))
    assert len(found) > 30
    faults = [(pointer, example, description.faults(pointer, example)) for pointer, example in found]
    assert [fault for fault in faults if fault[2]] == []
    pointer = "/components/schemas/VersionDraft"
    assert description.faults(pointer, DRAFT) == []
    assert description.faults(pointer, {**DRAFT, "bump": "minor"}) != []


# ---- a tour through every operation -------------------------------------------------------


def walk_projects(client):
    project = "/api/v1/projects/vision"
    assert client.put(project, json={"description": "Eyes"}).status == 201
    assert client.put(project, json={"description": "Eyes"}).status == 200
    assert client.put(project, json={"description": "Ears"}).status == 428
    assert client.put(project, json={}, headers={"If-Match": '"7"'}).status == 412
    assert client.put(project, json={}, headers={"If-None-Match": "*"}).status == 412
    etag = client.get(project).headers["ETag"]
    assert client.get(project, headers={"If-None-Match": etag}).status == 304
    assert client.get("/api/v1/projects?page_size=1").headers["Link"]


MODEL = {"description": "Sentences", "card": "# MiniLM", "tags": {"task": "embedding"}}


def walk_model(client, model):
    assert client.put(model, json=MODEL).status == 201
    assert client.put(model, json=MODEL).status == 200
    assert client.put(model, json={}).status == 428
    assert client.put(model, json={}, headers={"If-Match": '"9"'}).status == 412
    assert client.put(model, json={}, headers={"If-None-Match": "*"}).status == 412
    changed = client.patch(model, json={"description": None, "tags": {"task": None, "a": "b"}}, headers=ANY)
    assert changed.json["tags"] == {"a": "b"}
    assert client.patch(model, json={"tags": {}}).status == 200
    assert client.patch(model, json={"tags": {"x": "y"}}).status == 428
    assert client.patch(model, json={"tags": {"x": "y"}}, headers={"If-Match": '"1"'}).status == 412
    etag = client.get(model).headers["ETag"]
    assert client.get(model, headers={"If-None-Match": etag}).status == 304
    assert client.head(model).headers["ETag"] == etag


def walk_draft(client, model):
    versions = f"{model}/versions"
    base = client.put(f"{model}-base", json={}).headers["Location"]
    assert client.post(f"{base}/versions", json={"version": "1.0.0"}).status == 201
    assert client.put(f"{base}/versions/1.0.0/artifacts/a.bin", body=BYTES).status == 201
    assert client.post(f"{versions}", json=DRAFT).status == 400, "the parent is a draft"
    assert client.post(f"{base}/versions/1.0.0/publish").status == 200
    parent = f"default/{base.rpartition('/')[2]}@1.0.0"
    lineage = [{**edge, "version": parent} if edge["kind"] == "parent" else edge for edge in DRAFT["lineage"]]
    assert client.post(versions, json={**DRAFT, "lineage": lineage}).status == 201
    assert client.post(versions, json={"version": "1.0.0+again"}).status == 409
    assert (
        client.post(versions, json={"bump": "minor", "metrics": [{"name": "accuracy", "value": 1}]}).status
        == 201
    )


def walk_artifacts(client, version):
    file = f"{version}/artifacts/onnx/model.onnx"
    put = {"body": BYTES, "headers": {"Repr-Digest": DIGEST}}
    assert client.put(file, **put).status == 201
    assert client.put(file, **put).status == 200
    assert client.put(file, body=b"other").status == 428
    assert client.put(file, body=b"other", headers={"If-Match": f'"{"0" * 64}"'}).status == 412
    assert client.put(file, body=BYTES, headers={"If-None-Match": "*"}).status == 412
    assert client.put(file, body=b"other", headers={"Repr-Digest": DIGEST}).status == 400
    assert client.put(f"{version}/artifacts/spare.txt", body=b"x").status == 201
    assert client.delete(f"{version}/artifacts/spare.txt").status == 428
    assert client.delete(f"{version}/artifacts/spare.txt", headers={"If-Match": f'"{SHA256}"'}).status == 412
    assert client.delete(f"{version}/artifacts/spare.txt", headers=ANY).status == 204
    assert client.get(f"{version}/attestation").status == 409
    assert client.post(f"{version}/deprecate", json=REASON).status == 409


def walk_published(client, model, version):
    assert client.post(f"{version}/publish").json["state"] == "published"
    assert client.post(f"{version}/publish", json={}).status == 200
    assert client.put(f"{version}/artifacts/more.txt", body=b"x").status == 409
    assert client.delete(f"{version}/artifacts/onnx/model.onnx", headers=ANY).status == 409
    assert client.patch(version, json={"params": {"x": 1}}, headers=ANY).status == 409
    assert client.patch(version, json={"tags": {"a": "b"}}, headers=ANY).status == 200
    assert client.patch(version, json={"tags": {"c": "d"}}).status == 428
    assert client.patch(version, json={"tags": {"c": "d"}}, headers={"If-Match": '"1"'}).status == 412
    assert client.delete(version, headers=ANY).status == 409
    assert client.get(f"{model}/versions/%5E1").json["version"] == "1.0.0"
    etag = client.get(version).headers["ETag"]
    assert client.get(version, headers={"If-None-Match": etag}).status == 304
    assert client.get(f"{model}/versions?metric=accuracy%40val%3E0.9&sort=-metric:accuracy@val%5Ben%5D").json[
        "items"
    ]
    assert client.get(f"{model}/versions?state=draft,published&page_size=1").headers["Link"]
    assert client.get(f"{model}/compare?versions=1.0.0,%5E1,1.1.0").json["metrics"]


def walk_bytes(client, version):
    file = f"{version}/artifacts/onnx/model.onnx"
    assert client.get(file).body == BYTES
    assert client.get(file, headers={"Range": "bytes=1-2"}).body == BYTES[1:3]
    assert client.get(file, headers={"Range": "bytes=9-"}).status == 416
    assert client.get(file, headers={"If-None-Match": f'"{SHA256}"'}).status == 304
    assert client.get(f"{version}/artifacts").json["items"][0]["sha256"] == SHA256
    assert client.get(f"{version}/signatures/onnx/model.onnx.minisig").status == 200
    envelope = client.get(f"{version}/attestation")
    bundle = client.get(f"{version}/attestation", headers={"Accept": BUNDLE})
    assert bundle.headers["Content-Type"] == BUNDLE
    assert bundle.json["dsseEnvelope"]["payload"] == envelope.json["payload"]


def walk_metrics(client, model, version):
    metrics = {
        "metrics": [{"name": "loss", "value": 0.5, "step": 1, "dataset": None, "at": "2026-01-13T22:03:16Z"}]
    }
    assert client.post(f"{version}/metrics", json=metrics).json == {"added": 1}
    assert len(client.get(f"{version}/metrics").json["items"]) == 2
    assert client.get(f"{version}/metrics?view=points&names=loss&page_size=1").json["items"]
    assert len(client.get(f"{model}/metrics?names=accuracy&page_size=1").json["items"]) == 1
    assert client.get(f"{version}/lineage?depth=3").json["edges"]
    assert client.get(f"{model}-base/versions/1.0.0/lineage?direction=down").json["edges"]


def walk_aliases(client, model):
    alias = f"{model}/aliases/champion"
    assert client.put(alias, json={"version": "^1"}).status == 201
    assert client.put(alias, json={"version": "v1"}).status == 200
    assert client.put(alias, json={"version": "1.1.0"}).status == 409, "a draft"
    assert client.put(alias, json={"version": "1.0.0"}, headers={"If-None-Match": "*"}).status == 412
    etag = client.get(alias).headers["ETag"]
    assert client.get(alias, headers={"If-None-Match": etag}).status == 304
    assert len(client.get(f"{model}/aliases").json["items"]) == 1
    return alias


def walk_ends(client, model, version, alias):
    assert client.post(f"{version}/deprecate", json=REASON).json["state"] == "deprecated"
    assert "deprecated" in client.get(version).headers["Warning"]
    assert client.post(f"{version}/yank", json=REASON, headers={"If-Match": '"1"'}).status == 412
    assert client.post(f"{version}/yank", json=REASON).json["state"] == "yanked"
    assert client.post(f"{version}/deprecate", json=REASON).status == 409
    assert client.get(f"{model}/versions/@champion").status == 410
    for under in (
        "/artifacts",
        "/metrics",
        "/lineage",
        "/attestation",
        "/signatures/onnx/model.onnx.minisig",
    ):
        assert client.get(f"{model}/versions/@champion{under}").status == 410
    assert client.get(f"{model}/compare?versions=@champion").status == 410
    assert client.post(f"{version}/metrics", json={"metrics": [{"name": "a", "value": 1}]}).status == 409
    assert client.delete(alias).status == 428
    assert client.delete(alias, headers={"If-Match": '"99"'}).status == 412
    assert client.delete(alias, headers=ANY).status == 204
    assert client.get(f"{alias}/history?page_size=1").headers["Link"]
    assert client.delete(f"{model}/versions/1.1.0").status == 428
    assert client.delete(model, headers=ANY).status == 409, "there is a draft"
    assert client.delete(f"{model}/versions/1.1.0", headers=ANY).status == 204
    assert client.get(f"{model}/versions/v2").status == 410
    assert client.delete(model).status == 428
    assert client.delete(model, headers={"If-Match": '"99"'}).status == 412
    assert client.delete(model, headers=ANY).status == 204


def wait_for_events(client, kinds):
    """Events get their place after the commit: soon, not at once."""
    until = time.monotonic() + 5
    while not kinds <= {event["kind"] for event in client.get("/api/v1/events?page_size=500").json["items"]}:
        assert time.monotonic() < until, f"some of {kinds} were not told"
        time.sleep(0.02)


def walk_service(client):
    assert client.get("/api/v1/projects/default/models?tag=a=b&sort=-updated_at&page_size=1").json["items"]
    wait_for_events(
        client, {"model.created", "version.published", "metrics.added", "key.added", "alias.created"}
    )
    assert client.get("/api/v1/projects/default/events?kind=alias.created,alias.deleted").json["items"]
    types = client.get("/problems").json["items"]
    assert all(client.get(one["type"]).json == one for one in types)
    assert client.get("/problems/none").status == 404
    for path in ("/api/v1/keys", "/openapi.json", "/livez", "/readyz", "/health", "/ready", "/metrics"):
        assert client.get(path).status == 200


def test_every_answer_is_as_described(client, name):
    model = f"/api/v1/projects/default/models/{name}"
    version = f"{model}/versions/1.0.0"
    walk_projects(client)
    walk_model(client, model)
    walk_draft(client, model)
    walk_artifacts(client, version)
    walk_published(client, model, version)
    walk_bytes(client, version)
    walk_metrics(client, model, version)
    alias = walk_aliases(client, model)
    walk_service(client)
    walk_ends(client, model, version, alias)

    good = {
        (op.id, int(status)) for op in OPERATIONS for status in op.document["responses"] if status < "308"
    }
    assert good - client.seen == set(), "described, and not on the tour"


# ---- what every operation has in common -----------------------------------------------------


@pytest.mark.parametrize("operation", ids(op for op in OPERATIONS if not op.is_open))
def test_without_a_token_it_answers_401(client, operation):
    bare = client.anonymous.request(operation.method.upper(), operation.sample())
    assert bare.status == 401
    operation.check(bare)


@pytest.fixture(scope="module")
def reader(hallmark):
    """A token that may only read, and only in the project "default"."""
    return hallmark.with_token(token(hallmark, "reader"))


def token(hallmark, role):
    done = hallmark.command("token", "create", f"a-{role}", "--role", role, "--project", "default")
    return hallmark.secret(re.search(r"hmk_pat_\w+", done.stdout)[0])


@pytest.mark.parametrize("operation", ids(op for op in OPERATIONS if set(op.scopes) - {"read"}))
def test_a_reader_may_not(reader, operation):
    answer = reader.request(operation.method.upper(), operation.sample())
    assert answer.status == 403
    operation.check(answer)


@pytest.mark.parametrize("operation", ids(op for op in OPERATIONS if op.parameters("path") and op.scopes))
def test_a_project_without_a_role_does_not_exist(reader, operation):
    answer = reader.request(operation.method.upper(), operation.sample(project="elsewhere"))
    assert answer.status == 404
    operation.check(answer)


@pytest.mark.parametrize("operation", ids(op for op in OPERATIONS if "308" in op.document["responses"]))
def test_a_model_s_old_name_leads_to_the_new_one(client, renamed, operation):
    path = operation.sample(model=renamed)
    path = path.replace("model.onnx", "model.onnx.minisig") if operation.id == "getSignature" else path
    more = {"json": body_of(operation)} if operation.body_schema() else {}
    if operation.body_schema("*/*") or operation.id == "putArtifact":
        more = {"body": BYTES}
    answer = client.request(operation.method.upper(), path, **more)
    assert answer.status == 308
    assert answer.headers["Location"] == path.replace("/before", "/after", 1)


def body_of(operation):
    """A body that the operation takes."""
    bodies = {
        "createVersion": {"bump": "minor"},
        "addMetrics": {"metrics": [{"name": "a", "value": 1}]},
        "putAlias": {"version": "1.0.0"},
        "deprecateVersion": REASON,
        "yankVersion": REASON,
    }
    return bodies.get(operation.id, {})


def test_a_list_of_what_is_not_there_is_404(client):
    for path in ("nope/models", "nope/events", "default/models/nope/versions", "default/models/nope/aliases"):
        assert client.get(f"/api/v1/projects/{path}").status == 404, path
    empty = {"items": [], "next_page_token": None}
    assert client.get("/api/v1/projects/default/models?tag=nobody-has-this").json == empty
    assert client.get("/api/v1/projects/default/events?kind=nothing.happened").json == empty


PATHS = sorted({op.path for op in OPERATIONS})


@pytest.mark.parametrize("path", PATHS)
def test_a_path_knows_the_methods_described(hallmark, path):
    here = [op for op in OPERATIONS if op.path == path]
    known = {op.method.upper() for op in here} | {"OPTIONS"}
    known |= {"HEAD"} if "GET" in known else set()
    options = hallmark.options(here[0].sample())
    assert options.status == 204
    assert set(options.headers["Allow"].split(", ")) == known
    for method in {"PUT", "PATCH", "DELETE"} - known:
        refused = hallmark.request(method, here[0].sample())
        assert refused.status == 405
        assert set(refused.headers["Allow"].split(", ")) == known


@pytest.mark.parametrize("operation", ids(op for op in OPERATIONS if op.method == "get"))
def test_head_is_get_without_the_body(client, operation):
    got, head = client.get(operation.sample()), client.head(operation.sample())
    assert head.status == got.status
    assert head.body == b""
    assert set(head.headers) == set(got.headers)
    if operation.id != "getServiceMetrics":  # they change
        assert len(got.body) == int(head.headers["Content-Length"])


def test_every_kind_of_event_is_named(hallmark, description):
    """The list in tests/unit/t_statements.c is held against the database there."""
    source = (ROOT / "tests/unit/t_statements.c").read_text()
    kinds = set(
        re.findall(
            r"\b[a-z]+\.[a-z]+\b", source[source.index('"alias.created ') :].partition("every kind")[0]
        )
    )
    named = description.at("/components/schemas/Event/properties/kind/description")
    assert len(kinds) > 20
    assert set(re.findall(r"[a-z]+\.[a-z]+", named)) == kinds
    assert {event["kind"] for event in hallmark.get("/api/v1/events?page_size=500").json["items"]} <= kinds


@pytest.mark.parametrize("operation", ids(OPERATIONS))
def test_an_unknown_parameter_is_refused_by_name(client, operation):
    path = operation.sample()
    answer = client.request(operation.method.upper(), f"{path}{'&' if '?' in path else '?'}surprise=1")
    assert answer.status == 400
    assert answer.json["errors"][0]["parameter"] == "surprise"


MEMBERS = [op for op in OPERATIONS if op.body_schema() and op.id != "publishVersion"]  # that has none


@pytest.mark.parametrize("operation", ids(MEMBERS))
def test_the_members_of_a_body_are_those_described(client, description, operation):
    """The service says which members it knows when one is unknown."""
    _, schema = description.resolve(operation.body_schema())
    answer = client.request(
        operation.method.upper(), operation.sample(), json={**body_of(operation), "surprise": 1}, headers=ANY
    )
    assert answer.status == 400
    error = next(error for error in answer.json["errors"] if error["pointer"] == "/surprise")
    known = error["detail"].partition("known are: ")[2].split(", ")
    assert sorted(known) == sorted(schema["properties"])
