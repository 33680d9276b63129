"""Publishing: checks every file, signs the manifest, freezes the version; races lose nothing."""

import base64
import hashlib
import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.model import good, pages, refused, until_placed
from support.paths import COSIGN

pytestmark = pytest.mark.usefixtures("errors")


def storage_of(hallmark, content):
    """The one stored file of these bytes."""
    (file,) = hallmark.state.glob(f"**/{hashlib.sha256(content).hexdigest()}.*")
    return file


def reasons(answer):
    return {e["pointer"]: e["detail"] for e in refused(answer, 409, "not-publishable")["errors"]}


def envelope_of(model, ref):
    answer = good(model.get(ref, "attestation"), 200)
    envelope = answer.json
    return answer, envelope, json.loads(base64.b64decode(envelope["payload"]))


def test_a_published_version_says_who_and_when(hallmark, model):
    version = model.published("1.0.0", {"f": b"x"})
    assert version["state"] == "published"
    assert version["published_at"] >= version["created_at"]
    assert version["published_by"] == version["created_by"]
    assert version["key_id"] in hallmark.get("/api/v1/keys").text
    assert (version["files"], version["bytes"]) == (1, 1)


def test_the_attestation_lists_every_file(model):
    files = {f"dir/{i}": os.urandom(50) for i in range(7)}
    lineage = [{"kind": "dataset", "uri": "s3://data/x", "digest": "sha256:" + "ab" * 32}]
    version = model.published("1.0.0", files, params={"lr": 0.1}, tags={"no": "tag"}, lineage=lineage)
    _, envelope, statement = envelope_of(model, "1.0.0")
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert {s["name"]: s["digest"]["sha256"] for s in statement["subject"]} == {
        path: hashlib.sha256(content).hexdigest() for path, content in files.items()
    }
    text = json.dumps(statement["predicate"])
    for word in (
        version["model_id"],
        version["id"],
        model.name,
        version["key_id"],
        "s3://data/x",
        '"lr": 0.1',
    ):
        assert word in text
    for word in ("storage", '"no"'):
        assert word not in text


def test_openssl_and_cosign_accept_the_attestation(hallmark, model, tmp_path):
    files = {"model.bin": os.urandom(5000), "empty": b""}
    model.published("1.0.0", files)
    answer, envelope, statement = envelope_of(model, "1.0.0")
    (key,) = [
        k for k in hallmark.get("/api/v1/keys").json["items"] if k["id"] == model.get("1.0.0").json["key_id"]
    ]
    (tmp_path / "key.pem").write_text(key["pem"])
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
    pae = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    (tmp_path / "pae").write_bytes(pae)
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    (tmp_path / "env.json").write_bytes(answer.body)
    verify = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-rawin",
        "-pubin",
        "-inkey",
        "key.pem",
        "-sigfile",
        "sig",
        "-in",
    ]
    assert subprocess.run([*verify, "pae"], cwd=tmp_path, capture_output=True).returncode == 0
    (tmp_path / "other").write_bytes(pae + b" ")
    assert subprocess.run([*verify, "other"], cwd=tmp_path, capture_output=True).returncode != 0

    def cosign(file):
        return subprocess.run(
            [
                COSIGN,
                "verify-blob-attestation",
                "--key=key.pem",
                "--signature=env.json",
                "--insecure-ignore-tlog",
                f"--type={statement['predicateType']}",
                file,
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        )

    for path, content in files.items():
        (tmp_path / path).write_bytes(content)
        done = cosign(path)
        assert done.returncode == 0, done.stderr
    (tmp_path / "forged").write_bytes(files["model.bin"] + b"!")
    assert cosign("forged").returncode != 0


def test_publishing_twice_changes_nothing(model):
    first = model.published("1.0.0")
    answer, _, _ = envelope_of(model, "1.0.0")
    assert good(model.publish("1.0.0"), 200).json == first
    assert good(model.publish("^1"), 200).json == first
    assert envelope_of(model, "1.0.0")[0].body == answer.body
    assert [e["kind"] for e in model.events()].count("version.published") == 1


def test_no_artifacts_no_publishing(hallmark, model):
    model.draft("1.0.0")
    assert "no artifacts" in refused(model.publish("1.0.0"), 409, "not-publishable")["detail"]
    good(model.put("1.0.0", "f"), 201)
    hallmark.delete(model.file("1.0.0", "f"), headers={"If-Match": "*"})
    refused(model.publish("1.0.0"), 409, "not-publishable")
    refused(model.get("1.0.0", "attestation"), 409)
    refused(hallmark.post(model.at("1.0.0", "publish"), json={"force": True}), 400)
    refused(model.publish("2.0.0"), 404)


def test_every_unfit_file_is_named_with_its_reason(hallmark, model, errors):
    errors.add("storage_failed")
    contents = {name: os.urandom(3000) for name in ("good", "gone", "cut", "grown", "flipped", "sub/dir ~1")}
    model.draft("1.0.0")
    for path, content in contents.items():
        good(model.put("1.0.0", path, content), 201)
    stored = {path: storage_of(hallmark, content) for path, content in contents.items()}
    for path in ("gone", "sub/dir ~1"):
        stored[path].unlink()
    stored["cut"].chmod(0o600)
    os.truncate(stored["cut"], 2999)
    stored["grown"].chmod(0o600)
    stored["grown"].write_bytes(contents["grown"] + b"!")
    stored["flipped"].chmod(0o600)
    stored["flipped"].write_bytes(bytes([contents["flipped"][0] ^ 1]) + contents["flipped"][1:])
    why = reasons(model.publish("1.0.0"))
    assert set(why) == {f"/artifacts/{p}" for p in ("gone", "cut", "grown", "flipped", "sub~1dir ~01")}
    assert "missing" in why["/artifacts/gone"]
    assert "number of bytes" in why["/artifacts/cut"]
    assert "number of bytes" in why["/artifacts/grown"]
    assert "SHA-256" in why["/artifacts/flipped"]
    assert model.get("1.0.0").json["state"] == "draft"
    assert "5 of 6" in model.publish("1.0.0").json["detail"]
    for path, content in contents.items():
        good(model.put("1.0.0", path, content), 200)
    good(model.publish("1.0.0"), 200)


def test_a_tampered_signature_row_is_found(hallmark, model):
    version = model.draft("1.0.0")["id"]
    for path in ("comment", "signature", "moved", "good", "key", "cut"):
        good(model.put("1.0.0", path, path.encode()), 201)
    tamper = {
        "comment": "minisig = replace(minisig, 'path:comment', 'path:Comment')",
        "signature": "minisig = overlay(minisig PLACING 'AAAA' FROM strpos(minisig, E'\\n') + 40)",
        "moved": f"minisig = (SELECT minisig FROM artifact WHERE version_id = '{version}' AND path = 'good')",
        "cut": "minisig = left(minisig, 100)",
    }
    for path, change in tamper.items():
        hallmark.execute(
            "SET session_replication_role = replica;"
            f"UPDATE artifact SET {change} WHERE version_id = '{version}' AND path = '{path}'"
        )
    why = reasons(model.publish("1.0.0"))
    assert set(why) == {f"/artifacts/{path}" for path in tamper}
    assert all("signature" in reason for reason in why.values()), why


def test_a_quarantined_blob_is_healed_by_uploading_again(hallmark, model):
    content = os.urandom(1000)
    model.draft("1.0.0")
    good(model.put("1.0.0", "f", content), 201)
    hallmark.execute(
        f"UPDATE blob SET state = 'quarantined' WHERE sha256 = '\\x{hashlib.sha256(content).hexdigest()}'"
    )
    assert "damaged" in reasons(model.publish("1.0.0"))["/artifacts/f"]
    refused(hallmark.get(model.file("1.0.0", "f")), 410)
    good(model.put("1.0.0", "f", content), 200)
    good(model.publish("1.0.0"), 200)
    assert hallmark.get(model.file("1.0.0", "f")).body == content


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped"])
def test_lost_bytes_are_healed_by_uploading_again(hallmark, model, errors, damage):
    errors.add("storage_failed")
    content = os.urandom(1000)
    model.draft("1.0.0")
    good(model.put("1.0.0", "f", content), 201)
    stored = storage_of(hallmark, content)
    if damage == "missing":
        stored.unlink()
    else:
        stored.chmod(0o600)
        stored.write_bytes(content[:-1] if damage == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    assert "upload it again" in reasons(model.publish("1.0.0"))["/artifacts/f"]
    refused(hallmark.get(model.file("1.0.0", "f")), 410)
    good(model.put("1.0.0", "f", content), 200)
    good(model.publish("1.0.0"), 200)
    assert hallmark.get(model.file("1.0.0", "f")).body == content
    subject = f"blobs/sha256:{hashlib.sha256(content).hexdigest()}"
    until_placed(hallmark)
    told = pages(hallmark, "/api/v1/events", subject=subject, sort="position")
    assert [(e["kind"], e["before"]["state"], e["after"]["state"]) for e in told] == [
        ("blob.quarantined", "live", "quarantined"),
        ("blob.healed", "quarantined", "live"),
    ]


@pytest.mark.threads
def test_twenty_publishers_at_once_publish_once(model):
    for turn in range(3):
        version = f"1.{turn}.0"
        model.draft(version)
        good(model.put(version, "f"), 201)
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(model.publish, [version] * 20))
        assert {answer.status for answer in answers} == {200}
        assert len({answer.body for answer in answers}) == 1
    assert [e["kind"] for e in model.events()].count("version.published") == 3


@pytest.mark.threads
def test_what_is_uploaded_while_publishing_is_signed_or_refused(model):
    """Whoever wins: the attestation lists exactly the files that the version has."""
    outcomes = set()
    for turn in range(12):
        version = f"1.{turn}.0"
        model.draft(version)
        good(model.put(version, "first"), 201)
        start = threading.Barrier(4)

        def put(i, version=version, start=start):
            start.wait()
            return model.put(version, f"late{i}", os.urandom(2000)).status

        with ThreadPoolExecutor(4) as pool:
            late = [pool.submit(put, i) for i in range(3)]
            start.wait()
            published = model.publish(version)
            late = [one.result() for one in late]
        outcomes.update(late)
        assert published.status in (200, 503), published
        if published.status == 503:
            good(model.publish(version), 200)
        _, _, statement = envelope_of(model, version)
        listed = {item["path"]: item["sha256"] for item in model.get(version, "artifacts").json["items"]}
        assert {s["name"]: s["digest"]["sha256"] for s in statement["subject"]} == listed
        assert len(listed) == 1 + late.count(201)
        assert set(late) <= {201, 409}
    assert outcomes, "no upload ran"


@pytest.mark.threads
def test_publishing_races_discarding_and_deleting(hallmark, model):
    for turn in range(10):
        version = f"1.{turn}.0"
        model.draft(version)
        for path in ("a", "b"):
            good(model.put(version, path), 201)
        with ThreadPoolExecutor(3) as pool:
            published = pool.submit(model.publish, version)
            removed = pool.submit(hallmark.delete, model.file(version, "b"), headers={"If-Match": "*"})
            discarded = pool.submit(hallmark.delete, model.at(version), headers={"If-Match": "*"})
        statuses = published.result().status, removed.result().status, discarded.result().status
        assert (statuses[0] == 200) != (statuses[2] == 204), statuses
        if statuses[0] == 200:
            _, _, statement = envelope_of(model, version)
            paths = {s["name"] for s in statement["subject"]}
            assert paths == {"a"} if statuses[1] == 204 else paths == {"a", "b"}
