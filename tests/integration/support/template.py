"""A state folder as the first start of hallmarkd leaves it, to be copied: initdb and the migrations
take nine tenths of what a first start costs.

One for all workers of a test run: who comes first makes it, and who goes last removes it. Copies
have the same keys, secret and admin's token. What is about a first start asks for one:
Hallmark(fresh=True)."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", os.getpid())
FOLDER = Path(tempfile.gettempdir()) / f"hallmark-template.{RUN}"
held = []  # open while this worker may still want a copy


def begin():
    FOLDER.mkdir(mode=0o755, exist_ok=True)
    held.append((FOLDER / "users").open("w"))
    fcntl.flock(held[0], fcntl.LOCK_SH)


def copy_to(state, make):
    """Copies the template to `state`; make(folder) makes it, in folder/state."""
    if not held:
        begin()
    with (FOLDER / "making").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (FOLDER / "made").exists():
            make(FOLDER)
            (FOLDER / "made").touch()
    subprocess.run(["cp", "-a", "--reflink=auto", FOLDER / "state", state], check=True)


def end():
    """At the end of a worker."""
    while held:
        with held.pop() as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # another still holds it
            shutil.rmtree(FOLDER, ignore_errors=True)
