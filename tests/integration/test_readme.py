"""What the README, docs/trust.md and docs/api.md tell people to type is typed, and prints what they say."""

import os
import subprocess
from pathlib import Path

import pytest
from support import walkthrough
from support.paths import BIN, COSIGN, MODEL, ROOT
from support.server import environment

PAGES = {"README.md": 7, "docs/trust.md": 10, "docs/api.md": 8}  # and how many commands at least


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, hallmark):
    """A folder that looks like the checkout in which `make run` was typed."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "build/tools").mkdir(parents=True)
    (folder / "build/plain").symlink_to(BIN.parent)
    (folder / "build/tools/models").symlink_to(MODEL.parent)
    (folder / "var").symlink_to(hallmark.state)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def shell(checkout):
    path = os.pathsep.join([str(Path(COSIGN).parent), os.environ["PATH"]])
    one = walkthrough.Shell(checkout, environment(HOME=str(checkout), PATH=path))
    yield one
    one.close()


@pytest.mark.skipif(not COSIGN.exists(), reason="cosign is not built: tools/setup.sh cosign")
def test_what_the_pages_say_works(shell, hallmark):
    for page, least in PAGES.items():
        steps = walkthrough.steps((ROOT / page).read_text())
        assert len(steps) >= least
        follow(shell, hallmark, steps)


def follow(shell, hallmark, steps):
    for command, wanted in steps:
        got, status = shell.run(command.replace("127.0.0.1:8080", f"{hallmark.host}:{hallmark.port}"))
        assert status == 0, f"{command}\n{got}"
        assert walkthrough.fits(wanted, got), (
            f"{command}\n--- printed\n{got}\n--- the page says\n" + "\n".join(wanted)
        )


def test_a_start_prints_what_the_readme_shows(hallmark):
    """The words before the values: they stand in a column of their own."""
    block = next(
        block for block in (ROOT / "README.md").read_text().split("```text\n") if "Serving" in block[:10]
    )
    shown = block.partition("```")[0].splitlines()
    assert len(shown) == 4
    assert [line[:16] for line in hallmark.printed.splitlines()] == [line[:16] for line in shown]


def test_make_knows_what_the_readme_names():
    done = subprocess.run(["make", "-n", "run", "test"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_comparison_sees_a_difference():
    assert walkthrough.fits(["a", "…", "c"], "a\nb\nb\nc\n")
    assert walkthrough.fits(["key 1D1E27792440274C", '{"a":…}'], 'key B96031523932FAF2\n{"a":1}\n')
    assert not walkthrough.fits(["a", "…", "c"], "a\nb\nd\n")
    assert not walkthrough.fits([], "something\n")
    assert not walkthrough.fits(["12 files"], "13 files\n")
