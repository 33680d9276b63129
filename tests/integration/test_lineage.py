"""Lineage: where versions come from, asked in both directions, to any depth."""

import pytest
from support.model import Model, good, refused, url

pytestmark = pytest.mark.usefixtures("errors")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "sha256:" + "ab" * 32
EVERY_KIND = [
    {"kind": "dataset", "uri": "s3://data/stsb", "digest": DIGEST},
    {"kind": "code", "uri": "https://git.example/r.git", "commit": COMMIT},
    {"kind": "run", "uri": "https://ci.example/runs/17"},
    {"kind": "image", "uri": "registry.example/train:1", "digest": DIGEST},
]


def parent(model, version, relation="fine_tune"):
    return {"kind": "parent", "relation": relation, "version": f"{model.project}/{model.name}@{version}"}


def lineage(model, ref, direction="up", depth=1):
    answer = model.client.get(f"{model.at(ref, 'lineage')}?direction={direction}&depth={depth}")
    return good(answer, 200).json


def named(version):
    return version and (version["model"], version["version"])


def pairs(graph):
    """(depth, made, made from) of every edge between versions."""
    return [(e["depth"], named(e["from"]), named(e["to"])) for e in graph["edges"] if e["kind"] == "parent"]


def test_every_kind_of_edge_comes_back(model):
    model.published("1.0.0")
    model.draft("2.0.0", lineage=[*EVERY_KIND, parent(model, "^1", "distil")])
    graph = lineage(model, "2.0.0")
    assert (graph["direction"], graph["depth"], graph["truncated"]) == ("up", 1, False)
    assert named(graph["version"]) == (model.name, "2.0.0")
    told = [{k: e[k] for k in ("kind", "uri", "digest", "commit") if k in e} for e in graph["edges"][:4]]
    assert told == EVERY_KIND
    last = graph["edges"][4]
    assert (last["kind"], last["relation"], named(last["to"])) == ("parent", "distil", (model.name, "1.0.0"))
    assert last["to"]["state"] == "published"
    assert model.get("1.0.0", "lineage").json["edges"] == []
    assert pairs(lineage(model, "1.0.0", "down")) == [(1, (model.name, "2.0.0"), (model.name, "1.0.0"))]


@pytest.mark.parametrize("relation", ["fine_tune", "quantise", "merge", "adapter", "distil"])
def test_every_relation_is_kept(model, relation):
    model.published("1.0.0")
    model.draft("1.1.0", lineage=[parent(model, "1.0.0", relation)])
    assert model.get("1.1.0", "lineage").json["edges"][0]["relation"] == relation


@pytest.mark.parametrize(
    ("edge", "pointer"),
    [
        ({"kind": "dataset"}, "/lineage/0"),
        ({"kind": "dataset", "uri": "no-scheme"}, "/lineage/0/uri"),
        ({"kind": "dataset", "uri": "s3://x", "digest": "md5:00"}, "/lineage/0/digest"),
        ({"kind": "dataset", "uri": "s3://x", "commit": COMMIT}, "/lineage/0/commit"),
        ({"kind": "dataset", "uri": "https://user:secret@example/x"}, "/lineage/0/uri"),
        ({"kind": "code", "uri": "https://x"}, "/lineage/0"),
        ({"kind": "code", "commit": "HEAD"}, "/lineage/0/commit"),
        ({"kind": "parent", "relation": "fine_tune"}, "/lineage/0"),
        ({"kind": "parent", "version": "default/x@1.0.0"}, "/lineage/0"),
        ({"kind": "parent", "relation": "cousin", "version": "default/x@1.0.0"}, "/lineage/0/relation"),
        ({"kind": "parent", "relation": "merge", "version": "1.0.0"}, "/lineage/0/version"),
        ({"kind": "parent", "relation": "merge", "version": "default/nothing@1.0.0"}, "/lineage/0/version"),
        ({"kind": "moon"}, "/lineage/0/kind"),
        ({"kind": "run", "uri": "https://x", "colour": 1}, "/lineage/0/colour"),
    ],
)
def test_what_is_no_edge_is_refused_where_it_stands(model, edge, pointer):
    problem = refused(model.create("1.0.0", lineage=[edge]), 400)
    assert problem["errors"][0]["pointer"] == pointer
    assert model.draft("1.0.0")["ordinal"] == 1  # nothing was made


def test_a_parent_must_be_published(model):
    model.draft("1.0.0")
    refused(model.create("2.0.0", lineage=[EVERY_KIND[0], parent(model, "1.0.0")]), 400)
    problem = refused(model.create("2.0.0", lineage=[EVERY_KIND[0], parent(model, "1.0.0")]), 400)
    assert problem["errors"][0]["pointer"] == "/lineage/1/version"
    assert "published" in problem["errors"][0]["detail"]
    good(model.put("1.0.0", "f"), 201)
    good(model.publish("1.0.0"), 200)
    good(model.deprecate("1.0.0"), 200)
    good(model.create("2.0.0", lineage=[parent(model, "1.0.0")]), 201)
    good(model.yank("1.0.0"), 200)
    refused(model.create("3.0.0", lineage=[parent(model, "1.0.0")]), 400)


def test_a_version_is_not_its_own_ancestor(model):
    refused(model.create("1.0.0", lineage=[parent(model, "1.0.0")]), 400)
    refused(model.create("1.0.0", lineage=[parent(model, "v1")]), 400)
    model.published("1.0.0")
    model.published("2.0.0", lineage=[parent(model, "1.0.0")])
    refused(model.client.patch(model.at("1.0.0"), json={"lineage": [parent(model, "2.0.0")]}), 400)


def test_a_parent_is_resolved_once(model):
    model.published("1.0.0")
    model.draft("2.0.0", lineage=[parent(model, "latest")])
    model.published("1.1.0")
    assert pairs(lineage(model, "2.0.0")) == [(1, (model.name, "2.0.0"), (model.name, "1.0.0"))]


def test_the_walk_ends_at_its_depth(model):
    model.published("1.0.0")
    for n in range(2, 8):
        model.published(f"{n}.0.0", lineage=[parent(model, f"{n - 1}.0.0")])
    for depth in (1, 2, 3, 6, 64):
        up = pairs(lineage(model, "7.0.0", "up", depth))
        assert [named_from[1] for _, named_from, _ in up] == [f"{7 - d}.0.0" for d in range(min(depth, 6))]
        assert [d for d, _, _ in up] == list(range(1, min(depth, 6) + 1))
        down = pairs(lineage(model, "1.0.0", "down", depth))
        assert [made[1] for _, made, _ in down] == [f"{d + 2}.0.0" for d in range(min(depth, 6))]


def test_a_diamond_lattice_is_walked_once(model):
    """Two parents on each of 20 floors: 2^20 ways, 80 edges."""
    model.published("0.1.0")
    model.published("0.2.0")
    for floor in range(1, 21):
        for side in (1, 2):
            model.published(
                f"{floor}.{side}.0",
                lineage=[parent(model, f"{floor - 1}.{s}.0", "merge") for s in (1, 2)],
            )
    up = lineage(model, "20.1.0", "up", 64)
    assert len(up["edges"]) == 2 + 19 * 4
    assert max(e["depth"] for e in up["edges"]) == 20
    down = lineage(model, "0.1.0", "down", 64)
    assert {named(e["from"])[1] for e in down["edges"]} == {
        f"{f}.{s}.0" for f in range(1, 21) for s in (1, 2)
    }


def test_lineage_crosses_models(hallmark, model, name):
    other = Model(hallmark, name + "-base").make()
    other.published("1.0.0")
    model.published("1.0.0", lineage=[parent(other, "1.0.0"), EVERY_KIND[0]])
    model.published("2.0.0", lineage=[parent(model, "1.0.0"), parent(other, "1.0.0", "merge")])
    up = lineage(model, "2.0.0", "up", 5)
    assert (2, (model.name, "1.0.0"), (other.name, "1.0.0")) in pairs(up)
    assert {e["kind"] for e in up["edges"]} == {"parent", "dataset"}
    assert {made for _, made, _ in pairs(lineage(other, "1.0.0", "down", 5))} == {
        (model.name, "1.0.0"),
        (model.name, "2.0.0"),
    }


@pytest.mark.parametrize(
    "query", ["depth=0", "depth=65", "depth=x", "direction=left", "depth=1&depth=2", "deep=1"]
)
def test_what_cannot_be_asked(model, query):
    model.draft("1.0.0")
    refused(model.client.get(f"{model.at('1.0.0', 'lineage')}?{query}"), 400)


def test_a_project_that_may_not_be_read_keeps_its_names(hallmark, name):
    good(hallmark.put(url("projects", name), json={}), 201)
    secret = Model(hallmark, "secret-base", project=name).make()
    secret.published("1.0.0")
    child = Model(hallmark, name).make()
    child.published("1.0.0", lineage=[parent(secret, "1.0.0")])
    token = hallmark.command("token", "create", name, "--role=publisher", "--project=default").stdout.strip()
    outsider = child.as_seen_by(hallmark.with_token(hallmark.secret(token)))
    answer = good(outsider.get("1.0.0", "lineage"), 200)
    assert answer.json["edges"][0]["to"] is None
    assert "secret" not in answer.text
    problem = refused(outsider.create("2.0.0", lineage=[parent(secret, "1.0.0")]), 400)
    missing = refused(outsider.create("2.0.0", lineage=[parent(secret, "9.9.9")]), 400)
    assert problem["errors"] == missing["errors"]
    for path in (
        outsider.at("1.0.0", "attestation"),
        url("projects", "default", "events") + f"?model=default/{name}",
    ):
        assert good(outsider.client.get(path), 200)
    # And from the other side: who reads the secret project alone sees no outside names.
    token = hallmark.command(
        "token", "create", f"{name}-in", "--role=reader", f"--project={name}"
    ).stdout.strip()
    insider = secret.as_seen_by(hallmark.with_token(hallmark.secret(token)))
    down = lineage(insider, "1.0.0", "down")
    assert [(named(e["from"]), named(e["to"])) for e in down["edges"]] == [(None, ("secret-base", "1.0.0"))]
