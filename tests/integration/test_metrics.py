"""Metrics: points of series, their current values, over time and over versions."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.model import good, pages, refused

pytestmark = pytest.mark.usefixtures("errors")


def add(model, ref, *points):
    return model.post(ref, "metrics", json={"metrics": list(points)})


def current(model, ref="1.0.0"):
    return {
        (m["name"], m.get("dataset"), m.get("slice")): m["value"]
        for m in good(model.get(ref, "metrics"), 200).json["items"]
    }


def points(model, ref="1.0.0", page_size=None, **query):
    return pages(model.client, model.at(ref, "metrics"), page_size, view="points", **query)


def test_a_point_comes_back_with_its_author(model):
    point = {
        "name": "accuracy",
        "value": 0.92,
        "dataset": "val",
        "step": 3,
        "slice": "en",
        "at": "2026-01-13T22:03:16Z",
    }
    model.draft("1.0.0", metrics=[point])
    (seen,) = points(model)
    assert seen["at"].startswith("2026-01-13T22:03:16")
    assert {k: seen[k] for k in point if k != "at"} == {k: v for k, v in point.items() if k != "at"}
    assert seen["created_by"] == model.get("1.0.0").json["created_by"]
    assert b'"value":0.92,' in model.get("1.0.0", "metrics").body


@pytest.mark.parametrize(
    "value",
    [0, -0.0, 1e-320, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1 / 3, 2**53 + 1, -1e22, 123456789.125],
)
def test_a_number_comes_back_as_it_went(model, value):
    model.draft("1.0.0", metrics=[{"name": "n", "value": value}])
    seen = current(model)[("n", None, None)]
    assert seen == float(value)


@pytest.mark.parametrize(
    "point",
    [
        {"name": "x"},
        {"value": 1},
        {"name": "", "value": 1},
        {"name": "a,b", "value": 1},
        {"name": "a>b", "value": 1},
        {"name": "x", "value": "1"},
        {"name": "x", "value": None},
        {"name": "x", "value": 1, "step": 1.5},
        {"name": "x", "value": 1, "at": "yesterday"},
        {"name": "x", "value": 1, "at": "2026-02-30T00:00:00Z"},
        {"name": "x", "value": 1, "unit": "%"},
    ],
)
def test_what_is_no_point_is_refused_whole(model, point):
    model.draft("1.0.0")
    problem = refused(add(model, "1.0.0", {"name": "good", "value": 1}, point), 400)
    assert problem["errors"][0]["pointer"].startswith("/metrics/1")
    assert points(model) == []
    refused(add(model, "1.0.0"), 400)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_only_finite_numbers_are_measured(model, number):
    model.draft("1.0.0")
    body = b'{"metrics":[{"name":"x","value":%s}]}' % number
    answer = model.client.post(
        model.at("1.0.0", "metrics"), body=body, headers={"Content-Type": "application/json"}
    )
    refused(answer, 400)


def test_current_is_the_highest_step_then_time_then_arrival(model):
    model.draft("1.0.0")
    wanted = None
    for point, now in [
        ({"value": 1.0}, 1.0),
        ({"value": 2.0, "at": "2020-01-01T00:00:00Z"}, 1.0),  # older
        ({"value": 3.0, "at": "2099-01-01T00:00:00Z"}, 3.0),
        ({"value": 4.0, "step": 0, "at": "2020-01-01T00:00:00Z"}, 4.0),  # any step beats none
        ({"value": 5.0, "at": "2100-01-01T00:00:00Z"}, 4.0),
        ({"value": 6.0, "step": -7}, 4.0),
        ({"value": 7.0, "step": 10}, 7.0),
        ({"value": 8.0, "step": 9, "at": "2100-01-01T00:00:00Z"}, 7.0),
        ({"value": 9.0, "step": 10, "at": "2020-01-01T00:00:00Z"}, 7.0),
        ({"value": 10.0, "step": 10, "at": "2100-01-01T00:00:00Z"}, 10.0),
        ({"value": 11.0, "step": 10, "at": "2100-01-01T00:00:00Z"}, 11.0),  # the last to arrive
    ]:
        good(add(model, "1.0.0", {"name": "m", **point}), 201)
        wanted = now
        assert current(model)[("m", None, None)] == wanted, point
    assert len(points(model)) == 11


def test_order_within_one_body_does_not_matter(model):
    model.draft("1.0.0")
    steps = list(range(50))
    random.Random(1).shuffle(steps)
    good(add(model, "1.0.0", *[{"name": "loss", "value": 1 / (s + 1), "step": s} for s in steps]), 201)
    assert current(model)[("loss", None, None)] == 1 / 50


def test_series_are_told_apart_by_dataset_and_slice(model):
    model.draft("1.0.0")
    series = [
        ("acc", None, None),
        ("acc", "val", None),
        ("acc", None, "en"),
        ("acc", "val", "en"),
        ("acc2", "val", "en"),
    ]
    for i, (name, dataset, cut) in enumerate(series):
        point = {"name": name, "value": i}
        point.update({k: v for k, v in (("dataset", dataset), ("slice", cut)) if v})
        good(add(model, "1.0.0", point), 201)
    assert current(model) == {key: float(i) for i, key in enumerate(series)}


@pytest.mark.threads
def test_many_writers_leave_the_highest_step(model):
    model.draft("1.0.0")

    def report(i):
        return [
            add(model, "1.0.0", {"name": "m", "value": float(s), "step": s}).status for s in range(i, 80, 8)
        ]

    with ThreadPoolExecutor(8) as pool:
        assert {s for statuses in pool.map(report, range(8)) for s in statuses} == {201}
    assert current(model)[("m", None, None)] == 79.0
    assert len(points(model, page_size=7)) == 80


def test_points_may_be_added_after_publishing(model):
    model.published("1.0.0")
    before = model.get("1.0.0", "attestation").body
    good(add(model, "1.0.0", {"name": "online", "value": 0.5}), 201)
    good(model.deprecate("1.0.0"), 200)
    good(add(model, "1.0.0", {"name": "online", "value": 0.4}), 201)
    assert current(model)[("online", None, None)] == 0.4
    assert model.get("1.0.0", "attestation").body == before
    good(model.yank("1.0.0"), 200)
    refused(add(model, "1.0.0", {"name": "online", "value": 0.3}), 409)
    assert good(model.get("1.0.0", "metrics"), 200).json["items"][0]["value"] == 0.4


def test_points_are_paged_by_name_and_arrival(model):
    model.draft("1.0.0")
    for chunk in range(3):
        good(add(model, "1.0.0", *[{"name": f"m{i % 3}", "value": chunk * 10 + i} for i in range(10)]), 201)
    everything = points(model)
    assert [p["name"] for p in everything] == sorted(p["name"] for p in everything)
    assert len(everything) == 30
    for size in (1, 7, 10, 30):
        assert points(model, page_size=size) == everything
    assert points(model, names="m1,m2", page_size=4) == [p for p in everything if p["name"] != "m0"]
    assert points(model, names="nothing") == []


def test_a_series_over_versions(hallmark, model):
    for n in range(1, 8):
        model.draft(
            f"{n}.0.0",
            metrics=[
                {"name": "accuracy", "value": n / 10, "dataset": "val"},
                {"name": "accuracy", "value": n / 20, "dataset": "test"},
                *([{"name": "loss", "value": 1 / n}] if n % 2 else []),
            ],
        )
    model.draft("8.0.0")
    hallmark.delete(model.at("3.0.0"), headers={"If-Match": "*"})
    path = f"{model.path}/metrics"
    series = pages(hallmark, path, names="accuracy")
    assert [(v["ordinal"], v["version"]) for v in series] == [(n, f"{n}.0.0") for n in (1, 2, 4, 5, 6, 7)]
    assert [{m["dataset"]: m["value"] for m in v["metrics"]} for v in series] == [
        {"val": n / 10, "test": n / 20} for n in (1, 2, 4, 5, 6, 7)
    ]
    for size in (1, 2, 3, 6):
        assert pages(hallmark, path, size, names="accuracy") == series
    assert [v["ordinal"] for v in pages(hallmark, path, names="loss")] == [1, 5, 7]
    assert [len(v["metrics"]) for v in pages(hallmark, path)] == [3, 2, 2, 3, 2, 3]
    assert pages(hallmark, path, names="other") == []


def test_compare_lays_versions_side_by_side(hallmark, model):
    model.published(
        "1.0.0",
        {"same": b"s", "changed": b"1", "old": b"o"},
        params={"lr": 0.1, "n": 1},
        metrics=[{"name": "acc", "value": 0.5, "dataset": "val"}],
    )
    model.published(
        "2.0.0",
        {"same": b"s", "changed": b"2", "new": b"n"},
        params={"lr": 0.1, "n": 2, "x": None},
        metrics=[{"name": "acc", "value": 0.75, "dataset": "val"}, {"name": "acc", "value": 1}],
    )
    seen = good(hallmark.get(f"{model.path}/compare?versions=1.0.0,%5E2"), 200).json
    assert [v["version"] for v in seen["versions"]] == ["1.0.0", "2.0.0"]
    params = {row["name"]: (row["values"], row["differs"]) for row in seen["params"]}
    assert params["lr"] == ([0.1, 0.1], False)
    assert params["n"] == ([1, 2], True)
    assert params["x"][1] is True
    metrics = {(row["name"], row.get("dataset", "")): row["values"] for row in seen["metrics"]}
    assert metrics == {("acc", "val"): [0.5, 0.75], ("acc", ""): [None, 1.0]}
    files = {row["name"]: row["differs"] for row in seen["files"]}
    assert files == {"same": False, "changed": True, "old": True, "new": True}
    refused(hallmark.get(f"{model.path}/compare"), 400)
    refused(hallmark.get(f"{model.path}/compare?versions="), 400)
    refused(hallmark.get(f"{model.path}/compare?versions=1.0.0,9.9.9"), 404)
    many = ",".join(f"{n}.0.0" for n in range(21))
    refused(hallmark.get(f"{model.path}/compare?versions={many}"), 400)
