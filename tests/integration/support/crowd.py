"""A steady crowd of clients that write and read, and keep their own account of what they heard."""

import threading
import time
from dataclasses import dataclass

from .model import MODELS
from .paths import SLOWNESS
from .postgres import rows

WITHIN = 1.0 * SLOWNESS  # of the database's return everybody is served again
# What sql/db.h promises of a change, then sql/readback.h of the search for what became of it.
LONGEST = 16.5


def until(true, seconds=10 * SLOWNESS):
    """Wait for it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def readiness(server):
    """What /ready says: the status, and why not."""
    answer = server.anonymous.get("/ready", timeout=5)
    return answer.status, answer.json.get("reason")


@dataclass
class Heard:
    began: float
    ended: float
    status: int  # 0: the connection ended without an answer
    kind: str  # a problem's type
    retry_after: str | None

    @property
    def good(self):
        return 200 <= self.status < 300


class One(threading.Thread):
    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.heard, self.wrong = server, [], []
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.is_set():
            if not self.once():
                time.sleep(0.02)

    def first_good(self, since):
        """The first good answer that came after a moment."""
        first = None
        for heard in reversed(self.heard):
            if heard.ended < since:
                break
            first = heard if heard.good else first
        return first

    def ask(self, method, path, **more):
        """The answer when there was a good one."""
        began, answer = time.monotonic(), None
        try:
            answer = self.server.request(method, path, timeout=60, **more)
            kind = answer.json.get("type", "") if answer.status >= 400 else ""
        except Exception:  # http.client's own, or the socket's
            kind = "no answer"
        retry = answer.headers.get("retry-after") if answer else None
        self.heard.append(Heard(began, time.monotonic(), answer.status if answer else 0, kind, retry))
        return answer if answer and self.heard[-1].good else None


class Writer(One):
    """Makes versions of a model of its own; `known` are those that were acknowledged."""

    def __init__(self, server, name):
        super().__init__(server)
        self.model, self.known, self.made = f"{MODELS}/{name}", {}, False

    def once(self):
        if not self.made:
            self.made = bool(self.ask("PUT", self.model, json={}))
            return self.made
        answer = self.ask("POST", f"{self.model}/versions", json={"bump": "patch"})
        if answer:
            self.known[answer.json["ordinal"]] = answer.json["version"]
        return bool(answer)


class Reader(One):
    """Asks for what a writer was told last: not to find it is wrong, whatever happened since."""

    def __init__(self, server, writer):
        super().__init__(server)
        self.writer = writer

    def once(self):
        if not self.writer.known:
            return False
        ordinal = max(list(self.writer.known))
        answer = self.ask("GET", f"{self.writer.model}/versions/v{ordinal}")
        if self.heard[-1].status == 404:
            self.wrong.append(f"{self.writer.model} v{ordinal} was acknowledged and is not found")
        return bool(answer)


class Crowd:
    """`with Crowd(server, "name") as crowd:` writes and reads until the block ends, then looks whether
    everything that was acknowledged is there. `servers` share the work between them."""

    def __init__(self, *servers, name, clients=4):
        self.servers, self.server = servers, servers[0]
        self.conninfo = None  # of the database that must have everything; None: the service's
        at = [servers[n % len(servers)] for n in range(clients)]
        across = [servers[(n + 1) % len(servers)] for n in range(clients)]
        self.writers = [Writer(at[n], f"{name}-{n}") for n in range(clients)]
        self.readers = [Reader(across[n], writer) for n, writer in enumerate(self.writers)]
        self.pids = [(server, server.pid("service")) for server in servers]

    @property
    def everybody(self):
        return self.writers + self.readers

    def __enter__(self):
        for one in self.everybody:
            one.start()
        self.wait_served(time.monotonic(), 20)
        return self

    def __exit__(self, kind, *_):
        for one in self.everybody:
            one.stopped.set()
        for one in self.everybody:
            one.join(60)
        if kind is None:
            self.check()

    def wait_served(self, since, within=WITHIN, who=None):
        """Everybody (of `who`) must get a good answer, to be asked after `since`, within so many seconds
        from then; returns how long it took."""
        who = who or self.everybody
        until, took = since + within, {}
        while len(took) < len(who):
            for one in who:
                if one in took:
                    continue
                first = one.first_good(since)
                if first:
                    took[one] = first.ended - since
            assert len(took) == len(who) or time.monotonic() < until + 15 * SLOWNESS, "never served again"
            time.sleep(0.005)
        slowest = max(took.values())
        assert slowest <= within, f"served again after {slowest:.3f} s"
        return slowest

    def since(self, moment, who=None):
        return [h for one in who or self.everybody for h in list(one.heard) if h.ended >= moment]

    def check(self):
        """What holds whatever happened; the database must be well."""
        for one in self.everybody:
            assert not one.is_alive()
            assert not one.wrong, one.wrong[:3]
            for h in one.heard:
                assert h.status < 500 or h.status == 503, h
                assert h.status not in (0, 404), h
                if h.status == 503:
                    assert h.kind in (
                        "/problems/unavailable",
                        "/problems/busy",
                        "/problems/outcome-unknown",
                    ), h
                    assert h.retry_after, h
                assert h.ended - h.began < LONGEST * SLOWNESS, h
        for server, pid in self.pids:
            if server.process.poll() is None:
                assert server.pid("service") == pid, "the service was restarted"
        self.check_kept()

    def rows(self, query):
        return rows(self.conninfo, query) if self.conninfo else self.server.sql(query)

    def check_kept(self):
        """Every acknowledged version is there; ordinals and events have no gaps."""
        for writer in self.writers:
            found = {
                row["ordinal"]: row["semver"]
                for row in self.rows(
                    "SELECT v.ordinal, v.semver FROM version v JOIN model m ON m.id = v.model_id "
                    f"WHERE m.name = '{writer.model.rpartition('/')[2]}'"
                )
            }
            lost = {o: v for o, v in writer.known.items() if found.get(o) != v}
            assert not lost, f"acknowledged and lost: {lost}"
            assert sorted(found) == list(range(1, len(found) + 1))
        self.check_events()

    def check_events(self):
        until = time.monotonic() + 10 * SLOWNESS
        while True:
            (row,) = self.rows(
                "SELECT (SELECT count(*) FROM event_queue) AS waiting,"
                " (SELECT count(*) FROM event) AS events, count(*) AS placed,"
                " coalesce(min(position), 1) AS first, coalesce(max(position), 0) AS last,"
                " (SELECT count(*) FROM version) AS versions,"
                " (SELECT count(*) FROM event WHERE kind = 'version.created') AS created FROM event_order"
            )
            if row["waiting"] == 0 or time.monotonic() > until:
                break
            time.sleep(0.05)
        assert row["waiting"] == 0, "the tick does not go on"
        assert (row["first"], row["last"]) == (1, row["placed"]), row
        assert row["events"] == row["placed"], row
        assert row["versions"] == row["created"], row
