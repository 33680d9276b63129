"""Clients that behave badly, and accidents; everything they do follows from one seed.

A Client talks to the server over bare sockets: valid and broken requests of every route,
pipelined, cut into pieces, hung up on at any byte of head, body or answer. Accidents kill,
stop and cut what the server stands on, and keep account of what they ended themselves.
"""

import json
import random
import re
import signal
import socket
import struct
import threading
import time

from . import processes
from .registry import BASE, segment

MODELS = ["bert", "minilm", "gone", "größe", "a b"]
VERSIONS = ["1.0.0", "1.0.1-rc.1", "^1", "latest", "v1", "@champion", "1.x", "nonsense", "%ff", "9.9.9"]
PATHS = ["model.bin", "onnx/model.onnx", "a/../b", "tokenizer.json", "x" * 300]
TEXTS = ["accuracy", "loss", "", "'; --", "ünï", "\x01", "a" * 3000, "%", "_"]

MADE = re.compile(rb'"model":"([a-z]+)","version":"([^"]+)"')

VERSION = "{project}/models/{model}/versions/{version}"
ROUTES = [
    ("GET", VERSION, []),
    ("GET", VERSION + "/artifacts/{path}", []),
    ("GET", VERSION + "/artifacts", ["page_size", "page_token"]),
    ("GET", VERSION + "/signatures/{path}.minisig", []),
    ("GET", VERSION + "/attestation", []),
    ("GET", VERSION + "/metrics", ["view", "names", "page_size"]),
    ("GET", VERSION + "/lineage", ["direction", "depth"]),
    (
        "GET",
        "{project}/models/{model}/versions",
        ["q", "tag", "state", "metric", "range", "sort", "page_size"],
    ),
    ("GET", "{project}/models/{model}/compare", ["versions"]),
    ("GET", "{project}/models/{model}/metrics", ["names", "page_size"]),
    ("GET", "{project}/models/{model}/aliases", ["page_size"]),
    ("GET", "{project}/models/{model}/aliases/champion", []),
    ("GET", "{project}/models/{model}/aliases/champion/history", []),
    ("GET", "{project}/models/{model}", []),
    ("GET", "{project}/models", ["q", "tag", "metric", "sort", "created_after", "page_size"]),
    ("GET", "{project}", []),
    ("GET", "{project}/events", ["kind", "model", "sort", "page_size"]),
    ("GET", BASE, ["page_size"]),
    ("GET", "/api/v1/events", ["kind", "actor", "sort", "page_size"]),
    ("GET", "/api/v1/keys", []),
    ("GET", "/openapi.json", []),
    ("GET", "/problems", []),
    ("GET", "/problems/busy", []),
    ("GET", "/livez", []),
    ("GET", "/ready", []),
    ("GET", "/metrics", []),
    ("GET", "/nowhere", ["a"]),
    ("PUT", "{project}/models/{model}", "model"),
    ("PUT", "{project}/models/{model}", "model"),
    ("PATCH", "{project}/models/{model}", "model"),
    ("PUT", "{project}", "empty"),
    ("POST", "{project}/models/{model}/versions", "version"),
    ("POST", "{project}/models/{model}/versions", "bump"),
    ("PATCH", VERSION, "tags"),
    ("POST", VERSION + "/metrics", "metrics"),
    ("POST", VERSION + "/publish", "empty"),
    ("POST", VERSION + "/publish", "empty"),
    ("POST", VERSION + "/deprecate", "reason"),
    ("POST", VERSION + "/yank", "reason"),
    ("PUT", VERSION + "/artifacts/{path}", "bytes"),
    ("PUT", VERSION + "/artifacts/{path}", "bytes"),
    ("PUT", VERSION + "/artifacts/{path}", "bytes"),
    ("PUT", "{project}/models/{model}/aliases/champion", "alias"),
    ("DELETE", VERSION + "/artifacts/{path}", None),
    ("DELETE", VERSION, None),
    ("DELETE", "{project}/models/{model}", None),
    ("DELETE", "{project}/models/{model}/aliases/champion", None),
]


class Client(threading.Thread):
    """Counts the statuses of the answers it heard; an answer that is no HTTP is `strange`."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.server, self.random = server, random.Random(seed)
        self.statuses, self.strange = {}, []
        self.made, self.heard = [("bert", "1.0.0")], False
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.is_set():
            try:
                self.converse()
            except OSError:
                time.sleep(0.01)  # away, or weary of us

    def one_of(self, *choices):
        return self.random.choice(choices)

    # ---- what is said --------------------------------------------------------------

    def path(self, pattern):
        model, version = self.random.choice(MODELS[:2] * 4 + MODELS), self.random.choice(VERSIONS)
        if self.random.random() < 0.6:
            model, version = self.random.choice(self.made[-4:])
        return pattern.format(
            project=f"{BASE}/{self.random.choice(['default'] * 9 + ['other', 'UPPER'])}",
            model=segment(model),
            version=version if version == "%ff" else segment(version),
            path=self.random.choice(PATHS[:2] * 3 + PATHS),
        )

    def query(self, names):
        said = []
        for name in names + (["unknown"] if self.random.random() < 0.03 else []):
            if self.random.random() < 0.4:
                said.append(f"{name}={segment(self.value(name))}")
        return "?" + "&".join(said) if said else ""

    def value(self, name):
        good = {
            "page_size": ["1", "2", "1000"],
            "view": ["current", "history"],
            "direction": ["up", "down"],
            "depth": ["1", "64"],
            "versions": ["1.0.0,latest", "1.0.0"],
            "sort": ["name", "-created_at", "precedence", "-metric:accuracy"],
            "metric": ["accuracy>0.5", "loss<=1"],
            "tag": ["task:embedding", "task"],
            "range": ["^1", ">=1.2 <2"],
            "created_after": ["2020-01-01T00:00:00Z"],
        }
        return self.random.choice(good.get(name, []) * 2 + TEXTS)

    def document(self, kind):
        if kind == "empty":
            return {}
        if kind == "model":
            return {
                "description": self.random.choice(TEXTS),
                "card": "#" * self.one_of(0, 10, 100_000, 600_000),
                "tags": {self.random.choice(TEXTS): "x" for _ in range(self.one_of(0, 1, 3, 200))},
            }
        if kind == "tags":
            return {"tags": {"task": self.random.choice(TEXTS)}}
        if kind == "reason":
            return {"reason": self.random.choice(TEXTS)}
        if kind == "alias":
            return {"version": self.random.choice(VERSIONS)}
        metrics = [
            {"name": self.random.choice(TEXTS[:2]), "value": self.random.random(), "step": n}
            for n in range(self.one_of(0, 1, 5, 5000))
        ]
        if kind == "metrics":
            return {"metrics": metrics}
        version = {"metrics": metrics[:20], "lineage": [], "params": {"epochs": 1}}
        if self.random.random() < 0.4:
            version["lineage"] = [
                {"kind": "parent", "relation": "fine_tune", "version": "default/bert@1.0.0"}
            ]
        if kind == "bump":
            return {**version, "bump": self.one_of("major", "minor", "patch")}
        return {
            **version,
            "version": self.one_of("1.0.0", "1.0.1-rc.1", "01.0.0", f"1.{self.random.randrange(99)}.0"),
        }

    def body(self, kind):
        if kind == "bytes":
            return self.random.randbytes(self.one_of(0, 1, 1000, 70_000, 300_000, 1_500_000))
        text = json.dumps(self.document(kind)).encode()
        return self.broken(text) if self.random.random() < 0.1 else text

    def broken(self, text):
        at = self.random.randrange(len(text) + 1)
        return text[:at] + self.random.randbytes(self.one_of(0, 1, 3)) + text[at + 1 :]

    def fields(self, method, given):
        lines = [f"Host: {self.server.host}", f"Authorization: Bearer {self.token()}"]
        if given == "bytes":
            lines.append("Content-Type: application/octet-stream")
        elif given:
            merges = method == "PATCH"
            lines.append(f"Content-Type: application/{'merge-patch+json' if merges else 'json'}")
        for line, often in (
            ('If-Match: "1"', 0.1),
            ("If-Match: *", 0.2),
            ("If-None-Match: *", 0.05),
            (f'If-None-Match: "{self.random.choice(["1", "2", "0" * 64])}"', 0.1),
            (f"Range: bytes={self.random.choice(['0-', '5-9', '-1', '9-5', '0-0,2-3'])}", 0.1),
            ("Expect: 100-continue", 0.03),
            ("Expect: miracles", 0.01),
            ("Connection: close", 0.05),
            ("X-Request-Id: " + "i" * self.random.randrange(80), 0.1),
            ("X: " + "y" * self.random.randrange(40_000), 0.01),
            ("Repr-Digest: sha-256=:AAAA:", 0.02),
        ):
            if self.random.random() < often:
                lines.append(line)
        return lines

    def token(self):
        return self.random.choice([self.server.token] * 30 + ["nonsense", self.server.token[:-1] + "x"])

    def request(self):
        method, pattern, given = self.random.choice(ROUTES)
        path = self.path(pattern)
        if method == "GET":
            path += self.query(given)
            given = None
            method = self.random.choice(["GET"] * 8 + ["HEAD", "OPTIONS"])
        lines = self.fields(method, given)
        body = self.body(given) if given else b""
        if given and self.random.random() < 0.3:
            lines.append("Transfer-Encoding: chunked")
            body = self.chunked(body)
        elif given:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("utf-8")
        return self.broken(head) + body if self.random.random() < 0.03 else head + body

    def chunked(self, body):
        said = bytearray()
        while body:
            size = self.random.randrange(1, 1 << self.random.randrange(1, 20))
            said += b"%x\r\n" % len(body[:size]) + body[:size] + b"\r\n"
            body = body[size:]
        return bytes(said) + b"0\r\n\r\n"

    # ---- how it is said ------------------------------------------------------------

    def converse(self):
        """One connection: requests, one after another or at once, and an end of any kind."""
        self.heard = False  # anything, on this connection
        with socket.create_connection((self.server.host, self.server.port), 3) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(self.one_of(1, 1, 3, 8)):
                said = b"".join(self.request() for _ in range(self.one_of(1, 1, 1, 2, 6)))
                manner = self.random.random()
                if manner < 0.2:
                    self.cut_off(s, said)
                    return
                self.send(s, said)
                if manner < 0.3:
                    self.hang_up_within_answer(s)
                    return
                if manner < 0.35:
                    s.shutdown(socket.SHUT_WR)
                if not self.listen(s):
                    return

    def send(self, s, said):
        if self.random.random() < 0.7:
            s.sendall(said)
            return
        while said:
            size = self.random.randrange(1, self.one_of(10, 2000, 200_000))
            s.sendall(said[:size])
            said = said[size:]
            if self.random.random() < 0.02:
                time.sleep(0.01)

    def cut_off(self, s, said):
        self.send(s, said[: self.random.randrange(len(said) + 1)])
        time.sleep(self.one_of(0, 0, 0.001, 0.01, 0.05))
        self.end(s)

    def hang_up_within_answer(self, s):
        time.sleep(self.one_of(0, 0, 0.002, 0.02))
        if self.random.random() < 0.7:
            s.recv(self.one_of(1, 100, 5000, 100_000))
        self.end(s)

    def end(self, s):
        """With a FIN or with a reset."""
        if self.random.random() < 0.5:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()

    def listen(self, s):
        """What comes within a short time; False when the server closed."""
        s.settimeout(self.one_of(0.02, 0.2, 0.6))
        heard = bytearray()
        alive = True
        try:
            while piece := s.recv(262_144):
                heard += piece
                s.settimeout(0.02)
            alive = False
        except TimeoutError:
            pass
        except ConnectionResetError:
            alive = False
        s.settimeout(3)
        self.judge(bytes(heard))
        return alive

    def judge(self, heard):
        if heard and not self.heard and not heard.startswith(b"HTTP/1.1 "):
            self.strange.append(heard[:200])
        self.heard = self.heard or bool(heard)
        for line in heard.split(b"HTTP/1.1 ")[1:]:
            status = line[:3].decode(errors="replace")
            self.statuses[status] = self.statuses.get(status, 0) + 1
            made = MADE.search(line) if status == "201" else None
            if made:
                self.made.append((made[1].decode(), made[2].decode()))


class Accidents:
    """What happens to the server; `ended` counts what was ended on purpose, by its name."""

    def __init__(self, server, seed, kinds):
        self.server, self.random, self.kinds = server, random.Random(seed), kinds
        self.ended = {"service": 0, "signer": 0, "postgres": 0}
        self.told = []

    def one(self):
        kind = self.random.choice(self.kinds)
        self.told.append(kind)
        try:
            getattr(self, kind)()
        except LookupError:
            pass  # it is just being started again

    def kill(self, role):
        self.server.kill(role)
        self.ended[role] += 1

    def signer_dies(self):
        self.kill("signer")

    def service_dies(self):
        self.kill("service")

    def postgres_dies(self):
        self.kill("postgres")

    def keys_are_read_again(self):
        processes.kill(self.server.pid(), signal.SIGHUP)

    def signer_dies_while_renewed(self):
        self.keys_are_read_again()
        time.sleep(self.random.random() * 0.03)
        self.kill("signer")

    def signer_sleeps(self):
        pid = self.server.pid("signer")
        processes.kill(pid, signal.SIGSTOP)
        time.sleep(self.random.random() * 0.3)
        processes.kill(pid, signal.SIGCONT)

    def lanes_break(self):
        """Every connection to the database, at once."""
        try:
            self.server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
        except Exception:  # it is away itself
            pass

    def nothing(self):
        pass
