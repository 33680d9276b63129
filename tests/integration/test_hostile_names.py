"""Numbers 21 to 26 of the hostile inputs: names in paths, of models, of files, of versions. What may
stand there comes back byte for byte, what may not never reaches the disk."""

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
    make_published,
    make_version,
    model_path,
    segment,
    version_path,
)
from support.wire import Wire

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
def test_n22_a_model_s_name_comes_back_as_it_was(victim, odd):
    model = odd + uuid.uuid4().hex[:12]
    made = make_model(victim, model)
    assert made.json["name"] == model
    assert made.headers["Location"] == model_path(model)
    assert victim.get(model_path(model)).json["name"] == model
    assert model in [
        item["name"] for item in victim.get(f"{BASE}/default/models?page_size=500").json["items"]
    ]
    put = victim.post(f"{model_path(model)}/versions", json={"version": "1.0.0"})
    assert put.headers["Location"] == version_path(model)
    assert victim.get(put.headers["Location"]).json["model"] == model


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
def test_n22_a_model_may_not_be_called(victim, bad):
    answer = victim.put(model_path(bad), json={})
    assert answer.status == 400, answer
    is_problem(answer, 400, "invalid-request")
    assert victim.get(model_path(bad)).status in (400, 404)


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
def test_n21_bytes_that_no_name_has(victim, raw, place):
    path = place.replace("@", raw)
    for answer in (victim.get(path), victim.put(path, body=b"x")):
        assert answer.status in (400, 404, 405), answer
        is_problem(answer, answer.status)


@pytest.mark.parametrize(
    "target",
    [
        "/a%00b",
        "/%2e%2e%2fetc",
        "/%252e%252e%252fetc",
        "/../../etc/passwd",
        "/x/%5c..%5c",
        "/a\\b",
        "/x//y",
        "/%",
        "/%zz",
        "/%c0%af",
        "/%ff",
        "/./x",
        "*",
        "http://elsewhere/health",
        "health",
    ],
)
def test_n21_targets_that_others_read_differently(victim, target):
    twice = target.startswith("/%25")  # decoded once it is a name like others, which is not there
    with Wire(victim) as wire:
        wire.send(wire.head("GET", target, "Connection: close"))
        is_problem(wire.answer(), 404 if twice else 400, "not-found" if twice else "invalid-request")


@pytest.mark.parametrize("size", [256, 1000, 10_000])
def test_n22_very_long_names(victim, name, size):
    for path in (
        model_path("x" * size),
        f"{BASE}/{'x' * size}",
        version_path(name, "1.0.0-" + "x" * size),
        artifact_path(name, "d/" + "x" * (size + 1024)),
        f"{model_path(name)}/aliases/{'x' * size}",
    ):
        answer = victim.put(path, json={})
        assert answer.status in (400, 404, 405, 414), answer
        is_problem(answer, answer.status)
    found = victim.get(f"{BASE}/default/models?q={'x' * size}")
    assert found.status in (200, 400, 414), found
    is_problem(victim.get(f"{BASE}/default/models?{'x' * size}=1"), 400, "invalid-request")


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
def test_n24_a_path_comes_back_as_it_was(victim, name, path):
    make_draft(victim, name)
    made = make_artifact(victim, name, path, path.encode())
    assert made.json["path"] == path
    assert made.headers["Location"] == artifact_path(name, path)
    assert victim.get(artifact_path(name, path)).body == path.encode()
    assert [item["path"] for item in victim.get(f"{version_path(name)}/artifacts").json["items"]] == [path]
    signed = victim.get(f"{version_path(name)}/signatures/{quote(path)}.minisig")
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
        "C:\\a",
        "\\\\host\\share",
    ],
)
@pytest.mark.parametrize("encode", [quote, segment])
def test_n24_a_path_may_not_be(victim, name, path, encode):
    make_draft(victim, name)
    before = sorted(os.listdir(victim.folder))
    answer = victim.put(f"{version_path(name)}/artifacts/{encode(path)}", body=b"x")
    assert answer.status in (400, 404), answer
    assert victim.get(f"{version_path(name)}/artifacts").json["items"] == []
    assert sorted(os.listdir(victim.folder)) == before


def test_n24_no_path_is_the_folder_of_another(victim, name):
    make_draft(victim, name)
    make_artifact(victim, name, "a/b", b"x")
    for path in ("a", "a/b/c"):
        is_problem(victim.put(artifact_path(name, path), body=b"y"), 409, "conflict")
    make_artifact(victim, name, "a/bc", b"y")
    make_artifact(victim, name, "a.b", b"y")


def test_n23_twins_that_look_alike(victim, name):
    """Upper and lower case are two names; two spellings of one letter are one, and the other is refused."""
    make_model(victim, name + "k")
    make_model(victim, name + "K")
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    make_model(victim, name + composed)
    is_problem(victim.put(model_path(name + decomposed), json={}), 400, "invalid-request")


def test_n22_n23_names_that_look_alike_are_others(victim, name):
    """A Cyrillic a is not a Latin one, and case counts: in models, files, aliases, tags, prereleases."""
    for model in (f"{name}-paypal", f"{name}-p\u0430ypal", f"{name}-PAYPAL"):
        make_model(victim, model, description=model)
    assert victim.get(model_path(f"{name}-p\u0430ypal")).json["description"] == f"{name}-p\u0430ypal"
    make_published(victim, name)
    make_version(victim, name, "2.0.0-RC")
    make_version(victim, name, "2.0.0-rc", tags={"A": "1", "a": "2"})
    assert victim.get(version_path(name, "2.0.0-rc")).json["tags"] == {"A": "1", "a": "2"}
    for path in ("a.bin", "A.bin", "\u0430.bin", "\u00e9.bin"):
        make_artifact(victim, name, path, path.encode(), "2.0.0-rc")
    assert victim.get(artifact_path(name, "A.bin", "2.0.0-rc")).body == b"A.bin"
    is_problem(victim.put(artifact_path(name, "e\u0301.bin", "2.0.0-rc"), body=b"x"), 400)
    for alias in ("Best", "best"):
        made = victim.put(f"{model_path(name)}/aliases/{alias}", json={"version": "1.0.0"})
        assert made.status == 201, made
    alike = f"{model_path(name)}/aliases/" + segment("b\u0435st")
    is_problem(victim.put(alike, json={"version": "1.0.0"}), 400)


@pytest.mark.parametrize("project", ["A", "-a", "a_b", "a.b", "é", "a b", "x" * 64, "*"])
def test_n22_a_project_may_not_be_called(victim, project):
    is_problem(victim.put(f"{BASE}/{segment(project)}", json={}), 400, "invalid-request")


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
def test_n26_what_names_no_version(victim, name, version):
    make_draft(victim, name)
    answer = victim.get(version_path(name, version))
    assert answer.status in (400, 404), answer
    is_problem(answer, answer.status)


@pytest.mark.parametrize(
    "version",
    ["1.2", "01.2.3", "1.2.3-", "1.2.3-01", "1.0.0-" + "a" * 10_000, "1.0.0+" + "b" * 10_000, "1.0.0-\u0661"],
    ids=lambda version: ascii(version)[:12],
)
def test_n26_what_is_no_semantic_version_is_not_made(victim, name, version):
    make_model(victim, name)
    answer = victim.post(f"{model_path(name)}/versions", json={"version": version})
    is_problem(answer, 400, "invalid-request", pointer="/version")
    assert victim.get(f"{model_path(name)}/versions").json["items"] == []


def test_n26_numbers_past_every_machine_s(victim, name):
    """2^64 and 80 digits are numbers like others, in order of size."""
    make_model(victim, name)
    rising = ["9.0.0", "18446744073709551615.0.0", "18446744073709551616.0.0", "9" * 80 + ".0.0"]
    for version in reversed(rising):
        make_version(victim, name, version)
    listed = victim.get(f"{model_path(name)}/versions").json["items"]
    assert [item["version"] for item in listed] == rising[::-1]


def test_n26_build_metadata_makes_no_difference(victim, name):
    make_draft(victim, name, "1.0.0+a")
    for other in ("1.0.0", "1.0.0+a", "1.0.0+b"):
        answer = victim.post(f"{model_path(name)}/versions", json={"version": other})
        is_problem(answer, 409, "conflict")


def test_n26_ranges_that_nothing_fits(victim, name):
    make_published(victim, name)
    for range_ in (">1 <1", ">1.0.0 <1.0.0", ">=2.0.0 <1.0.0"):
        is_problem(victim.get(version_path(name, range_)), 404, "not-found")
    for range_ in (" || ".join(["^1"] * 1000), ">=1.0.0 " * 1000, "^" * 1000, "1.x" * 1000):
        is_problem(victim.get(version_path(name, range_)), 400, "invalid-request")


# ---- names in headers ---------------------------------------------------------------------


def test_n25_file_names_do_not_reach_the_headers_raw(victim, name):
    make_draft(victim, name)
    path = "x/a\"; filename=evil.exe ü'.bin"
    make_artifact(victim, name, path, b"x")
    answer = victim.get(artifact_path(name, path))
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename*=UTF-8''a%22%3B%20filename%3Devil.exe%20%C3%BC%27.bin"
    )


@pytest.mark.parametrize("path", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b"])
def test_n25_what_would_end_a_header_is_no_name(victim, name, path):
    make_draft(victim, name)
    answer = victim.put(f"{version_path(name)}/artifacts/{segment(path)}", body=b"x")
    is_problem(answer, 400, "invalid-request")
    assert "X-Evil" not in answer.headers
