"""Names in paths: what may stand there comes back byte for byte, what may not never reaches the disk."""

import os
import unicodedata
import uuid
from urllib.parse import quote

import pytest
from support.registry import (
    BASE,
    artifact_path,
    is_problem,
    make_artifact,
    make_draft,
    make_model,
    model_path,
    segment,
    version_path,
)

GOOD = [
    "x",
    "-x",
    "con",
    "...",
    "a b",
    "ß",
    "日本語",
    "🙂",
    "ﬁ",
    "a+b",
    "a%b",
    "a%2Fb",
    "<img onerror=alert(1)>",
    "a'b\"c",
    "a;b",
    "{{7*7}}",
    "$(id)",
    "`id`",
    "a&b=c",
    "?#[]",
    "Ａ",
    "x" * 240,
    "é" * 120,
    "=1+1",
    "null",
    "Robert'); DROP TABLE model;--",
]


@pytest.mark.parametrize("odd", GOOD, ids=lambda odd: ascii(odd)[:30])
def test_a_model_s_name_comes_back_as_it_was(service, odd):
    model = odd + uuid.uuid4().hex[:12]
    made = make_model(service, model)
    assert made.json["name"] == model
    assert made.headers["Location"] == model_path(model)
    assert service.get(model_path(model)).json["name"] == model
    assert model in [
        item["name"] for item in service.get(f"{BASE}/default/models?page_size=500").json["items"]
    ]
    put = service.post(f"{model_path(model)}/versions", json={"version": "1.0.0"})
    assert put.headers["Location"] == version_path(model)
    assert service.get(put.headers["Location"]).json["model"] == model


@pytest.mark.parametrize(
    "bad",
    [
        "a/b",
        "a\\b",
        "ab:c",
        "a@b",
        " a",
        "a ",
        "a\nb",
        "a\tb",
        "a\x7fb",
        "a\x85b",
        "a\u202eb",
        "a\u2066b",
        "a\u200fb",
        "e\u0301",
        "\u1112\u1161\u11ab",
        "\u212b",
        "x" * 256,
        "é" * 128,
        "a\u2028b",
    ],
    ids=lambda bad: ascii(bad)[:20],
)
def test_a_model_may_not_be_called(service, bad):
    answer = service.put(model_path(bad), json={})
    assert answer.status == 400, answer
    is_problem(answer, 400, "invalid-request")
    assert service.get(model_path(bad)).status in (400, 404)


@pytest.mark.parametrize(
    "raw",
    [
        "%00",
        "a%00b",
        "%2F",
        "a%2fb",
        "%5c",
        "a%5Cb",
        "..",
        ".",
        "%2e%2e",
        "%2E",
        ".%2e",
        "%ff",
        "%c0%80",
        "%c0%ae%c0%ae",
        "%ed%a0%80",
        "%f4%90%80%80",
        "%e2%82",
        "%",
        "%4",
        "%zz",
        "%u0041",
        "",
        "a%20/%2e%2e/b",
    ],
)
@pytest.mark.parametrize(
    "place",
    [
        "/api/v1/projects/default/models/@",
        "/api/v1/projects/@/models/m",
        "/api/v1/projects/default/models/m/versions/@",
        "/api/v1/projects/default/models/m/versions/1.0.0/artifacts/a/@",
    ],
)
def test_bytes_that_no_name_has(service, raw, place):
    path = place.replace("@", raw)
    for answer in (service.get(path), service.put(path, body=b"x")):
        assert answer.status in (400, 404, 405), answer
        is_problem(answer, answer.status)


@pytest.mark.parametrize("size", [256, 1000, 10_000])
def test_very_long_names(service, name, size):
    for path in (
        model_path("x" * size),
        f"{BASE}/{'x' * size}",
        version_path(name, "1.0.0-" + "x" * size),
        artifact_path(name, "d/" + "x" * (size + 1024)),
        f"{model_path(name)}/aliases/{'x' * size}",
    ):
        answer = service.put(path, json={})
        assert answer.status in (400, 404, 405, 414), answer
        is_problem(answer, answer.status)
    found = service.get(f"{BASE}/default/models?q={'x' * size}")
    assert found.status in (200, 400, 414), found
    is_problem(service.get(f"{BASE}/default/models?{'x' * size}=1"), 400, "invalid-request")


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b/c",
        "..a/b..",
        "a/.b",
        "CON/nul.txt",
        "ü/日本.bin",
        "a b/c d",
        "a%2Fb",
        "-rf/--",
        "a/🙂",
        "ab:c",
        "x" * 255,
        "/".join(["d" * 100] * 10),
        "a\"b'c;d",
        "<svg>.html",
    ],
)
def test_a_path_comes_back_as_it_was(service, name, path):
    make_draft(service, name)
    made = make_artifact(service, name, path, path.encode())
    assert made.json["path"] == path
    assert made.headers["Location"] == artifact_path(name, path)
    assert service.get(artifact_path(name, path)).body == path.encode()
    assert [item["path"] for item in service.get(f"{version_path(name)}/artifacts").json["items"]] == [path]
    signed = service.get(f"{version_path(name)}/signatures/{quote(path)}.minisig")
    assert signed.status == 200
    assert path in signed.text


@pytest.mark.parametrize(
    "path",
    [
        "../a",
        "a/../b",
        "./a",
        "a/.",
        "a//b",
        "a/",
        "/etc/passwd",
        "a\\b",
        "..\\..\\a",
        "a\nb",
        "e\u0301",
        "x" * 1025,
        "a\u202eb",
    ],
)
@pytest.mark.parametrize("encode", [quote, segment])
def test_a_path_may_not_be(service, name, path, encode):
    make_draft(service, name)
    before = sorted(os.listdir(service.folder))
    answer = service.put(f"{version_path(name)}/artifacts/{encode(path)}", body=b"x")
    assert answer.status in (400, 404), answer
    assert service.get(f"{version_path(name)}/artifacts").json["items"] == []
    assert sorted(os.listdir(service.folder)) == before


def test_no_path_is_the_folder_of_another(service, name):
    make_draft(service, name)
    make_artifact(service, name, "a/b", b"x")
    for path in ("a", "a/b/c"):
        is_problem(service.put(artifact_path(name, path), body=b"y"), 409, "conflict")
    make_artifact(service, name, "a/bc", b"y")
    make_artifact(service, name, "a.b", b"y")


def test_twins_that_look_alike(service, name):
    """Upper and lower case are two names; two spellings of one letter are one, and the other is refused."""
    make_model(service, name + "k")
    make_model(service, name + "K")
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    make_model(service, name + composed)
    is_problem(service.put(model_path(name + decomposed), json={}), 400, "invalid-request")


@pytest.mark.parametrize("project", ["A", "-a", "a_b", "a.b", "é", "a b", "x" * 64, "*"])
def test_a_project_may_not_be_called(service, project):
    is_problem(service.put(f"{BASE}/{segment(project)}", json={}), 400, "invalid-request")


@pytest.mark.parametrize(
    "version",
    [
        "1.2",
        "01.2.3",
        "1.2.3-",
        "1.2.3-01",
        "1.2.3+",
        "a",
        "1.2.3.4",
        "||",
        "1.0.0 || 2",
        "^",
        ">=",
        "@",
        "v",
        "v0",
        "-1",
        "1.0.0-" + "a" * 250,
        "^1||" * 1000,
        ">=1.0.0 <1.0.0-a b",
    ],
)
def test_what_names_no_version(service, name, version):
    make_draft(service, name)
    answer = service.get(version_path(name, version))
    assert answer.status in (400, 404), answer
    is_problem(answer, answer.status)
