"""Events: exactly one for every change of state, in one dense order."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.model import Model, good, pages, refused, until_placed, url
from support.paths import SLOWNESS

pytestmark = pytest.mark.usefixtures("errors")

ANYTHING = {"If-Match": "*"}


def test_every_change_tells_one_event(hallmark, model):
    """Each step with the event it must tell: kind, what follows the model's name in its subject."""
    steps = [
        (lambda: hallmark.patch(model.path, json={"card": "# x"}, headers=ANYTHING), "model.updated", ""),
        (lambda: model.create("1.0.0", params={"a": 1}), "version.created", "@1.0.0"),
        (lambda: model.put("1.0.0", "d/f", b"1"), "artifact.created", "@1.0.0:d/f"),
        (lambda: model.put("1.0.0", "d/f", b"2", If_Match="*"), "artifact.replaced", "@1.0.0:d/f"),
        (lambda: model.put("1.0.0", "g", b"3"), "artifact.created", "@1.0.0:g"),
        (lambda: hallmark.delete(model.file("1.0.0", "g"), headers=ANYTHING), "artifact.deleted", "@1.0.0:g"),
        (
            lambda: hallmark.patch(model.at("1.0.0"), json={"params": {"a": 2}}, headers=ANYTHING),
            "version.updated",
            "@1.0.0",
        ),
        (
            lambda: model.post("1.0.0", "metrics", json={"metrics": [{"name": "m", "value": 1}]}),
            "metrics.added",
            "@1.0.0",
        ),
        (lambda: model.publish("1.0.0"), "version.published", "@1.0.0"),
        (lambda: model.alias("champion", "1.0.0"), "alias.created", "@@champion"),
        (lambda: model.deprecate("1.0.0"), "version.deprecated", "@1.0.0"),
        (lambda: model.deprecate("1.0.0", "another reason"), "version.deprecated", "@1.0.0"),
        (lambda: model.create(bump="minor"), "version.created", "@1.1.0"),
        (lambda: hallmark.delete(model.at("1.1.0"), headers=ANYTHING), "version.discarded", "@1.1.0"),
        (lambda: model.create("2.0.0"), "version.created", "@2.0.0"),
        (lambda: model.put("2.0.0", "f", b"x"), "artifact.created", "@2.0.0:f"),
        (lambda: model.publish("2.0.0"), "version.published", "@2.0.0"),
        (lambda: model.alias("champion", "2.0.0", If_Match="*"), "alias.moved", "@@champion"),
        (
            lambda: hallmark.delete(f"{model.path}/aliases/champion", headers=ANYTHING),
            "alias.deleted",
            "@@champion",
        ),
        (lambda: model.yank("1.0.0"), "version.yanked", "@1.0.0"),
        (lambda: model.yank("2.0.0"), "version.yanked", "@2.0.0"),
        (lambda: hallmark.delete(model.path, headers=ANYTHING), "model.deleted", ""),
    ]
    wanted, requests = [("model.created", "")], [None]
    for do, kind, rest in steps:
        answer = good(do(), 200, 201, 204)
        wanted.append((kind, rest))
        requests.append(answer.headers["x-request-id"])
    until_placed(hallmark)
    subject = f"default/{model.name}"
    told = [
        e
        for e in pages(hallmark, url("events"), 500, sort="position")
        if e["subject"] == subject or e["subject"].startswith(subject + "@")
    ]
    assert [(e["kind"], e["subject"].removeprefix(subject)) for e in told] == wanted
    assert [e["request_id"] for e in told][1:] == requests[1:]
    assert {e["actor"] for e in told} == {told[0]["actor"]}
    assert {e["project"] for e in told} == {"default"}
    assert [e["position"] for e in told] == sorted(e["position"] for e in told)
    for event in told:
        what = event["kind"].split(".")[1]
        assert (event["before"] is None) == (what in ("created", "added")), event
        assert (event["after"] is None) == (
            event["kind"] in ("artifact.deleted", "alias.deleted", "model.deleted")
        ), event
    change = dict(zip((e["kind"] for e in told), told, strict=False))
    assert change["version.published"]["before"] == {"state": "draft"}
    assert change["version.published"]["after"]["state"] == "published"
    assert change["version.updated"]["before"]["params"] == {"a": 1}
    assert change["version.updated"]["after"]["params"] == {"a": 2}
    assert change["alias.moved"]["before"]["version"] == "1.0.0"
    assert change["alias.moved"]["after"]["version"] == "2.0.0"
    assert change["metrics.added"]["after"] == [{"name": "m", "value": 1}]


def test_what_changes_nothing_tells_nothing(hallmark, model):
    model.published("1.0.0", {"f": b"x"})
    good(model.alias("a", "1.0.0"), 201)
    before = [e["position"] for e in model.events()]
    good(hallmark.put(model.path, json={}), 200)
    good(hallmark.patch(model.at("1.0.0"), json={"description": ""}, headers=ANYTHING), 200)
    good(model.publish("1.0.0"), 200)
    good(model.alias("a", "1.0.0"), 200)
    refused(model.create("1.0.0"), 409)
    refused(model.put("1.0.0", "g"), 409)
    refused(hallmark.delete(model.path, headers=ANYTHING), 409)
    refused(hallmark.delete(model.at("1.0.0"), headers=ANYTHING), 409)
    until_placed(hallmark)
    assert [e["position"] for e in model.events()] == before


def test_events_follow_a_model_through_its_renaming(hallmark, model, name):
    model.draft("1.0.0")
    good(hallmark.patch(model.path, json={"name": name + "-new"}, headers=ANYTHING), 200)
    renamed = Model(hallmark, name + "-new")
    renamed.draft("2.0.0")
    until_placed(hallmark)
    told = renamed.events()
    assert [e["kind"] for e in told] == [
        "model.created",
        "version.created",
        "model.renamed",
        "version.created",
    ]
    assert (told[2]["before"], told[2]["after"]) == ({"name": name}, {"name": name + "-new"})
    assert told[1]["subject"] == f"default/{name}@1.0.0"
    assert told[3]["subject"] == f"default/{name}-new@2.0.0"


def test_filters_of_events(hallmark, model):
    model.published("1.0.0")
    until_placed(hallmark)
    path = url("projects", "default", "events")
    everything = model.events()

    def ask(**query):
        return pages(hallmark, path, 3, model=f"default/{model.name}", sort="position", **query)

    assert ask() == everything
    assert ask(kind="version.published") == [e for e in everything if e["kind"] == "version.published"]
    assert ask(kind="version.published,model.created") == [everything[0], everything[-1]]
    assert ask(subject=f"default/{model.name}@1.0.0:model.bin") == [everything[2]]
    assert ask(actor=everything[0]["actor"]) == everything
    assert ask(actor="nobody") == []
    assert ask(after=everything[2]["at"]) == everything[2:]
    assert ask(before=everything[2]["at"]) == everything[:2]
    newest = pages(hallmark, path, model=f"default/{model.name}")
    assert newest == everything[::-1]
    refused(hallmark.get(f"{path}?model=nothing"), 400)
    refused(hallmark.get(f"{path}?after=now"), 400)


@pytest.mark.threads
def test_positions_are_dense_under_concurrent_writers(hallmark, name):
    models = [Model(hallmark, f"{name}-{i}").make() for i in range(8)]
    until_placed(hallmark)
    seen, stop = [], threading.Event()
    (first,) = hallmark.sql("SELECT max(position) AS position FROM event_order")

    def follow():
        """A reader behind the writers: what it has seen never changes and has no gap."""
        at = first["position"]
        while not stop.is_set() or len(seen) < 8 * 40:
            rows = hallmark.sql(
                f"SELECT o.position, e.subject FROM event_order o JOIN event e ON e.id = o.event_id"
                f" WHERE o.position > {at} ORDER BY o.position"
            )
            assert [row["position"] for row in rows] == list(range(at + 1, at + 1 + len(rows)))
            at += len(rows)
            seen.extend(rows)

    reader = threading.Thread(target=follow)
    reader.start()

    def write(model):
        for n in range(40):
            while model.create(f"1.{n}.0").status == 503:
                pass

    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, models))
        until_placed(hallmark)
    finally:
        stop.set()
        reader.join(30 * SLOWNESS)
    assert not reader.is_alive()
    subjects = [row["subject"] for row in seen if row["subject"].startswith(f"default/{name}-")]
    assert len(subjects) == len(set(subjects)) == 8 * 40
    for model in models:
        mine = [e for e in model.events() if e["kind"] == "version.created"]
        assert [e["after"]["ordinal"] for e in mine] == list(range(1, 41))
    (row,) = hallmark.sql("SELECT count(*) AS n, max(position) AS last FROM event_order")
    assert row["n"] == row["last"]
    assert hallmark.sql("SELECT count(*) AS n FROM event") == [{"n": row["n"]}]


def test_projects_tokens_and_keys_tell_too(hallmark, name):
    good(hallmark.put(url("projects", name), json={"description": "one"}), 201)
    good(hallmark.put(url("projects", name), json={"description": "two"}, headers=ANYTHING), 200)
    token = hallmark.command("token", "create", name, "--role=reader", f"--project={name}").stdout.strip()
    hallmark.secret(token)
    hallmark.command("token", "revoke", token)
    until_placed(hallmark)
    told = pages(hallmark, url("events"), 500)
    kinds = [e["kind"] for e in told if e["subject"] == name][::-1]
    assert kinds == ["project.created", "project.updated"]
    recent = [e["kind"] for e in told[:4]][::-1]
    assert recent == ["principal.created", "token.created", "role.granted", "token.revoked"]
    assert token not in str(told)
