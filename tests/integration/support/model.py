"""The registry in the words of its users: models, versions, files, over HTTP."""

import time
from urllib.parse import quote, urlencode

from .paths import SLOWNESS

MODELS = "/api/v1/projects/default/models"


def url(*parts):
    """/api/v1/… with every part escaped whole."""
    return "/api/v1/" + "/".join(quote(str(part), safe="") for part in parts)


def good(answer, *statuses):
    """The answer, when it has one of the statuses."""
    assert answer.status in (statuses or (200, 201)), answer
    return answer


def refused(answer, status, kind=None):
    """The problem document of an answer that must be a refusal; `kind` ends its type."""
    assert answer.status == status, answer
    assert answer.headers["content-type"].startswith("application/problem+json"), answer
    problem = answer.json
    assert problem["status"] == status
    assert kind is None or problem["type"].endswith(kind), problem
    return problem


def pages(client, path, page_size=None, **query):
    """Every item of a list, page by page; no page but the last may be short."""
    pairs = [(k, v) for k, vs in query.items() for v in (vs if isinstance(vs, list) else [vs])]
    if page_size:
        pairs.append(("page_size", page_size))
    items, token = [], None
    while True:
        asked = pairs + ([("page_token", token)] if token else [])
        page = good(client.get(f"{path}?{urlencode(asked)}" if asked else path), 200).json
        items += page["items"]
        token = page["next_page_token"]
        if not token:
            return items
        assert page_size is None or len(page["items"]) == page_size


def until_placed(hallmark):
    """Wait until every committed event has its place."""
    end = time.monotonic() + 10 * SLOWNESS
    while hallmark.sql("SELECT count(*) AS n FROM event_queue") != [{"n": 0}]:
        assert time.monotonic() < end, "events wait for their place"
        time.sleep(0.02)


class Model:
    """A model of the registry under test, as one client sees it."""

    def __init__(self, client, name, project="default"):
        self.client, self.name, self.project = client, name, project
        self.path = url("projects", project, "models", name)

    def as_seen_by(self, client):
        return Model(client, self.name, self.project)

    def make(self, **body):
        good(self.client.put(self.path, json=body), 201)
        return self

    def at(self, ref, *rest):
        return "/".join([self.path, "versions", *(quote(str(part), safe="") for part in (ref, *rest))])

    def create(self, version=None, **body):
        """POST …/versions: the answer."""
        if version is not None:
            body["version"] = version
        return self.client.post(f"{self.path}/versions", json=body)

    def draft(self, version=None, **body):
        return good(self.create(version, **body), 201).json

    def get(self, ref, *rest, **kw):
        return self.client.get(self.at(ref, *rest), **kw)

    def post(self, ref, *rest, **kw):
        return self.client.post(self.at(ref, *rest), **kw)

    def file(self, ref, path):
        return self.at(ref, "artifacts") + "/" + quote(path)

    def put(self, ref, path, content=b"bytes", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.put(self.file(ref, path), body=content, headers=headers)

    def publish(self, ref):
        return self.client.post(self.at(ref, "publish"))

    def published(self, version, files=None, **body):
        """A version that is published, with these files."""
        made = self.draft(version, **body)["version"]
        for path, content in (files or {"model.bin": f"{self.name} {made}".encode()}).items():
            good(self.put(made, path, content), 201)
        return good(self.publish(made), 200).json

    def deprecate(self, ref, reason="there is a better one"):
        return self.post(ref, "deprecate", json={"reason": reason})

    def yank(self, ref, reason="it is broken"):
        return self.post(ref, "yank", json={"reason": reason})

    def alias(self, name, version, **headers):
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.client.put(f"{self.path}/aliases/{name}", json={"version": version}, headers=headers)

    def versions(self, page_size=None, **query):
        return pages(self.client, f"{self.path}/versions", page_size, **query)

    def events(self):
        """Every event of the model, oldest first."""
        until_placed(self.client)
        return pages(
            self.client,
            url("projects", self.project, "events"),
            500,
            model=f"{self.project}/{self.name}",
            sort="position",
        )
