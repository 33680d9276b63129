"""Paths of the API, and the few requests that most tests begin with."""

import json
from urllib.parse import quote

BASE = "/api/v1/projects"


def segment(text):
    """One segment of a path: everything but letters, digits and -._~ is percent-encoded."""
    return quote(text, safe="")


def model_path(model, project="default"):
    return f"{BASE}/{segment(project)}/models/{segment(model)}"


def version_path(model, version="1.0.0", project="default"):
    return f"{model_path(model, project)}/versions/{segment(version)}"


def artifact_path(model, path, version="1.0.0", project="default"):
    return f"{version_path(model, version, project)}/artifacts/{quote(path)}"


def make_project(client, project):
    answer = client.put(f"{BASE}/{project}", json={})
    assert answer.status in (200, 201), answer
    return answer


def make_model(client, model, project="default", **draft):
    answer = client.put(model_path(model, project), json=draft)
    assert answer.status == 201, answer
    return answer


def make_version(client, model, version="1.0.0", project="default", **draft):
    answer = client.post(f"{model_path(model, project)}/versions", json={"version": version, **draft})
    assert answer.status == 201, answer
    return answer


def make_draft(client, model, version="1.0.0", project="default"):
    """A new model with one version, which takes artifacts."""
    make_model(client, model, project)
    return make_version(client, model, version, project)


def make_artifact(client, model, path, body, version="1.0.0", project="default", **headers):
    answer = client.put(artifact_path(model, path, version, project), body=body, headers=headers)
    assert answer.status == 201, answer
    return answer


def make_published(client, model, version="1.0.0", project="default", body=b"weights"):
    """A new model whose one version has one file, and is published."""
    make_draft(client, model, version, project)
    make_artifact(client, model, "model.bin", body, version, project)
    answer = client.post(f"{version_path(model, version, project)}/publish", json={})
    assert answer.status == 200, answer
    return answer


def is_problem(answer, status, kind=None, **where):
    """Asserts the shape of RFC 9457 in whole; `where` is the pointer, parameter or header
    that one of the errors must name. Returns the document."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json", answer.fields
    assert answer.headers["X-Content-Type-Options"] == "nosniff", answer.fields
    document = json.loads(answer.body)
    assert set(document) <= {"type", "title", "status", "detail", "instance", "errors"}, document
    assert document["status"] == status
    assert document["type"].startswith("/problems/")
    assert document["title"]
    assert document["detail"]
    assert document["instance"] == f"urn:request:{answer.headers['X-Request-Id']}"
    if kind:
        assert document["type"] == f"/problems/{kind}", document
    for error in document.get("errors", []):
        assert error["detail"]
        assert len({"pointer", "parameter", "header"} & set(error)) == 1, error
    for name, value in where.items():
        assert value in [error.get(name) for error in document.get("errors", [])], document
    return document
