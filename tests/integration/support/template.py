"""A state folder as the first start of hallmarkd leaves it, to be copied: initdb and the migrations
take nine tenths of what a first start costs.

One for all workers of a test run; whoever comes first makes it. Copies have the same keys, secret
and admin's token. What is about a first start asks for one: Hallmark(fresh=True)."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

NAME = "HALLMARK_TEST_TEMPLATE"


def begin():
    """Before the workers are started, which find the folder in their environment."""
    os.environ[NAME] = tempfile.mkdtemp(prefix="hallmark-template.")
    Path(os.environ[NAME]).chmod(0o755)


def end():
    shutil.rmtree(os.environ.pop(NAME), ignore_errors=True)


def copy_to(state, make):
    """Copies the template to `state`; make(folder) makes it, in folder/state."""
    folder = Path(os.environ[NAME])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            make(folder)
            (folder / "made").touch()
    subprocess.run(["cp", "-a", "--reflink=auto", folder / "state", state], check=True)
