"""A network that swallows packets, without a firewall: Linux drops the first packet of a connection to
a socket whose row of connections to be accepted is full, and says nothing."""

import contextlib
import socket
import threading
import time


class Hole:
    """Passes bytes on to a local port. close(): nothing is passed on any more, neither what was said on
    open connections nor a new connection's first packet; open(): as before, on new connections."""

    def __init__(self, port):
        self.target, self.passing = ("127.0.0.1", port), threading.Event()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.ends, self.plugs, self.done = [], [], False
        self.passing.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.done = True
        self.passing.set()
        for end in [*self.ends, *self.plugs, self.listener]:
            with contextlib.suppress(OSError):
                end.close()

    def close(self):
        self.passing.clear()
        self.listener.listen(0)
        for _ in range(8):  # more than fit into the row
            plug = socket.socket()
            plug.setblocking(False)
            plug.connect_ex(self.listener.getsockname())
            self.plugs.append(plug)
        time.sleep(0.05)

    def open(self):
        for plug in self.plugs:
            plug.close()
        self.plugs = []
        self.listener.listen(64)
        self.passing.set()
        return time.monotonic()

    def _accept(self):
        while not self.done:
            self.passing.wait()
            with contextlib.suppress(OSError):
                self.listener.settimeout(0.05)
                client, _ = self.listener.accept()
                if not self.passing.is_set():  # came just before
                    self.ends.append(client)
                    continue
                server = socket.create_connection(self.target)
                self.ends += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source, sink):
        with contextlib.suppress(OSError):
            source.settimeout(None)
            while piece := source.recv(65536):
                if not self.passing.is_set():
                    return  # both stay open, and silent
                sink.sendall(piece)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
