"""Lists: every filter and every order, alone and joined, page by page without a gap."""

import itertools
import random
import threading
from urllib.parse import urlencode

import pytest
from support.model import Model, good, pages, refused, url

pytestmark = pytest.mark.usefixtures("errors")

MODELS = 60


@pytest.fixture(scope="module")
def project(hallmark):
    """A project of models that differ in everything a list can ask for."""
    good(hallmark.put(url("projects", "lists"), json={}), 201)
    for i in range(MODELS):
        model = Model(hallmark, f"model {i:02}-{['alpha', 'beta'][i % 2]}.v{i % 5}", "lists")
        tags = {"n": str(i % 4), "task": "embedding"} if i % 3 else {}
        model.make(description=f"Sentence number {i} über {'Katzen' if i % 7 == 0 else 'Hunde'}", tags=tags)
        if i % 4 == 0:
            model.published(
                "1.0.0",
                {"f": b"same"},
                metrics=[
                    {"name": "accuracy", "value": i / 100, "dataset": "val"},
                    {"name": "accuracy", "value": 0.99, "dataset": "val", "slice": "en"},
                ],
            )
        elif i % 4 == 1:
            model.draft("1.0.0", metrics=[{"name": "accuracy", "value": i / 100}])
    return url("projects", "lists", "models")


@pytest.fixture(scope="module")
def versions(hallmark):
    """A model of versions in every state."""
    model = Model(hallmark, "many-versions").make()
    order = list(range(40))
    random.Random(5).shuffle(order)
    for i in order:
        version = f"{i // 10}.{i % 10}.0" + ("-rc.1" if i % 7 == 3 else "")
        metrics = [{"name": "acc", "value": i % 5}, {"name": "acc", "value": i, "dataset": "d", "slice": "s"}]
        body = {
            "description": f"Run {i} {'GOOD' if i % 6 == 0 else ''}",
            "tags": {"even": "yes"} if i % 2 == 0 else {"odd": "yes", "n": str(i)},
            "metrics": metrics if i % 3 else [],
        }
        if i % 5 == 0:
            model.draft(version, **body)
            continue
        model.published(version, {"f": b"same"}, **body)
        if i % 5 == 1:
            good(model.deprecate(version), 200)
        if i % 5 == 2:
            good(model.yank(version), 200)
    return model


def number(model):
    return int(model["name"][6:8])


MODEL_FILTERS = {
    "q=Katzen": lambda i: i % 7 == 0,
    "q=katz": lambda i: i % 7 == 0,
    "q=sentence 17": lambda i: i == 17,
    "q=über": lambda _: True,
    "q=alpha": lambda i: i % 2 == 0,
    "q=v3": lambda i: i % 5 == 3,
    "q=alp & !x' \\ (": lambda _: False,
    "q=nothing": lambda _: False,
    "tag=task": lambda i: i % 3 != 0,
    "tag=n=2": lambda i: i % 3 != 0 and i % 4 == 2,
    "tag=n=": lambda _: False,
    "metric=accuracy>0.3": lambda i: i % 4 == 0,  # a slice of it is
    "metric=accuracy@val[]>0.3": lambda i: i % 4 == 0 and i > 30,
    "metric=accuracy@val[]>=0.32": lambda i: i % 4 == 0 and i >= 32,
    "metric=accuracy@val[]<0.32": lambda i: i % 4 == 0 and i < 32,
    "metric=accuracy@val[]<=0.32": lambda i: i % 4 == 0 and i <= 32,
    "metric=accuracy@val[]=0.32": lambda i: i == 32,
    "metric=accuracy@>0": lambda _: False,  # published versions alone count
    "metric=loss<9e9": lambda _: False,
    "created_after=2000-01-01T00:00:00Z": lambda _: True,
    "created_before=2000-01-01T00:00:00Z": lambda _: False,
    "updated_after=2000-01-01T00:00:00Z": lambda _: True,
    "updated_before=2000-01-01T00:00:00+02:00": lambda _: False,
}
MODEL_SORTS = {"name": "name", "created_at": "created_at", "updated_at": "updated_at"}


def query_of(*filters):
    query = {}
    for one in filters:
        key, _, value = one.partition("=")
        query.setdefault(key, []).append(value)
    return query


@pytest.mark.parametrize("one", MODEL_FILTERS)
def test_a_filter_of_models_finds_what_it_says(hallmark, project, one):
    assert {number(m) for m in pages(hallmark, project, 500, **query_of(one))} == {
        i for i in range(MODELS) if MODEL_FILTERS[one](i)
    }


def test_filters_of_models_join_in_every_order(hallmark, project):
    keys = [key for key in MODEL_FILTERS if any(map(MODEL_FILTERS[key], range(MODELS)))]
    for one, two in itertools.combinations(keys, 2):
        if one.split("=")[0] == two.split("=")[0] and not one.startswith(("tag", "metric")):
            continue  # given once only
        sort = random.Random(one + two).choice(["name", "-created_at", "-updated_at"])
        found = {number(m) for m in pages(hallmark, project, 13, sort=sort, **query_of(one, two))}
        assert found == {i for i in range(MODELS) if MODEL_FILTERS[one](i) and MODEL_FILTERS[two](i)}, (
            one,
            two,
        )


@pytest.mark.parametrize("sort", [s + k for k in MODEL_SORTS for s in ("", "-")])
def test_models_are_paged_in_every_order(hallmark, project, sort):
    whole = pages(hallmark, project, 500, sort=sort)
    assert len(whole) == MODELS
    keys = [model[sort.lstrip("-")] for model in whole]
    assert keys == sorted(keys, reverse=sort.startswith("-"))
    for size in (1, 7, 59, 60):
        assert pages(hallmark, project, size, sort=sort) == whole, size


def test_models_are_sorted_by_name_at_first(hallmark, project):
    assert [number(m) for m in pages(hallmark, project)] == list(range(MODELS))


def test_a_list_shows_no_card_and_no_deleted_model(hallmark, project, name):
    model = Model(hallmark, name, "lists").make(card="# secret card")
    assert "card" not in pages(hallmark, project, q=name)[0]
    good(hallmark.get(model.path), 200)
    hallmark.delete(model.path, headers={"If-Match": "*"})
    assert pages(hallmark, project, q=name) == []


# ---- versions ------------------------------------------------------------------------------


def which(version):
    major, minor = version["version"].split(".")[:2]
    return int(major) * 10 + int(minor)


STATES = {0: "draft", 1: "deprecated", 2: "yanked", 3: "published", 4: "published"}
LISTED = (1, 3, 4)
VERSION_FILTERS = {
    "q=good": lambda i: i % 6 == 0,
    "q=Run 3": lambda i: i == 3 or i >= 30,
    "tag=even": lambda i: i % 2 == 0,
    "tag=odd=yes": lambda i: i % 2 == 1,
    "tag=n=17": lambda i: i == 17,
    "state=draft": lambda i: i % 5 == 0,
    "state=published": lambda i: i % 5 in (3, 4),
    "state=deprecated,yanked": lambda i: i % 5 in (1, 2),
    "metric=acc>2": lambda i: i % 3 != 0 and (i % 5 > 2 or i > 2),
    "metric=acc@>2": lambda i: i % 3 != 0 and i % 5 > 2,
    "metric=acc@d[s]<=10": lambda i: i % 3 != 0 and i <= 10,
    "metric=acc@d=7": lambda i: i == 7,
    "created_after=2000-01-01T00:00:00Z": lambda _: True,
    "created_before=2000-01-01T00:00:00Z": lambda _: False,
    "published_after=2000-01-01T00:00:00Z": lambda i: i % 5 != 0,
    "published_before=2000-01-01T00:00:00Z": lambda _: False,
    "range=^1": lambda i: 10 <= i < 20 and i % 7 != 3 and i % 5 in LISTED,
    "range=>=1.4.0 <3": lambda i: 14 <= i < 30 and i % 7 != 3 and i % 5 in LISTED,
    "range=>=2.4.0-rc.0 <2.7.0": lambda i: 24 <= i < 27 and i % 5 in LISTED,
    "range=*": lambda i: i % 7 != 3 and i % 5 in LISTED,
}
VERSION_SORTS = ["version", "created_at", "published_at", "metric:acc", "metric:acc@d[s]"]


@pytest.mark.parametrize("one", VERSION_FILTERS)
def test_a_filter_of_versions_finds_what_it_says(versions, one):
    assert sorted(map(which, versions.versions(500, **query_of(one)))) == [
        i for i in range(40) if VERSION_FILTERS[one](i)
    ]


def test_filters_of_versions_join_in_every_order(versions):
    keys = [key for key in VERSION_FILTERS if any(map(VERSION_FILTERS[key], range(40)))]
    for one, two in itertools.combinations(keys, 2):
        if one.split("=")[0] == two.split("=")[0] and not one.startswith(("tag", "metric")):
            continue
        sort = random.Random(one + two).choice(["version", "-version", "-created_at"])
        found = versions.versions(9, sort=sort, **query_of(one, two))
        assert sorted(map(which, found)) == [
            i for i in range(40) if VERSION_FILTERS[one](i) and VERSION_FILTERS[two](i)
        ], (one, two)


@pytest.mark.parametrize("sort", [s + k for k in VERSION_SORTS for s in ("", "-")])
@pytest.mark.parametrize("size", [1, 6, 40])
def test_versions_are_paged_in_every_order(versions, sort, size):
    kind, down = sort.lstrip("-"), sort.startswith("-")
    whole = versions.versions(500, sort=sort)
    assert versions.versions(size, sort=sort) == whole
    key = {
        "version": which,
        "created_at": lambda v: v["ordinal"],
        "published_at": lambda v: v["published_at"],
        "metric:acc": lambda v: which(v) % 5,
        "metric:acc@d[s]": which,
    }[kind]
    assert [key(v) for v in whole] == sorted((key(v) for v in whole), reverse=down)
    having = {
        "published_at": lambda i: i % 5 != 0,
        "metric:acc": lambda i: i % 3 != 0,
        "metric:acc@d[s]": lambda i: i % 3 != 0,
    }.get(kind, lambda _: True)
    assert sorted(map(which, whole)) == [i for i in range(40) if having(i)]


def test_the_highest_version_comes_first(versions):
    assert [which(v) for v in versions.versions()] == list(range(39, -1, -1))


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("colour=red", "colour"),
        ("sort=beauty", "sort"),
        ("sort=", "sort"),
        ("metric=acc", "metric"),
        ("metric=acc>x", "metric"),
        ("metric=acc>inf", "metric"),
        ("metric=>1", "metric"),
        ("tag==x", "tag"),
        ("state=lost", "state"),
        ("state=draft,", "state"),
        ("state=draft&state=yanked", "state"),
        ("created_after=yesterday", "created_after"),
        ("range=1.0.0", "range"),
        ("range=1.4", "range"),
        ("page_size=0", "page_size"),
        ("page_token=x", None),
        ("q=", "q"),
    ],
)
def test_a_question_that_makes_no_sense_is_named(versions, query, parameter):
    problem = refused(versions.client.get(f"{versions.path}/versions?{query}"), 400)
    if parameter:
        assert {e.get("parameter") for e in problem["errors"]} == {parameter}


def test_there_are_only_so_many_filters(versions):
    def ask(pairs):
        return versions.client.get(f"{versions.path}/versions?{urlencode(pairs)}")

    tags = [("tag", "even")] * 8
    good(ask(tags), 200)
    refused(ask([*tags, ("tag", "odd")]), 400)
    metrics = [("metric", f"acc{op}{n}") for op in ("<", "<=", "=", ">=", ">") for n in range(4)]
    for count in range(1, len(metrics) + 1):
        answer = ask([("sort", "metric:acc"), ("page_size", "1"), *metrics[:count]])
        assert answer.status == (200 if count <= 8 else 400), count
    token = ask([("sort", "metric:acc"), ("page_size", "1"), *metrics[-4:]]).json["next_page_token"]
    assert (
        ask([("sort", "metric:acc"), ("page_size", "1"), ("page_token", token), *metrics[-4:]]).status == 200
    )


def test_a_page_token_belongs_to_its_list(hallmark, versions, project):
    page = hallmark.get(f"{versions.path}/versions?page_size=3&sort=version").json
    token = urlencode({"page_token": page["next_page_token"]})
    good(hallmark.get(f"{versions.path}/versions?page_size=5&sort=version&{token}"), 200)
    for other in (
        f"{versions.path}/versions?sort=-version&{token}",
        f"{versions.path}/versions?sort=version&state=draft&{token}",
        f"{project}?{token}",
    ):
        refused(hallmark.get(other), 400, "bad-page-token")


@pytest.mark.threads
def test_pages_miss_nothing_while_versions_are_made(hallmark, name):
    model = Model(hallmark, name).make()
    before = {model.draft(f"0.{n}.0")["version"] for n in range(60)}
    stop = threading.Event()

    def write():
        for n in itertools.count(1):
            if stop.is_set():
                return
            good(model.create(f"1.{n}.0"), 201)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for sort in ("version", "-version", "created_at", "-created_at"):
            seen = [v["version"] for v in first_pages(model, sort)]
            assert len(seen) == len(set(seen))
            assert before <= set(seen)
    finally:
        stop.set()
        writer.join()


def first_pages(model, sort):
    """At most the first 40 pages: the writer may outrun the reader."""
    items, path, query = [], f"{model.path}/versions", {"page_size": 7, "sort": sort}
    for _ in range(40):
        page = good(model.client.get(f"{path}?{urlencode(query)}"), 200).json
        items += page["items"]
        query["page_token"] = page["next_page_token"]
        if not page["next_page_token"]:
            break
    return items


def found_by(hallmark, comparison):
    path = url("projects", "default", "models")
    return [model["name"] for model in pages(hallmark, path, 50, metric=comparison)]


def test_a_model_is_found_by_what_its_metric_becomes(hallmark, name):
    """The span of a metric over a model grows with values that come later, down as well as up."""
    model = Model(hallmark, name).make()
    metric = f"x-{name}"
    model.published("1.0.0", {"f": b"same"}, metrics=[{"name": metric, "value": 1, "step": 1}])
    assert found_by(hallmark, f"{metric}>5") == found_by(hallmark, f"{metric}<0") == []
    assert found_by(hallmark, f"{metric}=1") == [name]
    for step, value in ((2, 7.5), (3, -3e-300)):
        point = {"name": metric, "value": value, "step": step}
        good(model.post("1.0.0", "metrics", json={"metrics": [point]}), 201)
        for comparison in (f">={value!r}", f"<={value!r}", f"={value!r}"):
            assert found_by(hallmark, metric + comparison) == [name], comparison
    assert found_by(hallmark, f"{metric}>5") == []  # it was, and is no more


def test_a_draft_does_not_make_its_model_found(hallmark, name):
    model = Model(hallmark, name).make()
    metric = f"x-{name}"
    model.draft("1.0.0", metrics=[{"name": metric, "value": 9}])
    assert found_by(hallmark, f"{metric}>5") == []
    model.published(
        "1.1.0", {"f": b"same"}, metrics=[{"name": metric, "value": 8, "dataset": "d", "slice": "s"}]
    )
    assert found_by(hallmark, f"{metric}>5") == found_by(hallmark, f"{metric}@d[s]>5") == [name]
    assert found_by(hallmark, f"{metric}>8.5") == found_by(hallmark, f"{metric}@[]>5") == []
