"""The signing key is where it is used and nowhere else."""

import base64
from pathlib import Path

import pytest
from support.model import MODELS
from support.paths import FLAVOUR
from support.server import AS_ROOT


def seeds(server):
    """The secret seed of every signing key, out of minisign's secret key files."""
    for file in (server.state / "keys").glob("*.key"):
        yield base64.b64decode(file.read_text().splitlines()[1])[62:94]


def memory_holds(pid, needle):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, access = line.split()[:2]
            if "r" not in access or "[v" in line:
                continue
            start, end = (int(word, 16) for word in span.split("-"))
            try:
                mem.seek(start)
                if needle in mem.read(end - start):
                    return True
            except OSError:
                continue
    return False


@pytest.mark.skipif(not AS_ROOT or FLAVOUR != "plain", reason="reads other processes' memory")
def test_no_process_but_the_signer_has_the_key(start_hallmark):
    server = start_hallmark()
    server.put(f"{MODELS}/k", json={})
    server.post(f"{MODELS}/k/versions", json={"version": "1.0.0"})
    assert server.put(f"{MODELS}/k/versions/1.0.0/artifacts/a", body=b"x").status == 201
    (seed,) = seeds(server)
    assert memory_holds(server.pid("signer"), seed)
    assert not memory_holds(server.pid("service"), seed)
    assert not memory_holds(server.pid("supervisor"), seed)


@pytest.mark.skipif(not AS_ROOT, reason="looks at another user's process")
def test_the_service_and_the_signer_leave_no_core(start_hallmark):
    server = start_hallmark()
    for role in ("service", "signer"):
        limits = Path(f"/proc/{server.pid(role)}/limits").read_text()
        (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert core.split()[4:6] == ["0", "0"], role
