"""examples/pipeline: what a training Job does, against the real registry."""

import hashlib
import importlib.util
import os
import subprocess
import sys

import pytest
from support.paths import ROOT, SLOWNESS
from support.server import environment

PIPELINE = ROOT / "examples/pipeline"
COMMIT = "da39a3ee5e6b4b0d3255bfef95601890afd80709"


@pytest.fixture
def registry(hallmark, name, tmp_path):
    """The example's own client, for a model of the test's own."""
    spec = importlib.util.spec_from_file_location("registry", PIPELINE / "registry.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    token_file = tmp_path / "token"
    token_file.write_text(f"{hallmark.token}\n")
    made = module.Registry(name, url=f"http://{hallmark.host}:{hallmark.port}", token_file=str(token_file))
    made.Refused = module.Refused
    return made


def test_the_one_page_client_registers_a_model(registry, hallmark):
    registry.create_model("a model", "# A card", {"task": "test"})
    registry.create_model("is there already", "# Another card", {})
    metrics = [{"name": "loss", "value": 1 / step, "dataset": "train", "step": step} for step in (1, 2, 3)]
    version = registry.create_version(
        bump="minor", params={"epochs": 3}, metrics=metrics, lineage=[{"kind": "code", "commit": COMMIT}]
    )
    content = os.urandom(100_000)
    stored = registry.upload(version, "a folder/model ü.onnx", content)
    assert stored["sha256"] == hashlib.sha256(content).hexdigest()
    assert registry.publish(version)["state"] == "published"
    assert hallmark.get(registry.model).json["card"] == "# A card"
    points = hallmark.get(f"{registry.model}/versions/{version}/metrics?view=points").json["items"]
    assert [row["value"] for row in points] == [1.0, 0.5, 1 / 3]


def test_the_one_page_client_says_why_it_was_refused(registry):
    registry.create_model("a model", "", {})
    with pytest.raises(registry.Refused, match="/metrics/0"):
        registry.create_version(version="1.0.0", metrics=[{"name": "loss"}])


def test_the_training_script_publishes_what_it_trained(hallmark, name, tmp_path):
    """With the example's own requirements, which tests/requirements.txt holds too."""
    done = subprocess.run(
        [sys.executable, PIPELINE / "train.py", "--model", name, "--epochs", "4"],
        env=environment(
            HALLMARK_URL=f"http://{hallmark.host}:{hallmark.port}",
            HALLMARK_TOKEN=hallmark.token,
            GIT_COMMIT=COMMIT,
            RUN_URL="https://runs.example/7",
        ),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120 * SLOWNESS,
    )
    assert done.returncode == 0, done.stderr
    version = f"/api/v1/projects/default/models/{name}/versions/0.1.0"
    assert hallmark.get(version).json["params"]["epochs"] == 4
    points = hallmark.get(f"{version}/metrics?view=points&names=accuracy").json["items"]
    assert [row["step"] for row in points] == [1, 2, 3, 4]
    kinds = [edge["kind"] for edge in hallmark.get(f"{version}/lineage").json["edges"]]
    assert kinds == ["dataset", "code", "run"]
