"""Artifacts: bytes put under paths of a draft, deduplicated, replaced, deleted, signed."""

import base64
import hashlib
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.model import Model, good, pages, refused
from support.paths import SLOWNESS

pytestmark = pytest.mark.usefixtures("errors")

ANYTHING = {"If-Match": "*"}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def until_stored_once(hallmark, content):
    """What turns out to be stored already is removed after the answer."""
    end = time.monotonic() + 10 * SLOWNESS
    while len(list(hallmark.state.glob(f"**/{sha256(content)}.*"))) != 1:
        assert time.monotonic() < end, "not stored once"
        time.sleep(0.02)


def digest_field(content):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def stored_files(hallmark, content):
    return list(hallmark.state.glob(f"blobs/**/{sha256(content)}.*")) or list(
        hallmark.state.glob(f"**/{sha256(content)}.*")
    )


def test_what_is_put_comes_back(hallmark, model):
    content = os.urandom(300_001)
    model.draft("1.0.0")
    put = good(model.put("1.0.0", "onnx/model.onnx", content, Content_Type="application/onnx"), 201)
    artifact = put.json
    assert artifact["path"] == "onnx/model.onnx"
    assert (artifact["size"], artifact["sha256"]) == (len(content), sha256(content))
    assert artifact["blake2b"] == hashlib.blake2b(content).hexdigest()
    assert artifact["media_type"] == "application/onnx"
    assert artifact["key_id"] in hallmark.get("/api/v1/keys").text
    assert put.headers["location"] == model.file("1.0.0", "onnx/model.onnx")
    assert put.headers["etag"] == f'"{sha256(content)}"'
    got = good(hallmark.get(put.headers["location"]), 200)
    assert got.body == content
    assert got.headers["repr-digest"] == digest_field(content)
    assert got.headers["etag"] == put.headers["etag"]
    assert got.headers["content-type"] == "application/onnx"
    head = good(hallmark.head(put.headers["location"]), 200)
    assert (head.body, head.headers["content-length"]) == (b"", str(len(content)))
    assert model.get("1.0.0", "artifacts").json["items"] == [artifact]
    version = model.get("1.0.0").json
    assert (version["files"], version["bytes"]) == (1, len(content))


def test_chunked_and_empty_bodies(hallmark, model):
    model.draft("1.0.0")
    pieces = [b"a" * 1000, b"b" * 70_000, b"c"]
    put = good(hallmark.put(model.file("1.0.0", "chunked"), body=iter(pieces)), 201)
    assert put.json["sha256"] == sha256(b"".join(pieces))
    put = good(model.put("1.0.0", "empty", b""), 201)
    assert (put.json["size"], put.json["sha256"]) == (0, sha256(b""))
    got = good(hallmark.get(model.file("1.0.0", "empty")), 200)
    assert (got.body, got.headers["content-length"]) == (b"", "0")
    good(model.publish("1.0.0"), 200)


def test_the_announced_digest_is_checked(hallmark, model):
    model.draft("1.0.0")
    for header in ("Repr_Digest", "Content_Digest"):
        good(model.put("1.0.0", header, b"right", **{header: digest_field(b"right")}), 201)
        refused(
            model.put("1.0.0", "wrong", b"wrong", **{header: digest_field(b"right")}), 400, "digest-mismatch"
        )
        refused(model.put("1.0.0", "wrong", b"wrong", **{header: "sha-256=:AAAA:"}), 400)
    refused(
        model.put("1.0.0", "two", b"x", Repr_Digest=digest_field(b"x"), Content_Digest=digest_field(b"y")),
        400,
    )
    assert [item["path"] for item in model.get("1.0.0", "artifacts").json["items"]] == [
        "Content_Digest",
        "Repr_Digest",
    ]
    assert not list(hallmark.state.glob(f"**/{sha256(b'wrong')}.*"))


def test_the_same_bytes_are_stored_once(hallmark, model):
    content = os.urandom(5000)
    for version in ("1.0.0", "2.0.0"):
        model.draft(version)
        for path in ("a", "folder/b"):
            good(model.put(version, path, content), 201)
    until_stored_once(hallmark, content)
    assert hallmark.sql(f"SELECT count(*) FROM blob WHERE sha256 = '\\x{sha256(content)}'") == [{"count": 1}]


@pytest.mark.threads
def test_the_same_bytes_at_once_are_stored_once(hallmark, model):
    content = os.urandom(100_000)
    model.draft("1.0.0")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: model.put("1.0.0", f"f{i}", content), range(24)))
    assert {answer.status for answer in answers} == {201}
    assert model.get("1.0.0").json["files"] == 24
    until_stored_once(hallmark, content)
    good(model.publish("1.0.0"), 200)
    assert all(hallmark.get(model.file("1.0.0", f"f{i}")).body == content for i in range(24))


@pytest.mark.threads
def test_many_who_put_one_path_leave_one_file(hallmark, model):
    model.draft("1.0.0")
    contents = [os.urandom(1000 + i) for i in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda c: model.put("1.0.0", "one", c), contents))
    assert sorted(answer.status for answer in answers) == [201] + [428] * 15
    winner = contents[[answer.status for answer in answers].index(201)]
    assert hallmark.get(model.file("1.0.0", "one")).body == winner
    version = model.get("1.0.0").json
    assert (version["files"], version["bytes"]) == (1, len(winner))


def test_replacing_needs_the_etag_of_what_is_there(model):
    model.draft("1.0.0")
    first = good(model.put("1.0.0", "f", b"first"), 201).headers["etag"]
    refused(model.put("1.0.0", "f", b"second"), 428)
    refused(model.put("1.0.0", "f", b"second", If_Match=f'"{sha256(b"other")}"'), 412)
    refused(model.put("1.0.0", "f", b"second", If_Match=f"W/{first}"), 412)
    refused(model.put("1.0.0", "f", b"second", If_None_Match="*"), 412)
    done = good(model.put("1.0.0", "f", b"second", If_Match=first), 200)
    assert done.json["sha256"] == sha256(b"second")
    refused(model.put("1.0.0", "f", b"third", If_Match=first), 412)
    assert good(model.put("1.0.0", "f", b"second"), 200).json == done.json
    assert model.get("1.0.0").json["bytes"] == 6
    refused(model.put("1.0.0", "new", b"x", If_Match="*"), 412)
    kinds = [event["kind"] for event in model.events()]
    assert kinds[2:] == ["artifact.created", "artifact.replaced"]


def test_a_replaced_file_is_signed_anew(model):
    model.draft("1.0.0")
    good(model.put("1.0.0", "f", b"first"), 201)
    before = model.get("1.0.0", "signatures", "f.minisig").text
    good(model.put("1.0.0", "f", b"second", **{"If_Match": "*"}), 200)
    after = model.get("1.0.0", "signatures", "f.minisig").text
    assert after != before
    assert f"sha256:{sha256(b'second')}" in after


def test_no_path_is_the_folder_of_another(model):
    model.draft("1.0.0")
    good(model.put("1.0.0", "a/b", b"1"), 201)
    good(model.put("1.0.0", "a.b", b"2"), 201)
    good(model.put("1.0.0", "a/b.c", b"3"), 201)
    for path in ("a", "a/b/c", "a/b/c/d"):
        refused(model.put("1.0.0", path, b"x"), 409, "conflict")
    good(model.put("1.0.0", "a/bc", b"4"), 201)
    assert [item["path"] for item in model.get("1.0.0", "artifacts").json["items"]] == [
        "a.b",
        "a/b",
        "a/b.c",
        "a/bc",
    ]


@pytest.mark.threads
def test_of_a_path_and_its_folder_put_at_once_one_stays(model):
    for turn in range(6):
        version = f"1.{turn}.0"
        model.draft(version)
        with ThreadPoolExecutor(2) as pool:
            puts = [pool.submit(model.put, version, path) for path in ("d", "d/e")]
            statuses = sorted(put.result().status for put in puts)
        assert statuses == [201, 409]


@pytest.mark.parametrize(
    "bad", ["/x", "x//y", "x/", "./x", "x/../y", "..", "a\\b", "a\x01b", "a\u202eb", "e\u0301", "x" * 1025]
)
def test_paths_that_no_artifact_has(model, bad):
    model.draft("1.0.0")
    assert model.put("1.0.0", bad, b"x").status in (400, 404)
    assert model.get("1.0.0", "artifacts").json["items"] == []


def test_odd_paths_come_back_as_they_went(hallmark, model):
    model.draft("1.0.0")
    paths = sorted(
        [
            "with space",
            "é/模型.bin",
            "%41",
            "a+b&c?d#e",
            "/".join(["x" * 255] * 3),
            ".hidden",
            "ab:c",
            "q'\"q",
        ]
    )
    for path in paths:
        assert good(model.put("1.0.0", path, path.encode()), 201).json["path"] == path
    good(model.publish("1.0.0"), 200)
    assert sorted(item["path"] for item in pages(hallmark, model.at("1.0.0", "artifacts"), 3)) == paths
    for path in paths:
        assert hallmark.get(model.file("1.0.0", path)).body == path.encode()
        assert (
            model.client.get(
                model.at("1.0.0", "signatures") + model.file("", path + ".minisig").split("artifacts")[1]
            ).status
            == 200
        )


def test_a_draft_forgets_a_deleted_file(hallmark, model):
    model.draft("1.0.0")
    tag = good(model.put("1.0.0", "f", b"12345"), 201).headers["etag"]
    refused(hallmark.delete(model.file("1.0.0", "f")), 428)
    refused(hallmark.delete(model.file("1.0.0", "f"), headers={"If-Match": f'"{sha256(b"")}"'}), 412)
    assert hallmark.delete(model.file("1.0.0", "f"), headers={"If-Match": tag}).status == 204
    refused(hallmark.delete(model.file("1.0.0", "f"), headers=ANYTHING), 404)
    refused(hallmark.get(model.file("1.0.0", "f")), 404)
    refused(model.get("1.0.0", "signatures", "f.minisig"), 404)
    version = model.get("1.0.0").json
    assert (version["files"], version["bytes"]) == (0, 0)


def test_n24_a_version_has_at_most_100000_files(hallmark, model):
    version = model.draft("1.0.0")["id"]
    good(model.put("1.0.0", "one", b"1"), 201)
    hallmark.execute(f"UPDATE version SET files = 99999 WHERE id = '{version}'")
    good(model.put("1.0.0", "the-last", b"2"), 201)
    assert "100,000" in refused(model.put("1.0.0", "too-many", b"3"), 409)["detail"]
    good(model.put("1.0.0", "one", b"replaced", If_Match="*"), 200)
    assert hallmark.delete(model.file("1.0.0", "one"), headers=ANYTHING).status == 204
    good(model.put("1.0.0", "one-more", b"4"), 201)


def test_the_page_of_files_goes_on_where_it_ended(hallmark, model):
    model.draft("1.0.0")
    paths = [f"f/{i:03}" for i in range(25)]
    for path in paths:
        good(model.put("1.0.0", path, b"same"), 201)
    assert [item["path"] for item in pages(hallmark, model.at("1.0.0", "artifacts"), 7)] == paths


def test_upload_to_what_is_no_draft_is_refused_before_the_body(hallmark, model):
    refused(model.put("1.0.0", "f"), 404)
    model.published("1.0.0")
    head = (
        f"PUT {model.file('1.0.0', 'f')} HTTP/1.1\r\nHost: {hallmark.host}:{hallmark.port}\r\n"
        f"Authorization: Bearer {hallmark.token}\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
    )
    answer = hallmark.raw(head.encode(), timeout=3)
    assert answer.statuses == [409]


# ---- signatures ---------------------------------------------------------------------------


def keys(hallmark, folder):
    """The active key's files: minisign's and PEM."""
    (key,) = [key for key in hallmark.anonymous.get("/api/v1/keys").json["items"] if key["state"] == "active"]
    (folder / "key.pub").write_text(key["minisign"])
    (folder / "key.pem").write_text(key["pem"])
    return key


def minisign(folder, file):
    return subprocess.run(
        ["minisign", "-V", "-m", file, "-p", "key.pub"], cwd=folder, capture_output=True, text=True
    )


def test_stock_minisign_accepts_every_file(hallmark, model, tmp_path):
    contents = {"model.bin": os.urandom(100_000), "empty": b"", "text.md": b"# Card\n"}
    model.draft("1.0.0-rc.1+b")
    for path, content in contents.items():
        good(model.put("1.0.0-rc.1+b", path, content), 201)
        (tmp_path / path).write_bytes(content)
        signature = good(model.get("1.0.0-rc.1+b", "signatures", path + ".minisig"), 200)
        (tmp_path / f"{path}.minisig").write_bytes(signature.body)
    keys(hallmark, tmp_path)
    for path, content in contents.items():
        done = minisign(tmp_path, path)
        assert done.returncode == 0, done.stderr
        trusted = done.stdout.partition("Trusted comment: ")[2]
        for word in (model.name, "1.0.0-rc.1+b", f"path:{path}", f"sha256:{sha256(content)}"):
            assert word in trusted
    (tmp_path / "model.bin").write_bytes(b"x" + contents["model.bin"][1:])
    assert minisign(tmp_path, "model.bin").returncode != 0


def test_a_signature_lies_beside_its_path_alone(model):
    model.published("1.0.0", {"f": b"x"})
    refused(model.get("1.0.0", "signatures", "f"), 404)
    refused(model.get("1.0.0", "signatures", ".minisig"), 404)
    refused(model.get("1.0.0", "signatures", "g.minisig"), 404)


def test_nothing_stored_is_unsigned(hallmark, model):
    model.published("1.0.0", {f"f{i}": bytes([i]) for i in range(5)})
    assert hallmark.sql("SELECT count(*) FROM artifact WHERE minisig = '' OR key_id = ''") == [{"count": 0}]
    assert hallmark.sql(
        "SELECT count(*) FROM version v LEFT JOIN attestation a ON a.version_id = v.id"
        " WHERE v.state NOT IN ('draft', 'discarded') AND a.version_id IS NULL"
    ) == [{"count": 0}]


def test_downloads_of_many_sizes(hallmark, model):
    model.draft("1.0.0")
    for size in (1, 4095, 4096, 65535, 65536, 65537, 1 << 20, (1 << 22) + 1):
        content = os.urandom(size)
        good(model.put("1.0.0", f"s{size}", content), 201)
        assert hallmark.get(model.file("1.0.0", f"s{size}")).body == content, size


def test_other_models_of_a_name_do_not_see_the_file(hallmark, model, name):
    model.published("1.0.0", {"secret": b"s"})
    other = Model(hallmark, name + "-other").make()
    other.published("1.0.0", {"public": b"p"})
    refused(hallmark.get(other.file("1.0.0", "secret")), 404)
    assert Path(hallmark.state).exists()
