"""Versions: drafts by SemVer or bump, ordinals, states, reasons."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.model import Model, good, pages, refused, url

pytestmark = pytest.mark.usefixtures("errors")

ANYTHING = {"If-Match": "*"}


def test_a_draft_is_what_was_sent(hallmark, model):
    body = {
        "params": {"epochs": 100, "optimizer": "adamw", "lr": 1e-300, "nested": {"é": [1, None, True, 0.92]}},
        "tags": {"framework": "onnx"},
        "description": "first",
    }
    made = model.create("1.0.0-rc.1+build.7", **body)
    good(made, 201)
    version = made.json
    assert {key: version[key] for key in body} == body
    assert (version["version"], version["ordinal"], version["state"]) == ("1.0.0-rc.1+build.7", 1, "draft")
    assert (version["published_at"], version["published_by"], version["key_id"]) == (None, None, None)
    assert (version["files"], version["bytes"]) == (0, 0)
    seen = good(hallmark.get(made.headers["location"]), 200)
    assert seen.json == version
    assert seen.headers["etag"] == made.headers["etag"]


def test_numbers_come_back_or_are_refused(hallmark, model):
    def create(number):
        body = b'{"bump":"major","params":{"n":%s}}' % number
        return hallmark.post(
            f"{model.path}/versions", body=body, headers={"Content-Type": "application/json"}
        )

    for number in (b"9223372036854775807", b"-9223372036854775808", b"1e300", b"0.1", b"5e-324", b"-0.0"):
        assert repr(good(create(number), 201).json["params"]["n"]) == repr(
            float(number) if b"." in number or b"e" in number else int(number)
        )
    for number in (b"9223372036854775808", b"123456789012345678901234567890", b"1e400"):
        assert "64 bits" in refused(create(number), 400)["detail"]


@pytest.mark.parametrize(
    ("bad", "because"),
    [
        ("1.0", "1.0.0"),
        ("01.0.0", "zero"),
        ("1.0.0-01", "zero"),
        ("1.0.0-", ""),
        ("1.0.0+", ""),
        ("1.0.0-a..b", ""),
        ("v1", ""),
        ("latest", ""),
        ("", ""),
        ("1.0.0 ", ""),
        ("^1.0.0", ""),
        ("1.0.0-é", ""),
        ("1.0.0-" + "a" * 250, "255"),
    ],
)
def test_what_is_no_semantic_version_is_refused(model, bad, because):
    problem = refused(model.create(bad), 400)
    assert problem["errors"][0]["pointer"] == "/version"
    assert because in problem["errors"][0]["detail"]


def test_version_or_bump_and_nothing_unknown(model):
    assert refused(model.create(), 400)["errors"]
    assert refused(model.create("1.0.0", bump="major"), 400)["errors"]
    assert refused(model.create(bump="mega"), 400)["errors"][0]["pointer"] == "/bump"
    assert refused(model.create("1.0.0", colour="red"), 400)["errors"][0]["pointer"] == "/colour"
    problem = refused(model.create("1.0.0", tags={"a": 1}, params=[], metrics=[{"name": "x"}]), 400)
    assert {error["pointer"] for error in problem["errors"]} >= {"/tags/a", "/params"}


def test_a_leading_v_is_dropped(model):
    assert model.draft("v1.2.3")["version"] == "1.2.3"


def test_bump_counts_from_the_highest(model):
    assert model.draft(bump="patch")["version"] == "0.0.1"
    assert model.draft(bump="minor")["version"] == "0.1.0"
    assert model.draft(bump="major")["version"] == "1.0.0"
    model.draft("3.4.5-rc.1+b1")
    assert model.draft(bump="patch")["version"] == "3.4.5"
    model.draft("2.9.9")
    assert model.draft(bump="minor")["version"] == "3.5.0"
    model.draft("4.0.0-alpha")
    assert model.draft(bump="major")["version"] == "4.0.0"
    big = "9" * 60
    model.draft(f"{big}.0.0")
    assert model.draft(bump="major")["version"] == f"1{'0' * 60}.0.0"


def test_versions_that_differ_in_build_metadata_are_one(model):
    assert model.draft("1.0.0+a")["version"] == "1.0.0+a"
    for other in ("1.0.0", "1.0.0+a", "1.0.0+b"):
        assert "build metadata" in refused(model.create(other), 409, "conflict")["detail"]
    assert model.draft("1.0.0-rc.1+x")["ordinal"] == 2
    refused(model.create("1.0.0-rc.1"), 409)
    assert model.get("1.0.0").json["version"] == "1.0.0+a"
    refused(model.get("1.0.0+b"), 404)
    assert model.get("1.0.0+a").status == 200


def test_discarding_frees_the_version_and_keeps_the_ordinal(hallmark, model):
    tag = hallmark.get(model.at(model.draft("1.0.0", params={"n": 1})["version"])).headers["etag"]
    good(model.put("1.0.0", "f"), 201)
    refused(hallmark.delete(model.at("1.0.0")), 428)
    refused(hallmark.delete(model.at("1.0.0"), headers={"If-Match": tag}), 412)
    tag = model.get("1.0.0").headers["etag"]
    assert hallmark.delete(model.at("1.0.0"), headers={"If-Match": tag}).status == 204
    refused(model.get("1.0.0"), 404)
    for path in (model.at("v1"), model.at("v1", "artifacts"), model.at("v1", "attestation")):
        assert hallmark.get(path).status in (404, 409, 410), path
    refused(model.get("v1"), 410, "gone")
    refused(hallmark.delete(model.at("v1"), headers=ANYTHING), 410)
    refused(model.publish("v1"), 410)
    refused(hallmark.patch(model.at("v1"), json={"description": "x"}, headers=ANYTHING), 410)
    assert model.draft("1.0.0")["ordinal"] == 2
    assert model.get("1.0.0", "artifacts").json["items"] == []
    assert [v["ordinal"] for v in model.versions()] == [2]


@pytest.mark.threads
def test_ordinals_have_no_gaps_under_64_creators(hallmark, model):
    def create(i):
        random.seed(i)
        connection = hallmark.connect(120)
        made = []
        for n in range(4):
            body = [
                {"version": f"{i + 1}.{n}.0"},
                {"bump": "patch"},
                {"version": "77.0.0"},  # wanted by all, one gets it
                {"bump": "minor"},
            ][n]
            while True:
                answer = hallmark.post(
                    f"{model.path}/versions", json=body, connection=connection, timeout=120
                )
                if answer.status != 503:
                    break
            made.append(answer)
        connection.close()
        return made

    with ThreadPoolExecutor(64) as pool:
        answers = [answer for made in pool.map(create, range(64)) for answer in made]
    done = [answer.json for answer in answers if answer.status == 201]
    assert {answer.status for answer in answers} == {201, 409}
    assert sum(version["version"] == "77.0.0" for version in done) == 1
    assert sorted(version["ordinal"] for version in done) == list(range(1, len(done) + 1))
    assert len({version["version"] for version in done}) == len(done)
    times = [v["created_at"] for v in sorted(done, key=lambda v: v["ordinal"])]
    assert times == sorted(times)
    seen = model.versions(page_size=37, sort="created_at")
    assert [v["ordinal"] for v in seen] == list(range(1, len(done) + 1))


def test_patch_of_a_draft_and_of_a_published_version(hallmark, model):
    model.draft("1.0.0", params={"a": 1}, tags={"x": "1"})
    refused(hallmark.patch(model.at("1.0.0"), json={"tags": {"y": "2"}}), 428)
    done = hallmark.patch(model.at("1.0.0"), json={"params": {"b": 2}, "tags": {"y": "2"}}, headers=ANYTHING)
    assert (done.json["params"], done.json["tags"]) == ({"b": 2}, {"x": "1", "y": "2"})
    stale = model.get("1.0.0").headers["etag"]
    good(model.put("1.0.0", "f"), 201)
    refused(hallmark.patch(model.at("1.0.0"), json={"description": "d"}, headers={"If-Match": stale}), 412)
    good(model.publish("1.0.0"), 200)
    refused(hallmark.patch(model.at("1.0.0"), json={"params": {}}, headers=ANYTHING), 409, "immutable")
    done = hallmark.patch(model.at("1.0.0"), json={"description": "d", "tags": {"x": None}}, headers=ANYTHING)
    assert (done.json["description"], done.json["tags"]) == ("d", {"y": "2"})
    assert done.json["state"] == "published"
    same = hallmark.patch(model.at("1.0.0"), json={"params": {"b": 2}}, headers=ANYTHING)
    assert (same.status, same.headers["etag"]) == (200, done.headers["etag"])


# ---- states -----------------------------------------------------------------------------


def warning(answer):
    return answer.headers.get("warning")


def test_deprecating_says_why_and_still_serves(model):
    model.published("1.0.0")
    assert warning(model.get("1.0.0")) is None
    done = good(model.deprecate("1.0.0", 'slow "é" \\ here'), 200).json
    assert (done["state"], done["reason"]) == ("deprecated", 'slow "é" \\ here')
    for ref in ("1.0.0", "^1", "latest", "newest", "v1"):
        answer = good(model.get(ref), 200)
        assert warning(answer).startswith('299 hallmark "this version is deprecated: slow'), ref
        assert warning(answer).isascii()
    for rest in (
        ("artifacts",),
        ("artifacts", "model.bin"),
        ("attestation",),
        ("signatures", "model.bin.minisig"),
    ):
        assert "deprecated" in warning(good(model.get("^1", *rest), 200)), rest
    again = good(model.deprecate("1.0.0", "other words"), 200).json
    assert again["reason"] == "other words"


def test_a_state_changes_only_along_its_arrows(model):
    model.draft("1.0.0")
    refused(model.deprecate("1.0.0"), 409)
    refused(model.yank("1.0.0"), 409)
    good(model.put("1.0.0", "f"), 201)
    good(model.publish("1.0.0"), 200)
    good(model.publish("1.0.0"), 200)
    good(model.deprecate("1.0.0"), 200)
    good(model.publish("1.0.0"), 200)
    assert model.get("1.0.0").json["state"] == "deprecated"
    good(model.yank("1.0.0"), 200)
    good(model.yank("1.0.0"), 200)
    refused(model.yank("1.0.0", "another reason"), 409)
    refused(model.deprecate("1.0.0"), 409)
    refused(model.publish("1.0.0"), 409)


def test_published_is_never_deleted(hallmark, model):
    model.published("1.0.0")
    for change in (None, model.deprecate, model.yank):
        if change:
            good(change("1.0.0"), 200)
        refused(hallmark.delete(model.at("1.0.0"), headers=ANYTHING), 409, "immutable")


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": None}, {"reason": 1}, {"reason": "x", "y": 1}]
)
@pytest.mark.parametrize("verb", ["deprecate", "yank"])
def test_a_reason_is_needed(model, verb, body):
    model.published("1.0.0")
    refused(model.post("1.0.0", verb, json=body), 400)
    assert model.get("1.0.0").json["state"] == "published"


def test_if_match_holds_for_states_when_given(hallmark, model):
    model.published("1.0.0")
    body, path = {"reason": "r"}, model.at("1.0.0", "deprecate")
    refused(hallmark.post(path, json=body, headers={"If-Match": '"1"'}), 412)
    tag = model.get("1.0.0").headers["etag"]
    good(hallmark.post(path, json=body, headers={"If-Match": tag}), 200)


def test_yanked_is_served_by_exact_reference_alone(hallmark, model):
    model.published("1.0.0")
    model.published("1.1.0")
    good(model.alias("champion", "1.1.0"), 201)
    good(model.yank("1.1.0", "leaks"), 200)
    for ref in ("^1", "latest", "newest", "1.x", ">=1.0.0 <2"):
        assert model.get(ref).json["version"] == "1.0.0", ref
    refused(model.get("~1.1"), 404)
    for ref in ("1.1.0", "v1.1.0", "v2"):
        for rest in ((), ("artifacts",), ("artifacts", "model.bin"), ("attestation",)):
            answer = good(model.get(ref, *rest), 200)
            assert warning(answer) == '299 hallmark "this version is yanked: leaks"', (ref, rest)
    for rest in (
        (),
        ("artifacts",),
        ("artifacts", "model.bin"),
        ("signatures", "model.bin.minisig"),
        ("attestation",),
        ("metrics",),
        ("lineage",),
    ):
        assert "leaks" in refused(model.get("@champion", *rest), 410, "gone")["detail"], rest
    refused(hallmark.get(f"{model.path}/compare?versions=1.0.0,@champion"), 410)
    refused(model.post("@champion", "metrics", json={"metrics": [{"name": "a", "value": 1}]}), 409)
    refused(
        Model(hallmark, model.name + "-child")
        .make()
        .create(
            "1.0.0",
            lineage=[{"kind": "parent", "relation": "merge", "version": f"default/{model.name}@@champion"}],
        ),
        400,
    )


def test_projects_are_islands(hallmark, name):
    good(hallmark.put(url("projects", name), json={"description": "other"}), 201)
    here, there = Model(hallmark, name).make(), Model(hallmark, name, project=name).make()
    here.published("1.0.0")
    refused(there.get("1.0.0"), 404)
    assert there.draft("1.0.0")["ordinal"] == 1
    tokens = {
        role: hallmark.secret(
            hallmark.command(
                "token", "create", f"{name}-{role}", f"--role={role}", f"--project={name}"
            ).stdout.strip()
        )
        for role in ("reader", "publisher")
    }
    reader, publisher = (hallmark.with_token(tokens[role]) for role in ("reader", "publisher"))
    good(there.as_seen_by(reader).get("1.0.0"), 200)
    refused(there.as_seen_by(reader).create("2.0.0"), 403)
    good(there.as_seen_by(publisher).create("2.0.0"), 201)
    for client in (reader, publisher):
        for path in (here.path, here.at("1.0.0"), here.at("latest", "artifacts"), f"{here.path}/versions"):
            refused(client.get(path), 404)
        refused(here.as_seen_by(client).create("9.0.0"), 404)
        refused(client.get(url("projects", "default", "models")), 404)
        refused(client.get(url("events")), 403)
        assert [p["name"] for p in pages(client, url("projects"))] == [name]
        assert {e["project"] for e in pages(client, url("projects", name, "events"))} == {name}
    refused(publisher.delete(there.path, headers=ANYTHING), 403)
    refused(publisher.put(url("projects", name + "-2"), json={}), 404)
    refused(publisher.put(url("projects", name), json={"description": "mine"}), 403)
