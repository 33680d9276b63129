"""A real S3 server (moto) in a process of its own, with one bucket."""

import signal
import subprocess
import time
import urllib.request

from .paths import ROOT, SLOWNESS
from .server import free_port

MOTO = ROOT / "build/venv/bin/moto_server"
START_SECONDS = 30 * SLOWNESS


class ObjectStore:
    """What it holds lives in its memory: to have it away for a while, cut the way to it."""

    bucket = "models"

    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen(
            [MOTO, "-H", "127.0.0.1", "-p", str(self.port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + START_SECONDS
        while not self._made_bucket():
            assert self.process.poll() is None, "moto has ended"
            assert time.monotonic() < until, "moto does not come up"
            time.sleep(0.05)

    @property
    def location(self):
        return self.location_through(self.port)

    def location_through(self, port):
        return f"s3://{self.bucket}/registry?endpoint=http://127.0.0.1:{port}"

    def _made_bucket(self):
        try:
            self.request("PUT", "")
        except OSError:
            return False
        return True

    def request(self, method, name, body=None):
        url = f"http://127.0.0.1:{self.port}/{self.bucket}/{name}"
        fields = {"Content-Type": "application/octet-stream", "Authorization": "AWS somebody:else"}
        asked = urllib.request.Request(url, data=body, headers=fields, method=method)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.read()

    def names(self):
        """Of the objects in it, apart from the one that probes write."""
        text = self.request("GET", "?prefix=registry/").decode()
        found = [part.partition("</Key>")[0] for part in text.split("<Key>")[1:]]
        return [name for name in found if name != "registry/writable"]

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
