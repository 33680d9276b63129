"""Numbers 27 to 35 of the hostile inputs: what stands in bodies and in queries."""

import gzip
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.model import Model, good, refused
from support.paths import SLOWNESS
from support.registry import (
    BASE,
    artifact_path,
    is_problem,
    make_artifact,
    make_draft,
    make_model,
    make_project,
    make_published,
    make_version,
    model_path,
    segment,
    version_path,
)
from support.wire import Wire

JSON = {"Content-Type": "application/json"}
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"
FORMULA = '=HYPERLINK("http://elsewhere";1)'


# ---- JSON ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a":1',
        b"{}x",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b'{"description":"\xff"}',
        b'{"description":"\xed\xa0\x80"}',
        b'{"description":"\\ud800"}',
        b'{"description":"\\u0000"}',
        b'{"description":"a","description":"b"}',
        b'{"tags":' * 50 + b"{}" + b"}" * 50,
        b"[" * 1_000_000,
        b'{"description":NaN}',
        b'{"description":1e999}',
        b'{"description":123456789012345678901234567890}',
        b"'",
        b"null",
        b"1",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_n27_what_is_not_json_is_refused(victim, name, body):
    answer = victim.put(model_path(name), body=body, headers={"Content-Type": "application/json"})
    is_problem(answer, 400, "invalid-request")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"card":"' + b"x" * 4_300_000 + b'"}', 413),
        (b'{"description":"' + b"x" * 4_000_000 + b'"}', 400),
        (b'{"tags":{' + b",".join(b'"%d":"x"' % n for n in range(200_000)) + b"}}", 400),
        (b"[" + b"1," * 1_500_000 + b"1]", 503),
        (b'{"a":' * 600_000 + b"1" + b"}" * 600_000, 400),
        (b" " * 4_000_000, 400),
        (b'{"description":1' + b"0" * 4_000_000 + b"}", 400),
    ],
    ids=["too long", "one text", "many members", "many items", "deep", "blank", "one number"],
)
def test_n27_documents_of_some_megabytes(victim, name, body, status):
    """Several at once: their memory comes back."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: victim.put(model_path(name), body=body, headers=JSON), range(6)))
    assert {answer.status for answer in answers} == {status}, answers
    assert victim.get(model_path(name)).status == 404


def test_n27_a_gigabyte_is_not_read(victim, name):
    piece = b" " * 1_000_000
    answer = victim.put(model_path(name), body=iter([piece] * 1_000), headers=JSON)
    is_problem(answer, 413, "too-large")


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        (b"-0", True),
        (b"-0.0", True),
        (b"9223372036854775807", True),
        (b"9223372036854775808", False),
        (b"1e999", False),
        (b"-Infinity", False),
        (b"1e-999", True),
        (b"01", False),
        (b"0x1", False),
    ],
)
def test_n27_numbers_at_the_edge(victim, name, number, kept):
    make_model(victim, name)
    body = b'{"version":"1.0.0","params":{"n":%s}}' % number
    answer = victim.post(f"{model_path(name)}/versions", body=body, headers=JSON)
    if not kept:
        is_problem(answer, 400, "invalid-request")
    else:
        assert answer.status == 201, answer
        value = answer.json["params"]["n"]
        assert repr(value) == repr(json.loads(number)) or value == float(number), value


@pytest.mark.parametrize("wrong", [1, 1.5, True, [], {}, "text", ["text"]], ids=json.dumps)
def test_n27_members_of_another_type(victim, name, wrong):
    right = {"description": "text", "card": "text", "tags": {}}
    for member in [member for member in right if type(right[member]) is not type(wrong)]:
        answer = victim.put(model_path(name), json={member: wrong})
        is_problem(answer, 400, "invalid-request", pointer=f"/{member}")


# ---- how they are sent --------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "x"])
def test_n28_coded_bodies_are_refused(victim, name, coding):
    headers = {"Content-Encoding": coding}
    is_problem(victim.put(model_path(name), json={}, headers=headers), 415, "unsupported-media-type")
    make_draft(victim, name)
    answer = victim.put(artifact_path(name, "a"), body=b"\x1f\x8b", headers=headers)
    is_problem(answer, 415, "unsupported-media-type")


def test_n28_a_bomb_stays_packed(victim, name):
    """As a document it is refused, as a file kept as it is."""
    bomb = gzip.compress(bytes(50_000_000))
    headers = {**JSON, "Content-Encoding": "gzip"}
    is_problem(victim.put(model_path(name), body=bomb, headers=headers), 415, "unsupported-media-type")
    is_problem(victim.put(model_path(name), body=bomb, headers=JSON), 400, "invalid-request")
    make_draft(victim, name)
    make_artifact(victim, name, "bomb.gz", bomb)
    assert victim.get(artifact_path(name, "bomb.gz")).body == bomb


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonx",
        "application/merge-patch+json",
        "",
        None,
        "json",
    ],
)
def test_n29_bodies_of_another_type(victim, name, kind):
    answer = victim.put(model_path(name), body=b"{}", headers={"Content-Type": kind})
    is_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/json ;a=b"],
)
def test_n29_ways_to_say_json(victim, name, kind):
    assert victim.put(model_path(name), body=b"{}", headers={"Content-Type": kind}).status == 201


@pytest.mark.parametrize(
    "kind", ["text", "text/", "/html", "text/html\x01", "a" * 300 + "/b", "te xt/html", "text/html; a"]
)
def test_n29_media_types_that_are_none(victim, name, kind):
    make_draft(victim, name)
    answer = victim.put(artifact_path(name, "a"), body=b"x", headers={"Content-Type": kind.encode("latin-1")})
    assert answer.status == 400, answer


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "iso-8859-1"])
def test_n29_a_body_is_utf_8_whatever_it_says(victim, name, charset):
    kind = {"Content-Type": f"application/json; charset={charset}"}
    body = '{"description":"+ADw-script+AD4-"}'
    answer = victim.put(model_path(name), body=body.encode(), headers=kind)
    assert answer.json["description"] == "+ADw-script+AD4-"
    body = '{"description":"ü"}'.encode("utf-16" if charset == "utf-16" else "latin-1")
    is_problem(victim.put(model_path(name + "-2"), body=body, headers=kind), 400, "invalid-request")


# ---- members that are not asked for -------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"nmae": "x"}', "/nmae"),
        ('{"description": 1}', "/description"),
        ('{"tags": {"a/b~c": 7}}', "/tags/a~1b~0c"),
        ('{"tags": []}', "/tags"),
        ('{"state": "published"}', "/state"),
        ('{"id": "01a20946-f8c9-7f9a-9784-67b0ea5e218d"}', "/id"),
        ('{"created_by": "root"}', "/created_by"),
        ("[]", ""),
    ],
)
def test_n30_members_that_a_body_does_not_have(victim, name, body, pointer):
    json = {"Content-Type": "application/json"}
    answer = victim.put(model_path(name), body=body.encode(), headers=json)
    is_problem(answer, 400, "invalid-request", pointer=pointer)
    assert victim.get(model_path(name)).status == 404


@pytest.mark.parametrize(
    "member",
    ["tenant_id", "project", "state", "created_by", "created_at", "ordinal", "key_id", "id", "__proto__"],
)
def test_n30_nobody_says_what_the_registry_says(victim, name, member):
    make_model(victim, name)
    draft = {"version": "1.0.0", member: "published"}
    answer = victim.post(f"{model_path(name)}/versions", json=draft)
    is_problem(answer, 400, "invalid-request", pointer=f"/{member}")
    make_version(victim, name)
    answer = victim.patch(version_path(name), json={member: "published"}, headers={"If-Match": "*"})
    is_problem(answer, 400, "invalid-request", pointer=f"/{member}")
    assert victim.get(version_path(name)).json["state"] == "draft"


# ---- what others would run ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"),
    [("page.html", "text/html"), ("drawing.svg", "image/svg+xml"), ("a.js", "text/javascript"), ("b", None)],
)
def test_n31_artifacts_never_run_in_a_browser(victim, name, path, kind):
    make_draft(victim, name)
    make_artifact(
        victim, name, f"in/{path}", b"<svg onload=alert(1)>", **({"Content-Type": kind} if kind else {})
    )
    answer = victim.get(artifact_path(name, f"in/{path}"))
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{path}"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if kind:
        assert answer.headers["Content-Type"] == kind


def test_n31_json_is_never_sniffed(victim, name):
    make_published(victim, name)
    for path in (
        model_path(name),
        version_path(name),
        "/health",
        "/api/v1/keys",
        "/openapi.json",
        "/problems",
    ):
        answer = victim.get(path)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("text", [SCRIPT, FORMULA, "@SUM(1)", "-1+1", "${7*7}"])
def test_n31_n32_texts_come_back_as_data(victim, name, text):
    """As JSON that no browser sniffs; there is no export in which a formula could run."""
    make_model(victim, name, description=text, card=text, tags={"a": text})
    make_version(victim, name, params={text: text}, tags={"b": text})
    for path in (model_path(name), version_path(name), f"{BASE}/default/models?q={name}"):
        answer = victim.get(path)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    model = victim.get(model_path(name)).json
    assert (model["description"], model["card"], model["tags"]["a"]) == (text, text, text)
    assert victim.get(version_path(name)).json["params"] == {text: text}
    for accept in ("text/csv", "text/html", "application/vnd.ms-excel"):
        is_problem(victim.get(model_path(name), headers={"Accept": accept}), 406, "not-acceptable")


def test_n31_what_people_write_about_a_version_comes_back_as_data(victim, name):
    """Reasons, names of metrics, where data lies: as they were written, or not at all."""
    model = Model(victim, name).make()
    model.published("1.0.0")
    body = {"metrics": [{"name": SCRIPT, "value": 1, "dataset": FORMULA, "slice": SCRIPT}]}
    metrics = victim.post(f"{version_path(name)}/metrics", json=body)
    assert metrics.status in (200, 201, 400), metrics
    is_problem(
        model.create("2.0.0", lineage=[{"kind": "dataset", "uri": "javascript:alert(1)//\n"}]),
        400,
        "invalid-request",
        pointer="/lineage/0/uri",
    )
    yanked = victim.post(
        f"{version_path(name)}/deprecate", json={"reason": SCRIPT}, headers={"If-Match": "*"}
    )
    assert yanked.json["reason"] == SCRIPT
    for path in (version_path(name), f"{version_path(name)}/metrics", f"{BASE}/default/events?page_size=500"):
        answer = victim.get(path)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    is_problem(victim.get(model_path(SCRIPT.replace("/", ""))), 404, "not-found")


# ---- filters ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "tag=" + "(" * 5000,
        "metric=" + "a" * 3000 + ">1",
        "metric=a>" + "9" * 5000,
        "metric=a>1;DROP TABLE model",
        "sort=name;DROP TABLE model",
        "sort=name,name,name",
        "sort=card",
        "sort=" + segment("(SELECT 1)"),
        "page_size=1 OR 1=1",
        "page_token=" + "A" * 8000,
        "created_after=" + segment("2020-01-01' OR '1'='1"),
        "&".join(["tag=a"] * 300),
        "tag=" + segment("',".join(["x"] * 1000)),
    ],
    ids=lambda query: query[:24],
)
def test_n33_filters_that_are_none(victim, query):
    answer = victim.get(f"{BASE}/default/models?{query.replace(' ', '%20')}")
    is_problem(answer, 400, "bad-page-token" if query.startswith("page_token") else "invalid-request")


@pytest.mark.parametrize(
    "query",
    [
        "state=" + ",".join(["draft", "published"] * 500),
        "state=" + "draft," * 2000,
        "state=draft;DROP TABLE version",
        "metric=" + "a" * 300 + ">1",
        "&".join(["metric=a>1"] * 40),
        "&".join(["tag=a=b"] * 40),
        "range=" + segment("^1 || " * 1000),
        "range=" + segment(">=1.0.0 <2'); DROP TABLE version; --"),
        "range=champion",
        "sort=description",
        "sort=metric:" + "a" * 3000,
        "sort=-" + segment("version, (SELECT 1)"),
        "published_after=infinity",
        "published_before=99999-01-01T00:00:00Z",
    ],
    ids=lambda query: query[:24],
)
def test_n33_filters_of_versions_that_are_none(victim, name, query):
    make_published(victim, name)
    answer = victim.get(f"{model_path(name)}/versions?{query.replace(' ', '%20').replace('>', '%3E')}")
    is_problem(answer, 400, "invalid-request")


def test_n33_many_words_are_searched_in_time(victim, name):
    """A text of 5,000 words is cut to those that are looked for, not multiplied."""
    make_model(victim, name, description="a a a a")
    for text in ("a " * 5000, "a* " * 3000, "%" * 8000, "(" * 8000, "'" * 8000):
        for path in (f"{BASE}/default/models", f"{model_path(name)}/versions"):
            began = time.monotonic()
            found = victim.get(f"{path}?q={segment(text)}")
            assert found.status in (200, 400, 414), found
            assert time.monotonic() - began < 5 * SLOWNESS


def test_n33_parameters_by_the_thousand(victim):
    """libmicrohttpd has no room for its own list of them, nor for a word about that; nothing of
    the request stays."""
    with ThreadPoolExecutor(8) as pool:
        path = f"{BASE}/default/models?" + "&".join(["tag=a"] * 1000)
        sent = Wire(victim).head("GET", path)
        for got in pool.map(lambda _: victim.raw(sent), range(400)):
            assert (got.data, got.closed) == (b"", True)


@pytest.mark.parametrize(
    "text", ["%", "_", "%%%", "\\", "'", "';--", "a' OR 'a'='a", ":*", "a & b | !c", "(a+)+$"]
)
def test_n33_a_text_that_is_searched_is_only_text(victim, name, text):
    project = name
    make_project(victim, project)
    make_model(victim, "other", project, description="nothing of the kind")
    found = victim.get(f"{BASE}/{project}/models?q={segment(text)}")
    assert found.status in (200, 400), found
    if found.status == 200:
        assert found.json["items"] == [], found
    else:
        is_problem(found, 400, "invalid-request", parameter="q")
    found = victim.get(f"{BASE}/{project}/models?tag={segment('a:' + text)}")
    assert (found.status, found.json["items"]) == (200, [])


# ---- metrics ------------------------------------------------------------------------------


def test_n34_many_points_and_many_names(victim, name):
    make_draft(victim, name)
    path = f"{version_path(name)}/metrics"
    # A hundred thousand may or may not fit into the memory that a request has.
    for count, statuses in ((10_001, {400}), (100_000, {400, 503}), (1_000_000, {413})):
        many = {"metrics": [{"name": f"m{n}", "value": n} for n in range(count)]}
        answer = victim.post(path, json=many)
        assert answer.status in statuses, answer
    assert victim.get(path).json["items"] == []


@pytest.mark.parametrize("value", [b"Infinity", b"-Infinity", b"NaN", b"1e999", b"-1e309", b'"1"', b"null"])
def test_n34_values_that_are_no_numbers(victim, name, value):
    make_draft(victim, name)
    path = f"{version_path(name)}/metrics"
    body = b'{"metrics":[{"name":"x","value":%s}]}' % value
    is_problem(victim.post(path, body=body, headers=JSON), 400, "invalid-request")
    assert victim.get(path).json["items"] == []


# ---- lineage ------------------------------------------------------------------------------


def parent(model, version="1.0.0", project="default"):
    return {"kind": "parent", "relation": "merge", "version": f"{project}/{model}@{version}"}


def test_n35_no_cycles_and_no_parent_of_oneself(victim, name):
    model = Model(victim, name).make()
    refused(model.create("1.0.0", lineage=[parent(name)]), 400)
    model.published("1.0.0")
    model.published("2.0.0", lineage=[parent(name)])
    refused(victim.patch(model.at("1.0.0"), json={"lineage": [parent(name, "2.0.0")]}), 400)


def test_n35_a_wide_fan_out_is_cut(victim, name):
    """More edges than one answer holds, both in one body and below one parent."""
    model = Model(victim, name).make()
    model.published("1.0.0")
    edges = [{"kind": "dataset", "uri": f"s3://data/{n}"} for n in range(100_000)]
    assert model.create("2.0.0", lineage=edges).status in (400, 413)
    row = victim.sql(f"SELECT id FROM version WHERE model_id = '{victim.get(model.path).json['id']}'")
    assert len(row) == 1


FAN_OUT = int(os.environ.get("FAN_OUT", "25000"))  # make soak: 100000


def test_n35_a_parent_of_very_many_is_answered_in_part(victim, name):
    """Versions that all come from one, more than an answer shows: it says that it is cut, at any depth."""
    model = Model(victim, name).make()
    model.published("1.0.0")
    model.draft("2.0.0", lineage=[parent(name)])
    child = victim.get(version_path(name, "2.0.0")).json["id"]
    columns = [
        row["column_name"]
        for row in victim.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'version'"
        )
    ]
    changed = {
        "id": "gen_random_uuid()",
        "ordinal": "n + 10",
        "semver": "'3.0.' || n",
        "precedence": "('\\x013301300' || length(n::text) || encode(n::text::bytea, 'hex') || 'ff')::bytea",
    }
    # As if so many had been made: what each of them would be asked is not the matter here.
    victim.execute(f"""
        SET session_replication_role = replica;
        WITH made AS (
            INSERT INTO version ({", ".join(columns)})
            SELECT {", ".join(changed.get(column, f"v.{column}") for column in columns)}
              FROM version v, generate_series(1, {FAN_OUT}) n WHERE v.id = '{child}' RETURNING id)
        INSERT INTO lineage_edge (version_id, parent_id, place, kind, relation)
        SELECT m.id, e.parent_id, 1, e.kind, e.relation
          FROM made m, lineage_edge e WHERE e.version_id = '{child}';
        RESET session_replication_role;
        ANALYZE version, lineage_edge;""")
    for depth in (1, 64):
        answer = victim.get(f"{version_path(name)}/lineage?direction=down&depth={depth}")
        graph = good(answer, 200).json
        assert (len(graph["edges"]), graph["truncated"]) == (20_000, True)
        assert {edge["to"]["version"] for edge in graph["edges"]} == {"1.0.0"}
    one = good(victim.get(f"{version_path(name, f'3.0.{FAN_OUT}')}/lineage?depth=64"), 200).json
    assert (len(one["edges"]), one["truncated"]) == (1, False)


def test_n35_a_parent_of_another_tenant_does_not_exist(victim, name):
    make_project(victim, name)
    make_published(victim, "hidden", project=name)
    words = ("token", "create", name, "--role=publisher", "--project=default")
    stranger = Model(victim.with_token(victim.secret(victim.command(*words).stdout.strip())), name).make()
    there = refused(stranger.create("1.0.0", lineage=[parent("hidden", project=name)]), 400)
    nowhere = refused(stranger.create("1.0.0", lineage=[parent("hidden", "9.9.9", project=name)]), 400)
    assert there["errors"] == nowhere["errors"]
    good(stranger.create("1.0.0"), 201)
