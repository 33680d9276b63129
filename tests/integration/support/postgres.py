"""A PostgreSQL of the tests' own, for a hallmarkd that is given DATABASE_URL."""

import json
import os
import subprocess
import uuid
from pathlib import Path

from .paths import ROOT

# Debian's psql is a script in Perl that looks for this one, which takes longer than the query.
PSQL = max(Path("/usr/lib/postgresql").glob("*/bin/psql"), key=lambda p: int(p.parts[4]), default="psql")

# Says where the server is, then holds it until our end of its standard input closes.
HOLD = 'printf "%s\\n%s\\n%s\\n" "$HALLMARK_TEST_SERVER" "$HALLMARK_TEST_PGDATA" "$HALLMARK_TEST_PGPID"; cat'


class Postgres:
    """tools/private_postgres.sh, kept running until stop(); `options` are server settings."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [ROOT / "tools/private_postgres.sh", "sh", "-c", HOLD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PRIVATE_POSTGRES": " ".join(f"-c {option}" for option in options)},
        )
        self.server = self.process.stdout.readline().strip()
        self.data = self.process.stdout.readline().strip()
        self.pid = int(self.process.stdout.readline() or 0)
        assert self.pid, "the private PostgreSQL did not start"

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)

    @property
    def folder(self):
        """Of its data and its socket."""
        return Path(self.data).parent

    def create_database(self):
        """A new empty database; returns its conninfo, which is a DATABASE_URL too."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        psql(f"{self.server} dbname=postgres", f"CREATE DATABASE {name}")
        return f"{self.server} dbname={name}"


def psql(conninfo, sql, prefix=()):
    """Run SQL, return what it prints. `prefix` is put before the command: another user."""
    done = subprocess.run(
        [*prefix, PSQL, "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-f", "-"],
        input=sql,
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 0, f"psql: {done.stderr}"
    return done.stdout


def rows(conninfo, query, prefix=()):
    """The rows of a query as a list of dicts."""
    return json.loads(psql(conninfo, f"SELECT coalesce(json_agg(t), '[]') FROM ({query}) AS t", prefix))
