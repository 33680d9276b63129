"""The main job with the real model: pushed, shown, found by range, pulled verified, checked offline."""

import base64
import hashlib
import json
import os
import subprocess

import pytest
from support.model import Model, good, pages
from support.paths import COSIGN, HALLMARK, MODEL, SLOWNESS
from support.server import environment

pytestmark = [
    pytest.mark.usefixtures("errors"),
    pytest.mark.skipif(not MODEL.exists(), reason="tools/setup.sh test fetches the model"),
]
DATASET = "s3://data/stsb"
DIGEST = "ab" * 32
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def digests(folder):
    """SHA-256 by path of every file; hidden ones are not pushed."""
    found = {}
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if file.is_file() and not path.parts[0].startswith("."):
            with file.open("rb") as content:
                found[str(path)] = hashlib.file_digest(content, "sha256").hexdigest()
    return found


@pytest.fixture(scope="module")
def hallmark_cli(hallmark, tmp_path_factory):
    """The command line as a user has it: a home, a token file, the registry's address."""
    home = tmp_path_factory.mktemp("home")
    (home / "token").write_text(hallmark.token)
    (home / "token").chmod(0o600)
    env = environment(
        HOME=str(home),
        HALLMARK_URL=f"http://{hallmark.host}:{hallmark.port}",
        HALLMARK_TOKEN_FILE=str(home / "token"),
    )

    def run(*arguments, status=0, offline=False):
        done = subprocess.run(
            [*(["unshare", "--net"] if offline and os.geteuid() == 0 else []), HALLMARK, *arguments],
            env=env,
            capture_output=True,
            text=True,
            timeout=120 * SLOWNESS,
        )
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
        return done

    return run


@pytest.fixture(scope="module")
def pushed(hallmark, hallmark_cli):
    hallmark_cli(
        "push",
        "default/minilm",
        str(MODEL),
        "--version=1.0.0",
        "--metric=stsb_spearman=0.82",
        "--param=epochs=1",
        f"--dataset={DATASET}?sha256={DIGEST}",
        f"--commit={COMMIT}",
        "--publish",
    )
    return Model(hallmark, "minilm")


def test_what_was_pushed_is_all_there(hallmark, pushed):
    version = good(pushed.get("^1"), 200).json
    assert (version["version"], version["state"], version["params"]) == ("1.0.0", "published", {"epochs": 1})
    listed = {item["path"]: item["sha256"] for item in pages(hallmark, pushed.at("1.0.0", "artifacts"))}
    assert listed == digests(MODEL)
    assert version["files"] == len(listed)
    (metric,) = pushed.get("1.0.0", "metrics").json["items"]
    assert (metric["name"], metric["value"]) == ("stsb_spearman", 0.82)
    edges = {edge["kind"]: edge for edge in pushed.get("1.0.0", "lineage").json["edges"]}
    assert edges["dataset"]["digest"] == f"sha256:{DIGEST}"
    assert edges["code"]["commit"] == COMMIT
    assert hallmark.get(pushed.path).json["card"] == (MODEL / "README.md").read_text()


def test_show_tells_it_to_people_and_to_programs(pushed, hallmark_cli):
    text = hallmark_cli("show", "default/minilm@^1").stdout
    for word in (
        "1.0.0",
        "stsb_spearman",
        "0.82",
        DATASET,
        COMMIT,
        "model.safetensors",
        pushed.get("1.0.0").json["key_id"],
    ):
        assert word in text, word
    shown = json.loads(hallmark_cli("show", "default/minilm@^1", "--json").stdout)
    assert shown["version"]["version"] == "1.0.0"


def test_what_is_pulled_is_what_was_pushed(hallmark_cli, tmp_path):
    hallmark_cli("pull", "default/minilm@^1", str(tmp_path / "out"))
    assert digests(tmp_path / "out") == digests(MODEL)
    hallmark_cli("verify", str(tmp_path / "out"), offline=True)
    weights = tmp_path / "out/model.safetensors"
    with weights.open("r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)
        file.seek(50_000_000)
        file.write(bytes([byte[0] ^ 1]))
    done = hallmark_cli("verify", str(tmp_path / "out"), status=14, offline=True)
    assert "model.safetensors" in done.stdout + done.stderr


def test_stock_tools_accept_the_weights(hallmark, pushed, tmp_path):
    (key,) = hallmark.get("/api/v1/keys").json["items"]
    (tmp_path / "key.pub").write_text(key["minisign"])
    (tmp_path / "key.pem").write_text(key["pem"])
    signature = good(pushed.get("1.0.0", "signatures", "model.safetensors.minisig"), 200).body
    (tmp_path / "sig").write_bytes(signature)
    envelope = good(pushed.get("1.0.0", "attestation"), 200)
    (tmp_path / "env.json").write_bytes(envelope.body)
    kind = json.loads(base64.b64decode(envelope.json["payload"]))["predicateType"]
    weights = MODEL / "model.safetensors"
    for command in (
        ["minisign", "-V", "-m", weights, "-x", "sig", "-p", "key.pub"],
        [
            COSIGN,
            "verify-blob-attestation",
            "--key=key.pem",
            "--signature=env.json",
            "--insecure-ignore-tlog",
            f"--type={kind}",
            weights,
        ],
    ):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_pushing_it_again_stores_no_byte_twice(hallmark, pushed, hallmark_cli):
    def stored():
        return sum(
            file.stat().st_size for file in (hallmark.state / "artifacts").rglob("*") if file.is_file()
        )

    before = stored()
    assert before >= (MODEL / "model.safetensors").stat().st_size
    hallmark_cli("push", "default/minilm", str(MODEL), "--bump=minor", "--publish")
    assert pushed.get("latest").json["version"] == "1.1.0"
    assert stored() == before
    json.loads(hallmark_cli("diff", "default/minilm", "1.0.0", "1.1.0", "--json").stdout)
