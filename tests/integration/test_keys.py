"""Signing keys: rotated while writers run; what an old key signed stays verifiable."""

import base64
import json
import subprocess
import threading
import time

import pytest
from support.model import Model, good
from support.paths import SLOWNESS

pytestmark = pytest.mark.usefixtures("errors")


def keys(hallmark):
    return {key["id"]: key for key in good(hallmark.anonymous.get("/api/v1/keys"), 200).json["items"]}


def active(hallmark):
    (key,) = [key for key in keys(hallmark).values() if key["state"] == "active"]
    return key["id"]


def wait_active(hallmark, other_than):
    end = time.monotonic() + 30 * SLOWNESS
    while (now := active(hallmark)) == other_than:
        assert time.monotonic() < end, f"{other_than} is still the active key"
        time.sleep(0.05)
    return now


def verifies(hallmark, model, version, folder):
    """Stock minisign and openssl accept the file's signature and the attestation; who signed both."""
    content = good(hallmark.get(model.file(version, "model.bin")), 200).body
    signature = good(model.get(version, "signatures", "model.bin.minisig"), 200).text
    envelope = good(model.get(version, "attestation"), 200).json
    document = good(model.get(version), 200).json
    artifact = model.get(version, "artifacts").json["items"][0]
    known = keys(hallmark)
    (folder / "m").write_bytes(content)
    (folder / "m.minisig").write_text(signature)
    (folder / "file.pub").write_text(known[artifact["key_id"]]["minisign"])
    (folder / "version.pem").write_text(known[document["key_id"]]["pem"])
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
    (folder / "pae").write_bytes(f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload)
    (folder / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    for command in (
        ["minisign", "-V", "-m", "m", "-p", "file.pub"],
        [
            "openssl",
            "pkeyutl",
            "-verify",
            "-rawin",
            "-pubin",
            "-inkey",
            "version.pem",
            "-sigfile",
            "sig",
            "-in",
            "pae",
        ],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr, done.stdout)
    assert document["key_id"] in json.dumps(json.loads(payload)["predicate"])
    return artifact["key_id"], document["key_id"]


def test_the_list_of_keys_is_open_and_says_all(hallmark):
    answer = good(hallmark.anonymous.get("/api/v1/keys"), 200)
    (key,) = answer.json["items"]
    assert set(key) == {"id", "state", "minisign", "pem", "created_at", "activated_at", "retired_at"}
    assert key["id"] in key["minisign"].splitlines()[0]
    assert key["pem"].startswith("-----BEGIN PUBLIC KEY-----\n")
    raw = base64.b64decode(key["minisign"].splitlines()[1])
    assert (raw[:2], raw[2:10][::-1].hex().upper()) == (b"Ed", key["id"])
    assert base64.b64decode("".join(key["pem"].splitlines()[1:-1]))[-32:] == raw[10:]


@pytest.mark.threads
def test_keys_rotate_while_writers_run(hallmark, model, tmp_path):
    first = active(hallmark)
    model.published("0.1.0")
    assert verifies(hallmark, model, "0.1.0", tmp_path) == (first, first)
    stop, failed, made = threading.Event(), [], []

    def write(i):
        mine = Model(hallmark, f"{model.name}-{i}").make()
        n = 0
        while not stop.is_set():
            n += 1
            version = f"1.{n}.0"
            for answer, wanted in (
                (mine.create(version), 201),
                (mine.put(version, "model.bin", f"{i} {n}".encode()), 201),
                (mine.publish(version), 200),
            ):
                if answer.status != wanted:
                    failed.append(answer)
                    return
            made.append((mine, version))

    writers = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    for writer in writers:
        writer.start()
    try:
        hallmark.command("keys", "add")
        second = wait_active(hallmark, first)
        time.sleep(0.3)
        hallmark.command("keys", "add")
        third = wait_active(hallmark, second)
        time.sleep(0.3)
    finally:
        stop.set()
        for writer in writers:
            writer.join(60)
    assert not failed
    assert len({first, second, third}) == 3
    states = {key_id: key["state"] for key_id, key in keys(hallmark).items()}
    assert states == {first: "retired", second: "retired", third: "active"}
    signers = {owner.get(version).json["key_id"] for owner, version in made}
    assert signers == {first, second, third}
    checked = set()
    for owner, version in made:
        if (key := owner.get(version).json["key_id"]) not in checked:
            checked.add(key)
            verifies(hallmark, owner, version, tmp_path)
    assert verifies(hallmark, model, "0.1.0", tmp_path) == (first, first)


def test_the_last_key_is_retired_by_force_alone(start_hallmark, tmp_path):
    hallmark = start_hallmark()
    model = Model(hallmark, "m").make()
    model.published("1.0.0")
    first = active(hallmark)
    done = hallmark.command("keys", "retire", first, check=False)
    assert done.returncode != 0
    assert active(hallmark) == first
    hallmark.command("keys", "add")
    second = wait_active(hallmark, first)
    model.published("2.0.0")
    assert verifies(hallmark, model, "1.0.0", tmp_path) == (first, first)
    assert verifies(hallmark, model, "2.0.0", tmp_path) == (second, second)
    hallmark.restart()
    assert verifies(hallmark, model, "1.0.0", tmp_path) == (first, first)
    model.published("3.0.0")
    assert verifies(hallmark, model, "3.0.0", tmp_path) == (second, second)


def test_a_draft_may_be_signed_by_two_keys(hallmark, model, tmp_path):
    """A file that was put before a rotation is published after it."""
    first = active(hallmark)
    model.draft("1.0.0")
    good(model.put("1.0.0", "model.bin"), 201)
    hallmark.command("keys", "add")
    second = wait_active(hallmark, first)
    good(model.publish("1.0.0"), 200)
    assert verifies(hallmark, model, "1.0.0", tmp_path) == (first, second)
