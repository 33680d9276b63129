"""An HTTP client that sends what it is told and judges nothing.

Paths go out as written (no `..` is folded, no `%5E` decoded), redirects are not followed,
a status is never an exception. For bytes that are not HTTP there is raw().
"""

import http.client
import json
import socket
import time
from dataclasses import dataclass, field

TIMEOUT = 60


@dataclass
class Answer:
    """One response. `headers` finds a name in any case, the last one of several."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes
    reason: str = ""
    headers: dict = field(init=False)

    def __post_init__(self):
        self.headers = Headers(self.fields)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    def __repr__(self):
        return f"<{self.status} {self.body[:2000]!r}>"


class Headers(dict):
    """Header fields by lower-case name; every() gives all of one name, in order."""

    def __init__(self, fields):
        super().__init__((name.lower(), value) for name, value in fields)
        self.fields = fields

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __contains__(self, name):
        return super().__contains__(name.lower())

    def get(self, name, default=None):
        return super().get(name.lower(), default)

    def every(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]


class Client:
    """Requests to one address with one token; a connection per request unless kept.

        client.put("/api/v1/projects/default/models/m", json={}, headers={"If-Match": "*"})

    `token` None sends no Authorization. `body` may be bytes, a file or an iterator of
    bytes (sent chunked). A header given as a list is sent once for each value.
    """

    def __init__(self, host, port, token=None):
        self.host, self.port, self.token = host, port, token

    def with_token(self, token):
        return Client(self.host, self.port, token)

    @property
    def anonymous(self):
        return self.with_token(None)

    def connect(self, timeout=TIMEOUT):
        """A connection to hand to request() again and again: keep-alive."""
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def request(self, method, path, *, json=None, body=None, headers=None, connection=None, timeout=TIMEOUT):
        fields = self._fields(json, headers)
        if json is not None:
            body = dump(json)
        kept = connection is not None
        connection = connection or self.connect(timeout)
        try:
            self._send(connection, method, path, fields, body)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read(), response.reason)
        finally:
            if not kept:
                connection.close()

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def head(self, path, **kw):
        return self.request("HEAD", path, **kw)

    def options(self, path, **kw):
        return self.request("OPTIONS", path, **kw)

    def put(self, path, **kw):
        return self.request("PUT", path, **kw)

    def post(self, path, **kw):
        return self.request("POST", path, **kw)

    def patch(self, path, **kw):
        return self.request("PATCH", path, **kw)

    def delete(self, path, **kw):
        return self.request("DELETE", path, **kw)

    def _fields(self, json, headers):
        fields = {}
        if self.token is not None:
            fields["Authorization"] = f"Bearer {self.token}"
        if json is not None:
            fields["Content-Type"] = "application/json"
        for name, value in (headers or {}).items():
            fields.pop(next((known for known in fields if known.lower() == name.lower()), None), None)
            if value is not None:
                fields[name] = value
        return fields

    def _send(self, connection, method, path, fields, body):
        sized = body is None or isinstance(body, (bytes, bytearray))
        given = {name.lower() for name in fields}
        connection.putrequest(method, path, skip_host="host" in given, skip_accept_encoding=True)
        for name, value in fields.items():
            for one in value if isinstance(value, list) else [value]:
                connection.putheader(name, one)
        chunked = not sized and "content-length" not in given
        if (
            sized
            and "content-length" not in given
            and (body is not None or method in ("PUT", "POST", "PATCH"))
        ):
            connection.putheader("Content-Length", str(len(body or b"")))
        if chunked and "transfer-encoding" not in given:
            connection.putheader("Transfer-Encoding", "chunked")
        try:
            connection.endheaders(body, encode_chunked=chunked)
        except (BrokenPipeError, ConnectionResetError):
            if connection.sock is None:
                raise  # reset before there was a connection
            # Otherwise refused before the body was whole: the answer says why.

    def raw(self, sent, timeout=5.0, shut=False):
        return raw(self.host, self.port, sent, timeout, shut)


def dump(value):
    return json.dumps(value, ensure_ascii=False).encode()


@dataclass
class Raw:
    """What came back on a bare connection, and whether the server closed it."""

    data: bytes
    closed: bool
    seconds: float

    @property
    def statuses(self):
        """The status of every response in the bytes, in order."""
        return [
            int(line[9:12])
            for line in self.data.split(b"\r\n")
            if line.startswith((b"HTTP/1.1 ", b"HTTP/1.0 "))
        ]


def raw(host, port, sent, timeout=5.0, shut=False):
    """Send bytes, or bytes piece by piece from an iterator, and read until the server closes
    or is silent for `timeout` seconds. `shut` ends our side of the connection after sending."""
    pieces = [sent] if isinstance(sent, bytes) else sent
    began = time.monotonic()
    data, closed = bytearray(), False
    with socket.create_connection((host, port), timeout) as s:
        try:
            for piece in pieces:
                s.sendall(piece)
            if shut:
                s.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            closed = True
        try:
            while piece := s.recv(65536):
                data += piece
            closed = True
        except TimeoutError:
            pass
        except ConnectionResetError:
            closed = True
    return Raw(bytes(data), closed, time.monotonic() - began)
