"""Aliases: names that move from version to version, with their history."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.model import good, pages, refused

pytestmark = pytest.mark.usefixtures("errors")

ANYTHING = {"If-Match": "*"}


def test_an_alias_is_made_moved_and_removed(hallmark, model):
    for version in ("1.0.0", "2.0.0"):
        model.published(version)
    path = f"{model.path}/aliases/champion"
    made = good(model.alias("champion", "^1"), 201)
    assert made.headers["location"] == path
    alias = made.json
    assert (alias["alias"], alias["version"], alias["ordinal"], alias["state"]) == (
        "champion",
        "1.0.0",
        1,
        "published",
    )
    assert hallmark.get(path).json == alias
    refused(model.alias("champion", "2.0.0"), 428)
    refused(model.alias("champion", "2.0.0", If_Match='"9"'), 412)
    refused(model.alias("champion", "2.0.0", If_None_Match="*"), 412)
    moved = good(model.alias("champion", "2.0.0", If_Match=made.headers["etag"]), 200)
    assert moved.json["version"] == "2.0.0"
    assert good(model.alias("champion", "latest"), 200).headers["etag"] == moved.headers["etag"]
    assert model.get("@champion").json["version"] == "2.0.0"
    refused(hallmark.delete(path), 428)
    refused(hallmark.delete(path, headers={"If-Match": made.headers["etag"]}), 412)
    assert hallmark.delete(path, headers={"If-Match": moved.headers["etag"]}).status == 204
    for answer in (hallmark.get(path), model.get("@champion"), hallmark.delete(path, headers=ANYTHING)):
        refused(answer, 404)
    again = good(model.alias("champion", "1.0.0"), 201)
    assert again.headers["etag"] not in (made.headers["etag"], moved.headers["etag"])
    history = pages(hallmark, f"{path}/history", 2)
    assert [(move["from"], move["to"]) for move in history] == [
        (None, "1.0.0"),
        ("2.0.0", None),
        ("1.0.0", "2.0.0"),
        (None, "1.0.0"),
    ]
    assert {move["moved_by"] for move in history} == {alias["moved_by"]}


@pytest.mark.parametrize(
    "bad", ["latest", "newest", "v7", "1.0.0", "v1.0.0", "a%20b", "%C3%A9", "x" * 129, "a@b"]
)
def test_names_that_no_alias_has(model, bad):
    model.published("1.0.0")
    refused(model.alias(bad, "1.0.0"), 400)


@pytest.mark.parametrize("fine", ["champion", "v7-candidate", "1.0", "_x", "-", "Prod.eu_1", "x" * 128])
def test_names_that_an_alias_may_have(model, fine):
    model.published("1.0.0")
    good(model.alias(fine, "1.0.0"), 201)
    assert model.get("@" + fine).json["version"] == "1.0.0"


def test_an_alias_is_never_on_a_draft_nor_on_what_is_yanked(model):
    model.draft("1.0.0")
    refused(model.alias("a", "1.0.0"), 409)
    good(model.put("1.0.0", "f"), 201)
    good(model.publish("1.0.0"), 200)
    good(model.deprecate("1.0.0"), 200)
    good(model.alias("a", "1.0.0"), 201)
    good(model.yank("1.0.0"), 200)
    problem = refused(model.alias("b", "1.0.0"), 409)
    assert "draft" not in problem["detail"]
    refused(model.alias("b", "9.9.9"), 404)
    refused(model.alias("b", "1.0"), 400)


def test_an_alias_to_yanked_says_so_and_can_be_moved(hallmark, model):
    model.published("1.0.0")
    model.published("2.0.0")
    good(model.alias("champion", "2.0.0"), 201)
    good(model.yank("2.0.0", "leaks"), 200)
    refused(model.get("@champion"), 410, "gone")
    assert hallmark.get(f"{model.path}/aliases/champion").json["state"] == "yanked"
    good(model.alias("champion", "^1", **ANYTHING), 200)
    assert model.get("@champion").json["version"] == "1.0.0"


def test_aliases_are_listed_by_name(hallmark, model):
    model.published("1.0.0")
    names = sorted(f"{letter}{n}" for letter in "Bab_" for n in range(3))
    for name in names:
        good(model.alias(name, "1.0.0"), 201)
    for size in (1, 5, 12, 50):
        assert [alias["alias"] for alias in pages(hallmark, f"{model.path}/aliases", size)] == names
    refused(hallmark.get(f"{model.path}x/aliases"), 404)


@pytest.mark.threads
def test_many_movers_leave_one_chain(hallmark, model):
    for n in range(1, 9):
        model.published(f"{n}.0.0")
    good(model.alias("champion", "1.0.0"), 201)

    def move(n):
        return [model.alias("champion", f"{(n + k) % 8 + 1}.0.0", If_Match="*").status for k in range(6)]

    with ThreadPoolExecutor(8) as pool:
        assert {status for statuses in pool.map(move, range(8)) for status in statuses} == {200}
    history = pages(hallmark, f"{model.path}/aliases/champion/history", 7)[::-1]
    assert all(one["to"] == two["from"] for one, two in zip(history, history[1:], strict=False))
    assert all(one["from"] != one["to"] for one in history)
    assert model.get("@champion").json["version"] == history[-1]["to"]
    assert [e["kind"] for e in model.events()].count("alias.moved") == len(history) - 1


@pytest.mark.threads
def test_of_many_movers_with_one_etag_one_wins(model):
    for n in range(1, 9):
        model.published(f"{n}.0.0")
    tag = good(model.alias("champion", "8.0.0"), 201).headers["etag"]
    with ThreadPoolExecutor(7) as pool:
        statuses = sorted(
            pool.map(lambda n: model.alias("champion", f"{n}.0.0", If_Match=tag).status, range(1, 8))
        )
    assert statuses == [200] + [412] * 6
