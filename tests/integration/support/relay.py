"""A stretch of bad network between a client and a server."""

import socket
import threading
import time


class Relay:
    """Passes bytes on to a server. After `cut` bytes of a connection's answers it hangs up;
    with `rate` it passes that many bytes a second, either way; `away` it hangs up at once.
    All may be changed at any time."""

    def __init__(self, host, port, cut=None, rate=None):
        self.target, self.cut, self.rate, self.away = (host, port), cut, rate, False
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
            server = socket.create_connection(self.target)
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source, sink, answers):
        passed = 0
        try:
            while piece := source.recv(65536):
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
