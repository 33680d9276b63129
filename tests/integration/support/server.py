"""A real hallmarkd on a port and a state folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import logs, postgres, processes, template
from .http import Client
from .paths import HALLMARKD, OTHER_POSTGRES, SLOWNESS

READY_SECONDS = 30 * SLOWNESS
STOP_SECONDS = 20 * SLOWNESS
AS_ROOT = os.geteuid() == 0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def environment(**more):
    """Nothing of the tester's own environment that hallmarkd reads reaches it."""
    if OTHER_POSTGRES:
        more.setdefault("HALLMARK_POSTGRES_BIN", str(OTHER_POSTGRES))
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HALLMARK_", "PG", "STORAGE_")) and name != "DATABASE_URL"
    }
    return {**kept, **more}


class Hallmark(Client):
    """hallmarkd serve: an HTTP client with the admin's token, plus its processes and logs.

    Without `database` the embedded PostgreSQL is used, and its state folder is a copy of one that
    was begun before, unless `fresh`. Settings are written in lower case:
    Hallmark(folder, log_level="debug") sets HALLMARK_LOG_LEVEL. close() stops it and
    raises when something was wrong that no single test would have seen.
    """

    def __init__(self, folder=None, database=None, fresh=False, **settings):
        self.folder = Path(folder or tempfile.mkdtemp(prefix="hallmark-test."))
        self.folder.chmod(0o755)  # as root hallmarkd becomes another user, who must get in
        self.state = self.folder / "state"
        self.log_file, self.out_file = self.folder / "stderr.log", self.folder / "stdout.log"
        self.database = database
        self.copied = not (database or fresh)
        self.settings = settings
        self.variables = {}  # of its environment, besides
        self.secrets = []
        self.process = None
        self.program = HALLMARKD
        super().__init__("127.0.0.1", free_port())

    # ---- life ----------------------------------------------------------------------

    @property
    def environment(self):
        names = {
            name.upper() if name.startswith("storage_p") else f"HALLMARK_{name.upper()}": str(value)
            for name, value in self.settings.items()
        }
        where = {"DATABASE_URL": self.database} if self.database else {}
        return environment(
            HALLMARK_STATE=str(self.state),
            HALLMARK_LISTEN=f"{self.host}:{self.port}",
            **where,
            **names,
            **self.variables,
        )

    def start(self, *arguments, wait=True):
        if self.copied and not self.state.exists():
            template.copy_to(self.state, make_template)
        with self.log_file.open("ab") as err, self.out_file.open("ab") as out:
            self.process = subprocess.Popen(
                [self.program, "serve", *arguments],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        if wait:
            self.wait_ready()
            self.read_token()
        return self

    def wait_ready(self, seconds=READY_SECONDS):
        """Until /ready answers 200; returns how many seconds that took."""
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            if self.process.poll() is not None:
                raise AssertionError(f"hallmarkd ended with {self.process.returncode}:\n{self.log_tail()}")
            if self.is_ready():
                return time.monotonic() - began
            time.sleep(0.005)
        raise AssertionError(f"hallmarkd was not ready after {seconds} s:\n{self.log_tail()}")

    def is_ready(self):
        try:
            return self.anonymous.get("/ready", timeout=2).status == 200
        except OSError:
            return False

    def read_token(self):
        """The admin's token, which the first start wrote; with a database `bootstrap` did."""
        file = self.state / "admin.token"
        if file.exists():
            self.token = self.secret(file.read_text().strip())

    def stop(self, with_signal=signal.SIGTERM, seconds=STOP_SECONDS):
        """End it in order; returns the exit status, and leaves no process behind."""
        tree = [self.process.pid, *processes.descendants(self.process.pid)]
        processes.kill(self.process.pid, with_signal)
        status = self.process.wait(seconds)
        left = processes.wait_gone(tree, 5)
        for pid in left:
            processes.kill(pid)
        assert not left, f"hallmarkd ended and left {[processes.command_line(pid) for pid in left]}"
        return status

    def kill(self, role="supervisor", with_signal=signal.SIGKILL):
        """Signal one of its processes (see pid()), once it runs; the supervisor's end is waited for,
        and that of those that end with it, or /ready would still be theirs."""
        pid = self.wait_pid(role)
        ours = [
            child for child in processes.children(pid) if processes.command_line(child)[:1] == ["hallmarkd"]
        ]
        processes.kill(pid, with_signal)
        if role == "supervisor":
            self.process.wait(10)
            processes.wait_gone(ours)
        return pid

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        """Stop, check what it logged, remove its folder; the folder stays when that fails."""
        status = None
        try:
            if self.process and self.process.poll() is None:
                status = self.stop()
        finally:
            self.sweep()
        self.check_logs()
        assert status in (None, 0), f"hallmarkd ended with {status}:\n{self.log_tail()}"
        shutil.rmtree(self.folder, ignore_errors=True)

    def sweep(self):
        """Kill what a failed test left: everything that names our state folder."""
        for pid in processes.naming(str(self.state)):
            processes.kill(pid)
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    # ---- looking inside ------------------------------------------------------------

    def pid(self, role="supervisor"):
        """supervisor, service, signer or postgres (its postmaster)."""
        if role == "supervisor":
            return self.process.pid
        for pid in processes.children(self.process.pid):
            words = processes.command_line(pid)
            if role in words or (words and Path(words[0]).name == role):
                return pid
        raise LookupError(f"{role} does not run")

    def wait_pid(self, role, seconds=10 * SLOWNESS):
        """pid() of a process that is perhaps just being started again."""
        until = time.monotonic() + seconds
        while True:
            try:
                return self.pid(role)
            except LookupError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def secret(self, text):
        """Remember a text that must never show up in the logs."""
        self.secrets.append(text)
        return text

    @property
    def printed(self):
        return self.out_file.read_text()

    @property
    def logs(self):
        return logs.read(self.log_file)

    def log_tail(self, lines=40):
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])

    def check_logs(self):
        if self.log_file.exists():
            logs.check(self.log_file, self.secrets)

    @property
    def conninfo(self):
        """Its database, embedded or not; for the embedded one see also `owner`."""
        if self.database:
            return self.database
        lines = (self.state / "postgres/postmaster.pid").read_text().splitlines()
        return f"host={lines[4]} port={lines[3]} dbname=hallmark"

    @property
    def owner(self):
        """Words before a command that must run as the user of hallmarkd."""
        return ["setpriv", "--reuid=hallmark", "--regid=hallmark", "--clear-groups"] if AS_ROOT else []

    def sql(self, query):
        """The rows of a query in its database, as a list of dicts."""
        return postgres.rows(self.conninfo, query, self.owner)

    def execute(self, sql):
        return postgres.psql(self.conninfo, sql, self.owner)

    def command(self, *arguments, check=True, **more):
        """hallmarkd with these arguments and this server's settings: a finished process."""
        done = subprocess.run(
            [self.program, *arguments],
            env={**self.environment, **more},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60 * SLOWNESS,
        )
        assert not check or done.returncode == 0, f"hallmarkd {' '.join(arguments)}: {done.stderr}"
        return done


def make_template(folder):
    first = Hallmark(folder, fresh=True).start()
    first.stop()
    first.check_logs()
    shutil.rmtree(first.state / "artifacts")  # not every copy keeps them there
