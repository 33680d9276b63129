"""schemathesis makes up requests from the description, by every rule and against every rule, and
holds the answers against it: with all its checks, as an admin, as a reader, as nobody.

SCHEMATHESIS_SEED and SCHEMATHESIS_EXAMPLES say which and how many; with more than ten examples every
phase runs."""

import json
import os
import re
import subprocess

import pytest
from support.openapi import Description
from support.paths import ROOT, SLOWNESS
from support.registry import make_draft, make_published, make_version, model_path

SEED = os.environ.get("SCHEMATHESIS_SEED", "1")
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "2"))
LONG = EXAMPLES > 10
PATIENCE = 300 * SLOWNESS
DESCRIPTION = Description(json.loads((ROOT / "build/gen/openapi.json").read_text()))
OPERATIONS = len(DESCRIPTION.operations) - 1  # not the one that gives the description
pytestmark = [pytest.mark.usefixtures("service"), pytest.mark.timeout(0 if LONG else PATIENCE + 60)]
PROGRAM = ROOT / "build/venv/bin/schemathesis"


@pytest.fixture(scope="module")
def furnished(hallmark):
    """What the dictionaries of tests/schemathesis.toml name."""
    make_published(hallmark, "minilm")
    make_version(hallmark, "minilm", "1.1.0")
    make_draft(hallmark, "draft")
    champion = f"{model_path('minilm')}/aliases/champion"
    assert hallmark.put(champion, json={"version": "1.0.0"}).status == 201
    return hallmark


def run(server, folder, *options):
    """All checks, on every operation; returns how many operations were tested, with how many requests,
    and over how many links from one answer to the next request the sequences went."""
    done = subprocess.run(
        [
            *(PROGRAM, "--config-file", ROOT / "tests/schemathesis.toml", "--no-color"),
            *("run", f"http://{server.host}:{server.port}/openapi.json", "--checks", "all"),
            *("--seed", SEED, "--max-examples", str(EXAMPLES), *options),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests/integration"), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=None if LONG else PATIENCE,
    )
    print(done.stdout[-20_000:], done.stderr[-5_000:])
    assert done.returncode == 0, f"seed {SEED}"
    tested, made = (re.search(words, done.stdout) for words in (r"Tested: (\d+)", r"(\d+) generated"))
    assert tested, done.stdout
    assert made, done.stdout
    links = re.search(r"(\d+) covered / \d+ selected", done.stdout)
    return int(tested[1]), int(made[1]), int(links[1]) if links else 0


def phases(*names):
    return [] if LONG else ["--phases", ",".join(names)]


def bearer(token):
    return ["-H", f"Authorization: Bearer {token}"]


def test_no_request_of_an_admin_breaks_the_description(furnished, tmp_path):
    """The links are those that the names of parameters and members tell: what a POST made is asked
    for, changed, published, deleted."""
    tested, made, links = run(furnished, tmp_path, *bearer(furnished.token), *phases("coverage", "stateful"))
    assert tested == OPERATIONS
    assert made > 1000
    assert links >= (20 if LONG else 2)


@pytest.mark.skipif(not LONG, reason="make soak runs it")
def test_no_request_of_a_reader_breaks_the_description(furnished, tmp_path):
    made = furnished.command("token", "create", "curious", "--role=reader")
    token = furnished.secret(re.search(r"hmk_pat_\w+", made.stdout)[0])
    assert run(furnished, tmp_path, *bearer(token))[0] == OPERATIONS


def test_no_request_of_nobody_breaks_the_description(furnished, tmp_path):
    tested, made, _ = run(furnished, tmp_path, *phases("examples"))
    assert tested > OPERATIONS / 2  # the others have no examples
    assert made > 100
