"""A stretch of bad network between a client and a server."""

import contextlib
import socket
import threading
import time


class Relay:
    """Passes bytes on to a server, at host and port or, when host is a path, at a Unix socket.
    After `cut` bytes of a connection's answers it hangs up; with `rate` it passes that many
    bytes a second, either way; `away` it hangs up at once; an answer with `swallow` in it is not
    passed on, once, and its connection ended. All may be changed at any time."""

    def __init__(self, host, port=None, cut=None, rate=None):
        self.target, self.cut, self.rate, self.away = (host, port), cut, rate, False
        self.swallow = None
        self.swallowed = threading.Event()
        self.open = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.away:
                client.close()
                continue
            server = self._connect()
            self.open |= {client, server}
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _connect(self):
        host, port = self.target
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(host)
        return server

    def hang_up(self):
        """On everybody who is connected."""
        for end in list(self.open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _swallows(self, piece):
        found = self.swallow is not None and self.swallow in piece
        if found:
            self.swallow = None
            self.swallowed.set()
        return found

    def _pass(self, source, sink, answers):
        passed = 0
        try:
            while piece := source.recv(65536):
                if answers and self._swallows(piece):
                    break
                sink.sendall(piece)
                passed += len(piece)
                if self.rate:
                    time.sleep(len(piece) / self.rate)
                if answers and self.cut and passed >= self.cut:
                    break
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
            self.open.discard(end)
