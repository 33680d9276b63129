"""Requests of every operation that the API's description has, spoilt as bytes.

A Mutant is what one connection says: some requests, made from the description's examples, then
changed in frame, head, query, JSON or chunks, one after another or at once, in pieces. All of it
follows from one seed and a number: Mutant(description, server, seed, n) is the same each time.
judge() holds what came back against HTTP and RFC 9457.
"""

import json
import random
import re
import socket
import struct
from urllib.parse import quote

from .openapi import example, text

WORDS = {
    "project": ["default"] * 6 + ["other", "UPPER"],
    "model": ["minilm"] * 3 + ["draft"] * 3 + ["größe", "gone"],
    "version": ["1.0.0"] * 4 + ["1.1.0", "^1", "latest", "newest", "v1", "@champion", ">=1 <2", "1"],
    "path": ["model.bin", "onnx/model.onnx", "a/../b", "x" * 300],
    "alias": ["champion", "challenger", "v1"],
    "type": ["busy", "nothing"],
}
NASTY = [
    b"",
    b"\0",
    b"%00",
    b"%",
    b"%ff",
    b"%2f",
    b"..",
    b"\r",
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b"\xff",
    b"\xe2\x80\xae",
]
NASTY += [
    b'"',
    b"'",
    b"\\",
    b"{",
    b"[",
    b",",
    b":",
    b";",
    b"0",
    b"-1",
    b"1e400",
    b"18446744073709551616",
    b"null",
]
NASTY += [
    b"\\u0000",
    b"\\ud800",
    b"[" * 3000,
    b'{"a":' * 500,
    b"a" * 5000,
    b"$1",
    b"' OR 1=1 --",
    b"%s%n",
    b"\x1b[2J",
]
FIELDS = [
    b"Content-Length: 5",
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding : chunked",
    b"Expect: 100-continue",
    b"Expect: a miracle",
    b"Connection: close",
    b"Connection: upgrade, keep-alive",
    b"Upgrade: h2c",
    b"Host: elsewhere",
    b"Host:",
    b"Range: bytes=0-0,5-,-3",
    b"Range: bytes=-99999999999999999999",
    b'If-Match: "1", W/"1", *',
    b'If-None-Match: "unclosed',
    b"If-Range: \x01",
    b"Accept: */*;q=0",
    b"Accept: text/html;q=1.0001,;",
    b"Content-Encoding: gzip",
    b"Content-Type: application/json; charset=\xff",
    b"Content-Type: multipart/form-data",
    b"Repr-Digest: sha-256=:AAAA:",
    b"traceparent: 00-0-0-00",
    b"X-Request-Id: " + b"i" * 100,
    b"Authorization: Bearer x",
    b"Cookie: a=b",
    b"X: " + b"y" * 40_000,
    b" folded",
    b"no colon",
    b": nameless",
]
BODIES = {
    "putProject": [{}, {"description": "of mutants"}],
    "addMetrics": [{"metrics": [{"name": "accuracy", "value": 0.5, "step": 1}]}],
    "createVersion": [{"bump": "minor"}, {"version": "1.2.0-rc.1", "tags": {"a": "b"}}],
    "publishVersion": [{}],
}


class Mutant:
    def __init__(self, description, server, seed, n):
        self.name = f"{seed}:{n}"
        self.random = random.Random(self.name)
        self.server = server
        self.token = server.token
        chosen = [self.random.choice(description.operations) for _ in range(self.one_of(1, 1, 1, 2, 4))]
        self.said = b"".join(self.spoilt(*self.request(op)) for op in chosen)
        if self.random.random() < 0.05:
            self.said = self.scratched(self.said)
        self.count = len(chosen)
        self.end = self.one_of(*["waits"] * 20, "half closed", "reset")

    def one_of(self, *choices):
        return self.random.choice(choices)

    # ---- a request as it should be -------------------------------------------------

    def value(self, parameter):
        if parameter["name"] in WORDS:
            return self.random.choice(WORDS[parameter["name"]])
        if "example" in parameter or "examples" in parameter:
            return text(example(parameter))
        return str(self.one_of(1, 2, 500, "name", "up", "down", "current", "points", "2026-01-13T22:03:16Z"))

    def target(self, operation):
        path = operation.path
        for parameter in operation.parameters("path"):
            safe = "/" if parameter["name"] == "path" else ""
            path = path.replace(f"{{{parameter['name']}}}", quote(self.value(parameter), safe=safe))
        query = [
            f"{p['name']}={quote(self.value(p))}"
            for p in operation.parameters("query")
            if p.get("required") or self.random.random() < 0.3
        ]
        return (path + ("?" + "&".join(query) if query else "")).encode()

    def body(self, operation):
        if operation.id == "putArtifact":
            return "application/octet-stream", self.random.randbytes(
                self.one_of(0, 1, 1, 100, 100, 70_000, 70_000, 900_000)
            )
        pointer = operation.description.resolve(f"{operation.pointer}/requestBody")[0]
        media_type, content = next(iter(operation.description.at(f"{pointer}/content").items()))
        samples = BODIES.get(operation.id) or [one["value"] for one in content.get("examples", {}).values()]
        samples = samples or [content.get("example", {})]
        samples = [one for one in samples if isinstance(one, dict)] or [{}]
        return media_type, json.dumps(self.random.choice(samples)).encode()

    def request(self, operation):
        """Request line, fields and body."""
        method = operation.method.upper()
        if method == "GET":
            method = self.one_of("GET", "GET", "GET", "HEAD", "OPTIONS")
        lines = [
            b"%s %s HTTP/1.1" % (method.encode(), self.target(operation)),
            b"Host: " + self.server.host.encode(),
        ]
        if self.random.random() < 0.9:
            lines.append(b"Authorization: Bearer " + self.token.encode())
        for parameter in operation.parameters("header"):
            if parameter.get("required") or self.random.random() < 0.3:
                value = "*" if self.random.random() < 0.5 else self.value(parameter)
                lines.append(f"{parameter['name']}: {value}".encode())
        body = b""
        if "requestBody" in operation.document:
            media_type, body = self.body(operation)
            lines.append(b"Content-Type: " + media_type.encode())
        return lines, body, "requestBody" in operation.document

    # ---- and as it should not be ---------------------------------------------------

    def spoilt(self, lines, body, has_body):
        kind = self.one_of("nothing", "target", "fields", "fields", "json", "json", "frame", "head", "line")
        if kind == "target":
            lines[0] = self.nasty_in(lines[0])
        elif kind == "fields":
            for _ in range(self.one_of(1, 1, 2)):
                lines.insert(self.random.randrange(1, len(lines) + 1), self.random.choice(FIELDS))
        elif kind == "line":
            self.change_lines(lines)
        elif kind == "json" and body and len(body) < 10_000:
            for _ in range(self.one_of(1, 1, 3)):
                body = self.nasty_in(body)
        chunks = has_body and self.random.random() < 0.4
        if chunks:
            lines.append(b"Transfer-Encoding: chunked")
            body = self.chunked(body, kind == "frame")
        elif has_body:
            off = self.one_of(-1, 1, 10) if kind == "frame" else 0
            lines.append(b"Content-Length: %d" % max(0, len(body) + off))
        head = b"\r\n".join([*lines, b"", b""])
        return (self.scratched(head) if kind == "head" else head) + body

    def change_lines(self, lines):
        at = self.random.randrange(len(lines))
        change = self.one_of("double", "drop", "spoil", "swap")
        if change == "double":
            lines.insert(at, lines[at])
        elif change == "drop":
            del lines[at]
        elif change == "spoil":
            lines[at] = self.nasty_in(lines[at])
        else:
            self.random.shuffle(lines)

    def nasty_in(self, said):
        """One of the things nobody expects, put in or in place of some bytes."""
        at = self.random.randrange(len(said) + 1)
        return said[:at] + self.random.choice(NASTY) + said[at + self.one_of(0, 0, 1, 4) :]

    def scratched(self, said):
        """Some bits flipped, a piece lost or said twice."""
        said = bytearray(said)
        for _ in range(self.one_of(1, 1, 2, 8)):
            at = self.random.randrange(len(said))
            change, size = self.one_of("flip", "flip", "lose", "repeat"), self.one_of(1, 2, 20)
            if change == "flip":
                said[at] ^= 1 << self.random.randrange(8)
            elif change == "lose" and len(said) > size:
                del said[at : at + size]
            else:
                said[at:at] = said[at : at + size]
        return bytes(said)

    def chunked(self, body, lies):
        said = bytearray()
        while body:
            size = self.random.randrange(1, self.one_of(2, 20, 40_000))
            told = len(body[:size]) + (
                self.one_of(-1, 1, 1 << 62) if lies and self.random.random() < 0.5 else 0
            )
            extension = self.one_of(b"", b"", b";a=b", b';a="\\""')
            said += (
                b"%x" % max(0, told)
                + extension
                + b"\r\n"
                + body[:size]
                + self.one_of(b"\r\n", b"\r\n", b"\n")
            )
            body = body[size:]
        trailer = self.one_of(b"", b"", b"X-Trailer: 1\r\n", b"Content-Length: 3\r\n")
        return bytes(said) + b"0\r\n" + trailer + b"\r\n"

    # ---- the connection --------------------------------------------------------------

    def converse(self, patience):
        """Say it, whole or in pieces, and some say no more or hang up at once; returns what came and
        whether the server closed."""
        heard, closed = bytearray(), False
        with socket.create_connection((self.server.host, self.server.port), 30) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                for piece in self.pieces():
                    s.sendall(piece)
                if self.end == "half closed":
                    s.shutdown(socket.SHUT_WR)
                elif self.end == "reset":
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return b"", True
                s.settimeout(patience)
                while not complete(heard, self.count) and not closed:
                    piece = s.recv(262_144)
                    heard += piece
                    closed = not piece
            except TimeoutError:
                pass
            except OSError:  # it has closed
                closed = True
        return bytes(heard), closed

    def pieces(self):
        if self.end != "waits":
            return [self.said[: self.random.randrange(len(self.said) + 1)]]
        if self.random.random() < 0.7:
            return [self.said]
        cuts = sorted(self.random.randrange(len(self.said) + 1) for _ in range(self.one_of(1, 3, 10)))
        return [self.said[a:b] for a, b in zip([0, *cuts], [*cuts, len(self.said)], strict=True)]


HEAD = re.compile(
    rb"HTTP/1\.1 ([1-5][0-9][0-9]) [ -~]*\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: *[\t -~\x80-\xff]*\r\n)*)\r\n"
)
SERVER_FAULTS = {501, 503, 507}
LIBRARY = {400, 413, 414, 431, 501, 505}  # what libmicrohttpd says by itself, in a form of its own


def split(heard):
    """Each answer as (status, fields, body, whole); whole is False for one that is cut off."""
    at, answers = 0, []
    while at < len(heard):
        head = HEAD.match(heard, at)
        assert head or b"\r\n\r\n" not in heard[at:], f"no head of an answer: {heard[at : at + 500]!r}"
        if not head:
            return [*answers, (0, {}, b"", False)]
        status, fields = int(head[1]), {}
        for line in head[2].decode("latin-1").splitlines():
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        at, size = head.end(), int(fields.get("content-length", 0))
        if status < 200 or status in (204, 304) or heard.startswith(b"HTTP/1.1 ", at):
            size = 0  # the last: an answer to HEAD, or libmicrohttpd's repeated head
        answers.append((status, fields, heard[at : at + size], at + size <= len(heard)))
        at += size
    return answers


def complete(heard, count):
    """As many answers as there were requests; one to HEAD may lack the body it tells of."""
    answers = [answer for answer in split(heard) if answer[0] >= 200]
    return len(answers) >= count and all(answer[3] for answer in answers)


def judge(said, heard, closed):
    """What is wrong with the answers: AssertionError says it."""
    for status, fields, body, whole in split(heard):
        if "x-request-id" not in fields:
            # A cut head is one that the peer's reset took.
            ours = status in LIBRARY or status in (0, 100)
            assert ours, f"{status} without X-Request-Id: {fields}"
            continue
        assert status < 500 or status in SERVER_FAULTS, f"{status}: {body[:1000]!r}"
        if status < 400 or (not body and b"HEAD" in said):
            continue
        assert fields.get("content-type") == "application/problem+json", (status, fields)
        if whole:
            problem = json.loads(body)
            assert problem["status"] == status, problem
            assert problem["type"].startswith("/problems/"), problem
            assert problem["detail"], problem
        else:
            assert closed or b"HEAD" in said, f"{status} with half a body"
