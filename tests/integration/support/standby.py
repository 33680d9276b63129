"""PostgreSQL servers that a test may stop, freeze, kill and start again, alone or as a pair of a
primary and its streaming standby."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import processes
from .paths import OTHER_POSTGRES, SLOWNESS
from .postgres import PSQL, psql, rows

BIN = Path(OTHER_POSTGRES or Path(PSQL).parent)
AS_ROOT = os.geteuid() == 0

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "fsync": "off",  # processes are killed here, no machine is
    "jit": "off",
    "log_min_messages": "fatal",
    "hot_standby": "on",
    "wal_retrieve_retry_interval": "100ms",
    "wal_receiver_timeout": "2s",
}


def owner():
    """Words before a command that must not run as root; PostgreSQL refuses that."""
    if not AS_ROOT:
        return []
    return ["setpriv", "--reuid=hallmark", "--regid=hallmark", "--clear-groups"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Node:
    """One server, on a TCP port of the loopback; its data lies in a folder of its own.

    `copied` is a stopped one whose data this one begins with; `wal` puts the log on another disk."""

    def __init__(self, copied=None, wal=None, **settings):
        self.folder = Path(tempfile.mkdtemp(prefix="hallmark-node."))
        self.data, self.port, self.process = self.folder / "data", free_port(), None
        self.settings = {**SETTINGS, **settings}
        if AS_ROOT:
            shutil.chown(self.folder, "hallmark", "hallmark")
        if copied:
            self._run("cp", "-a", copied.data, self.data)
        else:
            more = [f"--waldir={wal}", "--wal-segsize=1"] if wal else []
            self._run(
                BIN / "initdb",
                f"--pgdata={self.data}",
                "--username=hallmark",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                *more,
            )

    def _run(self, *words):
        done = subprocess.run([*owner(), *words], capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, done.stderr

    @property
    def conninfo(self):
        return f"host=127.0.0.1 port={self.port} user=hallmark dbname=hallmark"

    def start(self, wait=True):
        words = [f"-c{name}={value}" for name, value in self.settings.items()]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*owner(), BIN / "postgres", "-D", self.data, "-k", self.folder, f"-p{self.port}", *words],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if wait:
            self.wait()
        return self

    def begin(self):
        """With an empty database; then it is stopped, to be copied."""
        self.start().execute("CREATE DATABASE hallmark", "postgres")
        self.stop()
        return self

    def answers(self):
        asked = subprocess.run(
            [PSQL, "-qXAt", "-d", f"{self.conninfo} dbname=postgres connect_timeout=2", "-c", "SELECT 1"],
            capture_output=True,
            cwd="/",
        )
        return asked.returncode == 0

    def wait(self, seconds=30 * SLOWNESS):
        """Until it can be asked; the moment when that was so."""
        until = time.monotonic() + seconds
        while not self.answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.01)
        return time.monotonic()

    def stop(self, with_signal=signal.SIGINT):
        """SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one."""
        processes.kill(self.process.pid, with_signal)
        self.process.wait(30 * SLOWNESS)

    def kill(self):
        """As a machine ends: nobody says goodbye."""
        for pid in [self.process.pid, *processes.descendants(self.process.pid)]:
            processes.kill(pid)
        self.process.wait(10)

    def freeze(self):
        """As a machine that hangs: the kernel still takes connections and packets."""
        processes.kill(self.process.pid, signal.SIGSTOP)
        self.frozen = processes.descendants(self.process.pid)
        for pid in self.frozen:
            processes.kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in [*self.frozen, self.process.pid]:
            processes.kill(pid, signal.SIGCONT)
        return time.monotonic()

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, sql, database="hallmark"):
        return psql(f"{self.conninfo} dbname={database}", sql)

    def rows(self, query):
        return rows(self.conninfo, query)

    def configure(self, **settings):
        """Settings of a server that runs, None: as they were."""
        for name, value in settings.items():
            to = f"SET {name} = '{value}'" if value is not None else f"RESET {name}"
            self.execute(f"SET default_transaction_read_only = off; ALTER SYSTEM {to}", "postgres")
        self.execute("SELECT pg_reload_conf()", "postgres")
        return time.monotonic()

    def sessions(self):
        """Of the service under test. One whose commit waits for a standby may have lost its client."""
        return self.rows(
            "SELECT pid, coalesce(wait_event, '') AS wait_event FROM pg_stat_activity "
            "WHERE application_name = 'hallmark' AND backend_type = 'client backend'"
        )

    def serves(self):
        return [session for session in self.sessions() if session["wait_event"] != "SyncRep"]

    def end_sessions(self):
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hallmark'"
        )


class Pair:
    """A primary whose commits wait for its standby; both begin as copies of a Node that is stopped."""

    def __init__(self, fresh):
        self.primary = Node(copied=fresh)
        self.standby = Node(
            copied=fresh,
            cluster_name="standby",
            primary_conninfo=f"host=127.0.0.1 port={self.primary.port} user=hallmark",
        )
        self.standby._run("touch", self.standby.data / "standby.signal")
        self.primary.start()
        self.standby.start()
        self.primary.configure(synchronous_standby_names="*")
        self.wait_attached()

    def wait_attached(self):
        until = time.monotonic() + 20 * SLOWNESS
        while not self.primary.rows("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"):
            assert time.monotonic() < until, "the standby does not follow"
            time.sleep(0.02)

    @property
    def url(self):
        """The DATABASE_URL of a service that follows the primary wherever it is."""
        ports = f"{self.primary.port},{self.standby.port}"
        return (
            f"host=127.0.0.1,127.0.0.1 port={ports} user=hallmark dbname=hallmark "
            "target_session_attrs=read-write"
        )

    def promote(self):
        """The moment when the standby has become a primary."""
        assert self.standby.execute("SELECT pg_promote(true, 30)", "postgres").strip() == "t"
        return time.monotonic()

    def remove(self):
        for node in (self.standby, self.primary):
            node.remove()
