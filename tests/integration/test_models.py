"""Models: made, replaced, changed, renamed, deleted."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from support.model import Model, good, refused, url

pytestmark = pytest.mark.usefixtures("errors")


def etag(answer):
    return answer.headers["etag"]


def test_put_makes_a_model_and_says_where(hallmark, name):
    path = url("projects", "default", "models", name)
    body = {"description": "Sentences", "card": "# Card\n", "tags": {"task": "embedding"}}
    made = good(hallmark.put(path, json=body), 201)
    assert made.headers["location"] == path
    model = made.json
    assert {key: model[key] for key in body} == body
    assert (model["project"], model["name"], model["latest"]) == ("default", name, None)
    assert uuid.UUID(model["id"]).version == 7
    assert datetime.fromisoformat(model["created_at"]) <= datetime.fromisoformat(model["updated_at"])
    seen = good(hallmark.get(path), 200)
    assert seen.json == model
    assert etag(seen) == etag(made)


def test_put_of_the_same_changes_nothing(hallmark, model):
    before = hallmark.get(model.path)
    again = good(hallmark.put(model.path, json={}), 200)
    assert (again.json, etag(again)) == (before.json, etag(before))
    assert len(model.events()) == 1


def test_put_replaces_only_with_if_match(hallmark, model):
    tag = etag(hallmark.get(model.path))
    refused(hallmark.put(model.path, json={"description": "new"}), 428)
    refused(hallmark.put(model.path, json={"description": "new"}, headers={"If-Match": '"77"'}), 412)
    done = good(hallmark.put(model.path, json={"description": "new"}, headers={"If-Match": tag}), 200)
    assert done.json["description"] == "new"
    assert etag(done) != tag
    refused(hallmark.put(model.path, json={"description": "newer"}, headers={"If-Match": tag}), 412)
    refused(hallmark.put(model.path, json={}, headers={"If-None-Match": "*"}), 412)


def test_put_with_if_match_makes_nothing(hallmark, name):
    path = url("projects", "default", "models", name)
    refused(hallmark.put(path, json={}, headers={"If-Match": "*"}), 412)
    refused(hallmark.get(path), 404)


def test_patch_merges_tags_and_leaves_the_rest(hallmark, name):
    model = Model(hallmark, name).make(description="d", card="c", tags={"a": "1", "b": "2"})
    done = good(
        hallmark.patch(model.path, json={"tags": {"a": None, "c": "3"}}, headers={"If-Match": "*"}), 200
    ).json
    assert done["tags"] == {"b": "2", "c": "3"}
    assert (done["description"], done["card"]) == ("d", "c")
    done = good(hallmark.patch(model.path, json={"description": None}, headers={"If-Match": "*"}), 200).json
    assert done["description"] == ""


def test_patch_needs_if_match_of_what_is_there(hallmark, model):
    refused(hallmark.patch(model.path, json={"card": "x"}), 428)
    refused(hallmark.patch(model.path, json={"card": "x"}, headers={"If-Match": '"2"'}), 412)
    refused(hallmark.patch(model.path, json={"card": "x"}, headers={"If-Match": 'W/"1"'}), 412)
    good(hallmark.patch(model.path, json={"card": "x"}, headers={"If-Match": '"9", "1"'}), 200)


def test_at_most_a_hundred_tags(hallmark, name):
    model = Model(hallmark, name).make(tags={f"t{i}": "" for i in range(99)})
    patch = {"t99": "", "t100": ""}
    refused(hallmark.patch(model.path, json={"tags": patch}, headers={"If-Match": "*"}), 400)
    patch["t0"] = None
    done = good(hallmark.patch(model.path, json={"tags": patch}, headers={"If-Match": "*"}), 200).json
    assert len(done["tags"]) == 100


@pytest.mark.parametrize(
    "bad", ["a:b", "a@b", "a\\b", " a", "a ", "e\u0301", "a\u202eb", "a\u0007", "x" * 256]
)
def test_names_that_no_model_has(hallmark, bad):
    refused(hallmark.put(url("projects", "default", "models", bad), json={}), 400)


@pytest.mark.parametrize("odd", ["with space", "é", "模型", "a%b", "..x", "x" * 255, "😀", "a+b&c=d?e#f"])
def test_names_that_a_model_may_have(hallmark, odd):
    unique = odd if len(odd) > 200 else odd + uuid.uuid4().hex[:8]
    model = Model(hallmark, unique).make()
    assert hallmark.get(model.path).json["name"] == unique
    assert model.published("1.0.0")["model"] == unique
    assert good(model.get("latest", "artifacts"), 200).json["items"][0]["path"] == "model.bin"


def test_a_rename_answers_308_everywhere(hallmark, model, name):
    model.published("1.0.0")
    renamed = Model(hallmark, name + "-é new")
    done = good(hallmark.patch(model.path, json={"name": renamed.name}, headers={"If-Match": "*"}), 200)
    assert done.json["name"] == renamed.name
    for method, rest in (
        ("GET", ""),
        ("GET", "/versions/1.0.0"),
        ("GET", "/versions/%5E1"),
        ("GET", "/versions/1.0.0/artifacts/model.bin"),
        ("GET", "/versions/1.0.0/artifacts?page_size=3"),
        ("GET", "/versions/1.0.0/attestation"),
        ("GET", "/versions/1.0.0/metrics"),
        ("GET", "/versions/1.0.0/lineage?direction=down&depth=2"),
        ("GET", "/versions"),
        ("GET", "/aliases"),
        ("GET", "/metrics"),
        ("GET", "/compare?versions=1.0.0,latest"),
        ("POST", "/versions/1.0.0/publish"),
    ):
        moved = hallmark.request(method, model.path + rest)
        assert moved.status == 308, (method, rest, moved)
        assert moved.headers["location"] == renamed.path + rest
    for method, rest, body in (
        ("PATCH", "", {"card": "x"}),
        ("POST", "/versions", {"version": "2.0.0"}),
        ("POST", "/versions/1.0.0/metrics", {"metrics": [{"name": "a", "value": 1}]}),
        ("POST", "/versions/1.0.0/deprecate", {"reason": "old"}),
        ("PUT", "/aliases/champion", {"version": "1.0.0"}),
    ):
        moved = hallmark.request(method, model.path + rest, json=body, headers={"If-Match": "*"})
        assert moved.status == 308, (method, rest, moved)
        assert moved.headers["location"] == renamed.path + rest
    assert hallmark.put(model.file("1.0.0", "new"), body=b"x").status == 308
    assert renamed.get("1.0.0").json["model"] == renamed.name


def test_an_old_name_leads_on_until_it_is_taken_again(hallmark, model, name):
    first = hallmark.get(model.path).json["id"]
    for old, new in ((name, name + "-2"), (name + "-2", name + "-3")):
        good(hallmark.patch(Model(hallmark, old).path, json={"name": new}, headers={"If-Match": "*"}), 200)
    for old in (name, name + "-2"):
        assert (
            hallmark.get(Model(hallmark, old).path).headers["location"] == Model(hallmark, name + "-3").path
        )
    Model(hallmark, name).make()
    assert hallmark.get(model.path).json["id"] != first
    taken = hallmark.patch(model.path, json={"name": name + "-3"}, headers={"If-Match": "*"})
    refused(taken, 409, "conflict")
    back = Model(hallmark, name + "-3")
    good(hallmark.patch(back.path, json={"name": name + "-2"}, headers={"If-Match": "*"}), 200)
    assert hallmark.get(Model(hallmark, name + "-2").path).json["id"] == first


@pytest.mark.threads
def test_many_who_make_the_same_model_make_one(hallmark, name):
    path = url("projects", "default", "models", name)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: hallmark.put(path, json={"description": "same"}), range(32)))
    assert sorted(answer.status for answer in answers) == [200] * 31 + [201]
    assert len({answer.json["id"] for answer in answers}) == 1


@pytest.mark.threads
def test_of_many_renames_to_one_name_one_wins(hallmark, name):
    models = [Model(hallmark, f"{name}-{i}").make() for i in range(12)]

    def rename(model):
        return hallmark.patch(model.path, json={"name": name}, headers={"If-Match": "*"})

    with ThreadPoolExecutor(12) as pool:
        statuses = sorted(answer.status for answer in pool.map(rename, models))
    assert statuses == [200] + [409] * 11


@pytest.mark.threads
def test_of_many_changes_with_one_etag_one_wins(hallmark, model):
    tag = etag(hallmark.get(model.path))

    def change(i):
        return hallmark.patch(model.path, json={"description": f"{i}"}, headers={"If-Match": tag})

    with ThreadPoolExecutor(16) as pool:
        statuses = sorted(answer.status for answer in pool.map(change, range(16)))
    assert statuses == [200] + [412] * 15


def test_a_model_with_live_versions_is_not_deleted(hallmark, model):
    anything = {"If-Match": "*"}
    model.draft("1.0.0")
    refused(hallmark.delete(model.path, headers=anything), 409)
    good(model.put("1.0.0", "f"), 201)
    good(model.publish("1.0.0"), 200)
    refused(hallmark.delete(model.path, headers=anything), 409)
    good(model.deprecate("1.0.0"), 200)
    refused(hallmark.delete(model.path, headers=anything), 409)
    good(model.yank("1.0.0"), 200)
    refused(hallmark.delete(model.path), 428)
    assert hallmark.delete(model.path, headers=anything).status == 204


def test_a_deleted_model_is_gone_and_its_rows_stay(hallmark, model, name):
    version = model.published("1.0.0")
    good(model.alias("champion", "1.0.0"), 201)
    good(model.yank("1.0.0"), 200)
    tag = etag(hallmark.get(model.path))
    assert hallmark.delete(model.path, headers={"If-Match": tag}).status == 204
    for path in (model.path, f"{model.path}/versions", model.at("1.0.0"), f"{model.path}/aliases/champion"):
        refused(hallmark.get(path), 404)
    refused(hallmark.delete(model.path, headers={"If-Match": "*"}), 404)
    refused(model.create("1.0.1"), 404)
    assert hallmark.sql(f"SELECT state FROM version WHERE id = '{version['id']}'") == [{"state": "yanked"}]
    again = Model(hallmark, name).make()
    assert hallmark.get(again.path).json["id"] != version["model_id"]
    assert again.draft("1.0.0")["ordinal"] == 1


def test_latest_and_time_of_change_follow_publishing(hallmark, model):
    before = hallmark.get(model.path)
    model.published("1.0.0")
    model.published("2.0.0-rc.1")
    after = hallmark.get(model.path)
    assert after.json["latest"] == "1.0.0"
    assert after.json["updated_at"] > before.json["updated_at"]
    assert etag(after) != etag(before)
    good(model.yank("1.0.0"), 200)
    assert hallmark.get(model.path).json["latest"] is None


def test_params_and_tags_are_text_that_comes_back(hallmark, name):
    odd = {'quote"': "back\\slash", "line": "a\nb", "é": "模型 😀", "empty": "", "js": "</script>"}
    model = Model(hallmark, name).make(tags=odd, description="a\tb", card=json.dumps(odd))
    seen = hallmark.get(model.path).json
    assert seen["tags"] == odd
    assert json.loads(seen["card"]) == odd
