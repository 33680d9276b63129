"""Mixed load for as long as STEADY_MINUTES says: memory and descriptors do not grow with it.

Readers, writers, uploads, downloads, publishers and clients that hang up go on with the same few
models. After the first third, which fills caches and pools, a line is fitted through what is
sampled (least squares); what it has grown by at the end must be small.
"""

import os
import random
import socket
import threading
import time
from http.client import HTTPException
from pathlib import Path

import pytest
from support import processes
from support.paths import SLOWNESS
from support.registry import artifact_path, make_model, model_path, version_path
from support.server import AS_ROOT

MINUTES = float(os.environ.get("STEADY_MINUTES", "0.15"))
CLIENTS = 4
SAMPLES = 200
MODELS = 8
BODY = 300_000
MIB = 1024 * 1024

# What the fitted line may grow by from the end of the first third to the end. Seconds are short for
# caches to be full: there it is enough to find what is kept of each request, of some thousand.
LONG = MINUTES >= 2
GROWTH = {
    "service": (1.5 if LONG else 6) * MIB,
    "signer": 0.25 * MIB,
    "supervisor": 0.25 * MIB,
    "sessions": (4 if LONG else 12) * MIB,
    "descriptors": 4 if LONG else 12,
}


class Worker(threading.Thread):
    """One client: a kept connection, chosen deeds one after the other, statuses that are right."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.server, self.random = server, random.Random(seed)
        self.stopped = threading.Event()
        self.seed, self.done, self.strange = seed, 0, []
        self.kept = server.connect()

    def run(self):
        deeds = [getattr(self, name) for name in DEEDS]
        while not self.stopped.is_set() and not self.strange:
            deed = self.random.choices(deeds, DEEDS.values())[0]
            try:
                status, right = deed()
            except (OSError, HTTPException) as error:
                status, right = repr(error), ()
            self.done += 1
            if status not in right:
                self.strange.append((deed.__name__, status))

    def ask(self, method, path, **more):
        return self.server.request(method, path, connection=self.kept, **more).status

    @property
    def model(self):
        return f"steady-{self.random.randrange(MODELS)}"

    def read(self):
        return self.ask("GET", version_path(self.model)), (200,)

    def list(self):
        return self.ask("GET", f"{model_path(self.model)}/versions?page_size=20&state=draft"), (200,)

    def look_wrong(self):
        return self.ask("GET", version_path("steady-none")), (404,)

    def create(self):
        """And take away again: a version that was discarded is a row, and nothing more."""
        path = f"{model_path(self.model)}/versions"
        made = self.server.post(path, json={"bump": "patch", "params": {"epochs": 3}}, connection=self.kept)
        if made.status != 201:
            return made.status, (201,)
        gone = f"{path}/{made.json['version']}"
        return self.ask("DELETE", gone, headers={"If-Match": made.headers["ETag"]}), (204,)

    def measure(self):
        points = [{"name": "loss", "value": self.random.random(), "step": self.done}]
        return self.ask("POST", f"{version_path(self.model)}/metrics", json={"metrics": points}), (201,)

    def upload(self):
        path = artifact_path(self.model, f"own-{self.seed}.bin", version="0.1.0")
        body = self.random.randbytes(64) * (BODY // 64)
        return self.ask("PUT", path, body=body, headers={"If-Match": "*"}), (200, 201, 412)

    def first_upload(self):
        path = artifact_path(self.model, f"own-{self.seed}.bin", version="0.1.0")
        return self.ask("PUT", path, body=b"x" * BODY, headers={"If-None-Match": "*"}), (201, 412)

    def download(self):
        path = artifact_path(self.model, "model.bin")
        return self.ask("GET", path, headers={"Range": f"bytes={self.random.randrange(BODY)}-"}), (206,)

    def publish(self):
        versions = f"{model_path(self.model)}/versions"
        made = self.server.post(versions, json={"bump": "major"}, connection=self.kept)
        if made.status != 201:
            return made.status, (201,)
        path = f"{versions}/{made.json['version']}"
        self.ask("PUT", f"{path}/artifacts/card.md", body=b"the same everywhere")
        return self.ask("POST", f"{path}/publish", json={}), (200,)

    def hang_up(self):
        """In the head, in the body, or without hearing the answer."""
        head = (
            f"PUT {artifact_path(self.model, 'never.bin', version='0.1.0')} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {self.server.token}\r\nContent-Length: {BODY}\r\n\r\n"
        ).encode()
        sent = head + b"y" * (BODY // 2)
        with socket.create_connection((self.server.host, self.server.port), 20 * SLOWNESS) as sock:
            sock.sendall(sent[: self.random.choice((20, len(head), len(sent)))])
        return "gone", ("gone",)


DEEDS = {
    "read": 40, "list": 6, "look_wrong": 4, "create": 6, "measure": 8, "first_upload": 2, "upload": 4,
    "download": 10, "publish": 2, "hang_up": 4,
}  # fmt: skip


def furnish(server):
    for i in range(MODELS):
        name = f"steady-{i}"
        make_model(server, name)
        for version in ("0.1.0", "1.0.0"):
            assert server.post(f"{model_path(name)}/versions", json={"version": version}).status == 201
        assert server.put(artifact_path(name, "model.bin"), body=os.urandom(BODY)).status == 201
        assert server.post(f"{version_path(name)}/publish", json={}).status == 200


def sample(server):
    """Bytes of each process's own memory, and of all sessions of the database together; descriptors."""
    found = {role: processes.anonymous(server.pid(role)) for role in ("service", "signer", "supervisor")}
    sessions = 0
    for pid in processes.children(server.pid("postgres")):
        try:
            sessions += processes.anonymous(pid)
        except (OSError, TypeError):
            continue  # it has just ended
    found["sessions"] = sessions
    if AS_ROOT:  # the service lets nobody else look
        found["descriptors"] = len(list(Path(f"/proc/{server.pid('service')}/fd").iterdir()))
    return found


def growth(times, values):
    """Of the line through the points, from the first time to the last."""
    n = len(times)
    mean_t, mean_v = sum(times) / n, sum(values) / n
    slope = sum((t - mean_t) * (v - mean_v) for t, v in zip(times, values, strict=True)) / sum(
        (t - mean_t) ** 2 for t in times
    )
    return slope * (times[-1] - times[0])


@pytest.mark.plain_only
@pytest.mark.timeout(max(180, MINUTES * 60 + 180))
def test_memory_and_descriptors_are_flat(start_hallmark):
    server = start_hallmark()
    furnish(server)
    pid = server.pid("service")
    workers = [Worker(server, seed) for seed in range(CLIENTS)]
    for worker in workers:
        worker.start()
    began, samples = time.monotonic(), []
    while (at := time.monotonic() - began) < MINUTES * 60 and all(worker.is_alive() for worker in workers):
        samples.append((at, sample(server)))
        time.sleep(max(0.05, MINUTES * 60 / SAMPLES))
    for worker in workers:
        worker.stopped.set()
    for worker in workers:
        worker.join(30 * SLOWNESS)
    strange = [one for worker in workers for one in worker.strange]
    done = sum(worker.done for worker in workers)
    assert not strange, strange
    assert server.pid("service") == pid, "the service was restarted"
    later = [(at, values) for at, values in samples if at > MINUTES * 60 / 3]
    grown = {
        what: growth([at for at, _ in later], [values[what] for _, values in later]) for what in later[0][1]
    }
    told = ", ".join(
        f"{what} {later[0][1][what]:,} → {later[-1][1][what]:,} ({by:+,.0f})" for what, by in grown.items()
    )
    print(f"{done} deeds in {MINUTES * 60:.0f} s, {len(later)} samples: {told}")
    too_much = {what: by for what, by in grown.items() if by > GROWTH[what]}
    assert not too_much, f"{too_much} of {told}"
