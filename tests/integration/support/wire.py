"""One connection on which a test says every byte itself and takes the answers one by one."""

import socket

from .http import Answer
from .paths import SLOWNESS

PATIENCE = 5 * SLOWNESS


class Wire:
    """Usable in `with`; answer() is None when the server closes instead of answering."""

    def __init__(self, server, patience=PATIENCE, receive_buffer=None):
        self.server = server
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(patience)
        self.socket.connect((server.host, server.port))
        self.read = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *pieces):
        """Each piece in a segment of its own; False when the server has closed."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                self.socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def head(self, method, path, *fields, token=True, host=True):
        """The bytes of a request's head; fields are whole lines without their end."""
        lines = [f"{method} {path} HTTP/1.1"]
        if host:
            lines.append(f"Host: {self.server.host}:{self.server.port}")
        if token:
            lines.append(f"Authorization: Bearer {self.server.token}")
        lines += [*fields, "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def more(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.read += piece
        return bool(piece)

    def answer(self, body=True):
        """The next response; `body` False for one to HEAD. An interim 100 is one too."""
        while b"\r\n\r\n" not in self.read:
            if not self.more():
                assert not self.read, f"half an answer: {self.read!r}"
                return None
        head, self.read = self.read.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        status = int(first.split()[1])
        lengths = [int(value) for name, value in fields if name.lower() == "content-length"]
        assert len(lengths) <= 1, fields
        size = lengths[0] if lengths and body and status not in (204, 304) else 0
        while len(self.read) < size:
            assert self.more(), f"{len(self.read)} of {size} bytes of a body"
        content, self.read = self.read[:size], self.read[size:]
        return Answer(status, fields, content, first)

    def closed(self):
        """Whether the server closes, having said nothing more."""
        try:
            return not self.read and not self.more()
        except TimeoutError:
            return False
