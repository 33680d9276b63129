"""Requests to a service that runs out of memory while it answers, and what may become of them.

A request's answer is the right one, or a 503 that says so, or the connection is closed without a
byte of an answer; and what the registry then holds is what the answer says.
"""

import hashlib
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from types import MappingProxyType

from . import processes
from .paths import SLOWNESS
from .registry import artifact_path, make_draft, make_published, model_path, version_path
from .siege import MARGIN, MIB
from .wire import Wire

ROLE = "hallmarkd service"
PATIENCE = 12 * SLOWNESS  # seconds in which every request ends
KEPT = ("busy", "unavailable")  # problems after which nothing is changed
CLOSED = "closed"

# What differs from one run to the next, however right it is.
VOLATILE = {"date", "x-request-id", "traceparent"}
SCRUBS = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.0-9]*Z"), "TIME"),
    (re.compile(r'"(payload|sig)":"[^"]+"'), r'"\1":"…"'),
    (re.compile(r'"(arrival|position)":\d+'), r'"\1":0'),
    (re.compile(r"urn:request:[0-9a-zA-Z-]+"), "urn:request:ID"),
    (re.compile(r'(page_token(?:":"|=))[A-Za-z0-9_-]+'), r"\1TOKEN"),
]


@dataclass
class Ask:
    """One request; `body` is bytes, or a list of chunks."""

    method: str
    path: str
    body: bytes | list | None = None
    fields: tuple = ()
    token: bool = True

    def bytes(self, wire):
        fields = [*self.fields]
        if isinstance(self.body, list):
            fields.append("Transfer-Encoding: chunked")
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in self.body) + b"0\r\n\r\n"
        else:
            body = self.body or b""
            if self.body is not None or self.method in ("PUT", "POST", "PATCH"):
                fields.append(f"Content-Length: {len(body)}")
        return wire.head(self.method, self.path, *fields, token=self.token) + body


def ask_json(method, path, value, *fields):
    return Ask(method, path, json.dumps(value).encode(), ("Content-Type: application/json", *fields))


def talk(server, ask):
    """The answer to a request on a connection of its own; CLOSED when there was not a byte of one."""
    try:
        with Wire(server, patience=PATIENCE) as wire:
            wire.send(ask.bytes(wire))
            return wire.answer(body=ask.method != "HEAD") or CLOSED
    except ConnectionError:
        return CLOSED


def words_of(name, ask):
    """What an answer repeats of a request, and the word for it that is the same each time."""
    whole = b"".join(ask.body) if isinstance(ask.body, list) else ask.body or b""
    return {
        name: "NAME",
        hashlib.sha256(whole).hexdigest(): "SHA256",
        hashlib.blake2b(whole).hexdigest(): "BLAKE2B",
    }


def scrubbed(text, words):
    for pattern, word in SCRUBS:
        text = pattern.sub(word, text)
    for known, word in words.items():
        text = text.replace(known, word)
    return text


def essence(answer, words=MappingProxyType({})):
    """What must be the same each time."""
    fields = sorted(
        (key.lower(), scrubbed(value, words)) for key, value in answer.fields if key.lower() not in VOLATILE
    )
    present = {key.lower() for key, _ in answer.fields} & VOLATILE
    try:
        body = scrubbed(answer.body.decode(), words)
    except UnicodeDecodeError:
        body = answer.body
    return answer.status, fields, present, body


def problem_of(answer):
    """The type of a 503 that is a whole problem document."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.fields
    assert answer.headers["X-Content-Type-Options"] == "nosniff", answer.fields
    assert answer.headers["Retry-After"] == "1", answer.fields
    if not answer.body:
        return "unspoken"  # to HEAD
    document = json.loads(answer.body)
    assert document["status"] == 503, document
    assert document["title"], document
    assert document["detail"], document
    return document["type"].removeprefix("/problems/")


def judge(answer, right, words=MappingProxyType({})):
    """right, closed, or the type of the 503; anything else is wrong."""
    if answer == CLOSED:
        return CLOSED
    if answer.status == 503 and right[0] != 503:
        return problem_of(answer)
    got = essence(answer, words)
    assert got == right, f"\n{got}\n is not\n{right}"
    return "right"


class Vigil:
    """The service may end, when it says why; by no signal, and not for long."""

    def __init__(self, server):
        self.server, self.ends = server, 0
        self.pid = server.wait_pid("service")
        self.before = processes.anonymous(self.pid)

    def look(self):
        if processes.alive(self.pid):
            return
        lines = self.server.logs
        ended = [line for line in lines if line["msg"] == "ended" and line["process"] == "service"]
        until = time.monotonic() + 2
        while len(ended) <= self.ends and time.monotonic() < until:
            time.sleep(0.01)
            lines = self.server.logs
            ended = [line for line in lines if line["msg"] == "ended" and line["process"] == "service"]
        assert (ended[-1]["status"], ended[-1]["signal"]) == (1, 0), ended[-1]
        said = [line for line in lines if line["msg"] in ("out_of_memory", "start")]
        self.ends = len(ended)
        assert len(said) >= self.ends, ended
        self.server.wait_ready()
        self.pid = self.server.wait_pid("service")
        self.before = processes.anonymous(self.pid)

    def memory_comes_back(self):
        until = time.monotonic() + 5
        while (now := processes.anonymous(self.pid)) > self.before + MARGIN:
            assert time.monotonic() < until, f"{self.before / MIB:.1f} MiB before, {now / MIB:.1f} MiB after"
            time.sleep(0.05)


@dataclass
class Tally:
    """What became of the requests of one kind."""

    sites: int = 0
    became: dict = field(default_factory=dict)

    def add(self, what):
        self.sites += 1
        self.became[what] = self.became.get(what, 0) + 1


def starve_reads(memory, server, ask, before=None, stride=None, **how):
    """A request that changes nothing, again and again with another allocation failing; before()
    is called each time before."""
    vigil, tally = Vigil(server), Tally()
    first = talk(server, ask)
    right, follow = essence(first), next_page(server, ask, first)
    assert right == essence(talk(server, ask)), "the same each time"

    def check(answer):
        said = judge(answer, right)
        assert said != "right" or next_page(server, ask, answer) == follow, "another next page"
        return said

    def once(armed):
        if before:
            before()
        with armed() as shot:
            answer = talk(server, ask)
        noted(shot, vigil.look)
        if shot.failed:
            tally.add(noted(shot, check, answer))
        return shot

    memory.every_site(once, **{"role": ROLE, **({"stride": stride} if stride else {}), **how})
    assert judge(soon(server, ask, right), right) == "right"
    vigil.memory_comes_back()
    return tally


def soon(server, ask, right):
    """The right answer, which may wait for a connection to the database to come back."""
    until = time.monotonic() + 5
    while (answer := talk(server, ask)) == CLOSED or essence(answer) != right:
        assert time.monotonic() < until, answer
        time.sleep(0.05)
    return answer


def next_page(server, ask, answer):
    """What the page token of a list leads to; None when it has none."""
    token = re.search(rb'"next_page_token":"([^"]+)"', answer.body)
    if not token:
        return None
    mark = "&" if "?" in ask.path else "?"
    return essence(server.get(f"{ask.path}{mark}page_token={token[1].decode()}"))


def noted(shot, check, *arguments):
    """What check() says; when it objects, together with where memory failed."""
    try:
        return check(*arguments)
    except AssertionError as wrong:
        raise AssertionError(f"{wrong}\nwithout {shot.where}") from None


class Change:
    """A kind of request that changes something: prepare(server, name) makes what it needs,
    ask(name) is the request, each of state(name) a path that shows what there is."""

    def __init__(self, prepare, ask, *state):
        self.prepare, self.ask, self.state = prepare, ask, state

    def fresh(self, server):
        """A name for which everything is prepared; the last failure may still be felt."""
        until = time.monotonic() + 10
        while True:
            name = f"n{uuid.uuid4().hex}"
            try:
                self.prepare(server, name)
                return name
            except (AssertionError, OSError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def seen(self, server, words):
        (name,) = [known for known, word in words.items() if word == "NAME"]
        return [essence(server.get(path(name)), words) for path in self.state]


def starve_change(memory, server, change, stride=None, **how):
    vigil, tally = Vigil(server), Tally()

    def begin():
        name = change.fresh(server)
        ask = change.ask(name)
        return ask, words_of(name, ask)

    ask, words = begin()
    before = change.seen(server, words)
    right = essence(talk(server, ask), words)
    assert right[0] < 300, right
    after = change.seen(server, words)
    assert before != after

    def check(answer, words):
        said = judge(answer, right, words)
        try:
            there = change.seen(server, words)
        except OSError:  # it ends just now
            time.sleep(0.1)
            vigil.look()
            there = change.seen(server, words)
        allowed = [after] if said == "right" else [before] if said in KEPT else [before, after]
        assert there in allowed, f"{said}, but there is\n{there}\nnot\n{allowed}"
        return said

    def once(armed):
        ask, words = begin()
        with armed() as shot:
            answer = talk(server, ask)
        noted(shot, vigil.look)
        if shot.failed:
            tally.add(noted(shot, check, answer, words))
        return shot

    memory.every_site(once, **{"role": ROLE, **({"stride": stride} if stride else {}), **how})
    vigil.memory_comes_back()
    return tally


# ---- kinds of requests ---------------------------------------------------------------------

BIG = bytes(range(256)) * 4096 * 3  # 3 MiB


def furnish(server):
    """What the reads ask for: a model `full` with everything that there is."""
    make_published(server, "parent")
    server.put(model_path("full"), json={"card": "# " + "x" * 20_000, "tags": {"team": "vision"}})
    for version in ("1.0.0", "1.1.0", "1.2.0-rc.1", "2.0.0", "3.0.0"):
        draft = {
            "version": version,
            "params": {"lr": 0.1, "layers": [1, 2]},
            "tags": {"stage": "x"},
            "metrics": [{"name": "f1", "value": 0.5, "step": 3}, {"name": "auc", "value": 0.25}],
            "lineage": [
                {"kind": "dataset", "uri": "s3://data/x", "digest": "sha256:" + "ab" * 32},
                {"kind": "parent", "relation": "fine_tune", "version": "default/parent@1.0.0"},
            ],
        }
        answer = server.post(f"{model_path('full')}/versions", json=draft)
        assert answer.status == 201, answer
        for path, body in (("big.bin", BIG), ("a/small.txt", b"hello")):
            assert server.put(artifact_path("full", path, version), body=body).status == 201
        if version != "3.0.0":
            assert server.post(f"{version_path('full', version)}/publish").status == 200
    assert server.post(f"{version_path('full', '2.0.0')}/yank", json={"reason": "broken"}).status == 200
    assert server.put(f"{model_path('full')}/aliases/champion", json={"version": "1.1.0"}).status == 201
    assert server.put(f"{model_path('full')}/aliases/older", json={"version": "1.0.0"}).status == 201
    make_draft(server, "empty")


FULL = model_path("full")
READS = {
    "model": Ask("GET", FULL),
    "version": Ask("GET", version_path("full", "1.1.0")),
    "range": Ask("GET", version_path("full", "^1.0")),
    "alias as version": Ask("GET", version_path("full", "@champion")),
    "yanked": Ask("GET", artifact_path("full", "a/small.txt", "2.0.0")),
    "models": Ask("GET", f"{model_path('x')[:-2]}?q=full&tag=team%3Avision&sort=name&page_size=1"),
    "versions": Ask("GET", f"{FULL}/versions?metric=f1%3E0.1&tag=stage%3Ax&page_size=2"),
    "metrics": Ask("GET", f"{version_path('full', '1.1.0')}/metrics"),
    "series": Ask("GET", f"{FULL}/metrics?names=f1"),
    "lineage": Ask("GET", f"{version_path('full', '1.1.0')}/lineage?direction=up"),
    "compare": Ask("GET", f"{FULL}/compare?versions=1.0.0,1.1.0"),
    "aliases": Ask("GET", f"{FULL}/aliases"),
    "history": Ask("GET", f"{FULL}/aliases/champion/history"),
    "events": Ask("GET", "/api/v1/projects/default/events?model=default/full&page_size=5&sort=position"),
    "files": Ask("GET", f"{version_path('full', '1.1.0')}/artifacts?page_size=1"),
    "no files": Ask("GET", f"{version_path('empty', '1.0.0')}/artifacts"),
    "download": Ask("GET", artifact_path("full", "big.bin", "1.1.0")),
    "part": Ask("GET", artifact_path("full", "big.bin", "1.1.0"), None, ("Range: bytes=100-299",)),
    "head": Ask("HEAD", artifact_path("full", "big.bin", "1.1.0")),
    "signature": Ask("GET", f"{version_path('full', '1.1.0')}/signatures/big.bin.minisig"),
    "attestation": Ask("GET", f"{version_path('full', '1.1.0')}/attestation"),
    "projects": Ask("GET", "/api/v1/projects"),
    "keys": Ask("GET", "/api/v1/keys"),
    "openapi": Ask("GET", "/openapi.json"),
    "ready": Ask("GET", "/ready", token=False),
    "not modified": Ask("GET", version_path("full", "1.1.0"), None, ("If-None-Match: *",)),
    "401": Ask("GET", FULL, token=False),
    "404": Ask("GET", model_path("none")),
    "400": Ask("GET", f"{FULL}/versions?metric=f1&colour=red"),
    "405": Ask("DELETE", f"{FULL}/compare"),
    "bad JSON": ask_json("PATCH", FULL, {"card": 5, "colour": "red"}, "If-Match: *"),
}


def nothing(_server, _name):
    pass


def model_only(server, name):
    assert server.put(model_path(name), json={}).status == 201


def with_file(server, name):
    make_draft(server, name)
    assert server.put(artifact_path(name, "f"), body=b"old").status == 201


def versions_of(name):
    return f"{model_path(name)}/versions"


def under(suffix):
    return lambda name: version_path(name) + suffix


def published(server, name):
    make_published(server, name)


DRAFT = {
    "version": "1.0.0",
    "params": {"lr": 0.1},
    "tags": {"a": "b"},
    "metrics": [{"name": "f1", "value": 0.5, "step": 3}],
    "lineage": [{"kind": "dataset", "uri": "s3://data/x", "digest": "sha256:" + "ab" * 32}],
}
MATCH = "If-Match: *"
CHANGES = {
    "new model": Change(
        nothing,
        lambda name: ask_json("PUT", model_path(name), {"card": "x" * 3000, "tags": {"a": "b"}}),
        model_path,
    ),
    "new version": Change(
        model_only, lambda name: ask_json("POST", versions_of(name), DRAFT), versions_of, under("/metrics")
    ),
    "patch": Change(
        model_only, lambda name: ask_json("PATCH", model_path(name), {"card": "y"}, MATCH), model_path
    ),
    "rename": Change(
        model_only,
        lambda name: ask_json("PATCH", model_path(name), {"name": name + "-b"}, MATCH),
        lambda name: model_path(name + "-b"),
    ),
    "metrics": Change(
        make_draft,
        lambda name: ask_json(
            "POST",
            version_path(name) + "/metrics",
            {"metrics": [{"name": f"m{n}", "value": n / 8, "step": n} for n in range(20)]},
        ),
        under("/metrics"),
    ),
    "small upload": Change(
        make_draft,
        lambda name: Ask("PUT", artifact_path(name, "f"), b"weights"),
        under("/artifacts"),
        under("/artifacts/f"),
    ),
    "large upload": Change(
        make_draft,
        lambda name: Ask("PUT", artifact_path(name, "f"), BIG + name.encode()),
        lambda name: version_path(name) + "/artifacts?page_size=1",
    ),
    "chunked upload": Change(
        make_draft,
        lambda name: Ask("PUT", artifact_path(name, "f"), [name.encode(), b"x" * 100_000, BIG[:700_000]]),
        lambda name: version_path(name) + "/artifacts?page_size=1",
    ),
    "replacing": Change(
        with_file,
        lambda name: Ask("PUT", artifact_path(name, "f"), b"new", (MATCH,)),
        under("/artifacts"),
        under("/artifacts/f"),
    ),
    "publish": Change(
        with_file,
        lambda name: Ask("POST", version_path(name) + "/publish", b""),
        under(""),
        under("/attestation"),
    ),
    "deprecate": Change(
        published,
        lambda name: ask_json("POST", version_path(name) + "/deprecate", {"reason": "old"}),
        under(""),
    ),
    "alias": Change(
        published,
        lambda name: ask_json("PUT", model_path(name) + "/aliases/best", {"version": "1.0.0"}),
        lambda name: model_path(name) + "/aliases",
    ),
    "remove file": Change(
        with_file, lambda name: Ask("DELETE", artifact_path(name, "f"), None, (MATCH,)), under("/artifacts")
    ),
    "discard": Change(make_draft, lambda name: Ask("DELETE", version_path(name), None, (MATCH,)), under("")),
    "remove model": Change(
        model_only, lambda name: Ask("DELETE", model_path(name), None, (MATCH,)), model_path
    ),
}
