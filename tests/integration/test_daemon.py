"""The daemon around the service: first start, restarts of what dies, stopping, privileges."""

import json
import os
import pwd
import re
import signal
import stat
import subprocess
import time

import pytest
from support import processes
from support.paths import FLAVOUR, HALLMARKD, SLOWNESS
from support.server import AS_ROOT, Hallmark, environment

ROLES = ("service", "signer", "postgres")


FRESH = True  # the server that these tests share makes its first start


def until(true, seconds=15 * SLOWNESS):
    """Wait until true() is; its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if value := true():
                return value
        except LookupError:
            pass
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s")


def new_pid(server, role, old):
    return until(lambda: (pid := server.pid(role)) != old and processes.alive(pid) and pid)


def log_has(server, msg):
    return until(lambda: [line for line in server.logs if line["msg"] == msg])


def failed_start(server):
    """Start it, expect it to end by itself with status 1; why it says it did."""
    server.start(wait=False)
    assert server.process.wait(30 * SLOWNESS) == 1, server.log_tail()
    server.process = None
    return [line["why"] for line in server.logs if line["msg"] == "cannot_start"][-1]


def keys(server):
    """State by key id."""
    lines = server.command("keys", "list").stdout.splitlines()[1:]
    return {line.split()[0]: line.split()[1] for line in lines}


# ---- the first start --------------------------------------------------------------------


def test_first_start_prints_four_lines(hallmark):
    until(lambda: hallmark.printed.count("\n") == 4)
    url, token, key, following = hallmark.printed.splitlines()
    assert url.endswith(f" http://{hallmark.host}:{hallmark.port}")
    assert token.split()[-1] == str(hallmark.state / "admin.token")
    assert keys(hallmark) == {key.split()[-1]: "active"}
    assert f"HALLMARK_TOKEN_FILE={hallmark.state}/admin.token" in following


def test_state_is_private(hallmark):
    for name in (
        "admin.token",
        "secret",
        "hallmarkd.lock",
        *[f"keys/{name}" for name in os.listdir(hallmark.state / "keys")],
    ):
        assert stat.S_IMODE((hallmark.state / name).stat().st_mode) == 0o600, name
    for name in ("", "keys", "postgres", "socket"):
        assert stat.S_IMODE((hallmark.state / name).stat().st_mode) == 0o700, name


def test_nobody_runs_as_root(hallmark):
    wanted = pwd.getpwnam("hallmark").pw_uid if AS_ROOT else os.getuid()
    for role in ("supervisor", *ROLES):
        status = (processes.Path("/proc") / str(hallmark.pid(role)) / "status").read_text()
        uids = re.search(r"^Uid:\s+(.*)$", status, re.M)[1].split()
        groups = re.search(r"^Groups:[ \t]*(.*)$", status, re.M)[1].split()
        assert uids == [str(wanted)] * 4, role
        assert not AS_ROOT or "0" not in groups, role


def test_database_is_on_a_socket_alone(hallmark):
    (settings,) = hallmark.sql(
        "SELECT current_setting('listen_addresses') AS addresses, current_setting('fsync') AS fsync,"
        " current_setting('data_checksums') AS checksums, pg_encoding_to_char(encoding) AS encoding"
        " FROM pg_database WHERE datname = 'hallmark'"
    )
    assert settings == {"addresses": "", "fsync": "on", "checksums": "on", "encoding": "UTF8"}
    hba = (hallmark.state / "postgres/pg_hba.conf").read_text()
    rules = [line.split() for line in hba.splitlines() if line and not line.startswith("#")]
    assert {rule[-1] for rule in rules if rule[0] == "local"} == {"peer"}
    assert "trust" not in {rule[-1] for rule in rules}


@pytest.mark.skipif(not AS_ROOT, reason="needs another user to be")
def test_another_user_does_not_get_into_the_database(hallmark):
    done = subprocess.run(
        [
            "setpriv",
            "--reuid=nobody",
            "--regid=nogroup",
            "--clear-groups",
            "psql",
            "-d",
            hallmark.conninfo,
            "-c",
            "SELECT 1",
        ],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode != 0


def test_second_instance_is_refused(hallmark):
    done = hallmark.command("serve", "--listen=127.0.0.1:1", check=False)
    assert done.returncode == 1
    (line,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert f"process {hallmark.pid()}, has the state folder {hallmark.state}" in line["why"]
    assert hallmark.is_ready()


def test_second_start_is_quick_and_keeps_everything(start_hallmark):
    server = start_hallmark()
    before, token = keys(server), server.token
    server.stop()
    server.start(wait=False)
    took = server.wait_ready()
    assert keys(server) == before
    server.read_token()
    assert server.token == token
    if FLAVOUR == "plain":
        assert took < 1, f"ready after {took:.3f} s"


# ---- what dies is started again ---------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_what_is_killed_is_started_again(hallmark, role):
    before = {each: hallmark.pid(each) for each in ROLES}
    hallmark.kill(role)
    new_pid(hallmark, role, before[role])
    until(hallmark.is_ready)
    assert keys(hallmark), "commands wait for a database that is coming"
    if role != "service":
        assert hallmark.pid("service") == before["service"]
    if role != "postgres":
        assert hallmark.pid("postgres") == before["postgres"]
    assert hallmark.printed.count("\n") == 4, "the four lines are printed once"


def test_children_die_with_the_supervisor_and_a_new_one_takes_over(start_hallmark):
    server = start_hallmark()
    tree = [server.pid(role) for role in ROLES]
    server.kill("supervisor")
    assert not processes.wait_gone(tree, 10 * SLOWNESS)
    server.start()
    assert keys(server)


def test_a_database_that_still_runs_is_adopted(start_hallmark):
    server = start_hallmark()
    words = processes.command_line(server.pid("postgres"))
    program = os.readlink(f"/proc/{server.pid('postgres')}/exe")
    server.stop()
    left = subprocess.Popen(
        [*server.owner, program, *words[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
    )
    try:
        pid_file = server.state / "postgres/postmaster.pid"
        until(lambda: pid_file.exists() and "ready" in pid_file.read_text())
        server.start()
        (adopted,) = log_has(server, "database_adopted")
        assert adopted["pid"] == left.pid
        assert keys(server)
        server.stop()
        assert left.wait(10) == 0, "it is stopped with the rest"
    finally:
        left.kill()


def test_a_half_made_database_is_made_anew(start_hallmark):
    server = start_hallmark(fresh=True, begin=False)
    server.start().stop()
    (server.state / "postgres").rename(server.state / "postgres.new")
    for name in ("secret", "admin.token"):
        (server.state / name).unlink()
    server.start()
    assert not (server.state / "postgres.new").exists()
    assert "active" in keys(server).values()


# ---- signer -----------------------------------------------------------------------------


def test_a_new_key_reaches_the_running_signer(start_hallmark):
    server = start_hallmark()
    signer, service = server.pid("signer"), server.pid("service")
    key = server.command("keys", "add").stdout.strip()
    assert key in keys(server)
    new_pid(server, "signer", signer)
    until(lambda: not processes.alive(signer))
    assert server.pid("service") == service
    assert server.is_ready()


def test_a_signer_that_cannot_start_does_not_replace_the_old_one(start_hallmark):
    server = start_hallmark()
    signer = server.pid("signer")
    bad = server.state / "keys/bad.key"
    bad.write_text("no key")
    if AS_ROOT:
        os.chown(bad, server.state.stat().st_uid, server.state.stat().st_gid)
    bad.chmod(0o600)
    os.kill(server.pid(), signal.SIGHUP)
    log_has(server, "signer_kept")
    assert server.pid("signer") == signer
    assert processes.alive(signer)
    assert server.is_ready()
    bad.unlink()
    os.kill(server.pid(), signal.SIGHUP)
    new_pid(server, "signer", signer)


def test_many_renewals_leave_one_signer(start_hallmark):
    server = start_hallmark()
    for _ in range(20):
        os.kill(server.pid(), signal.SIGHUP)
        time.sleep(0.005)
    time.sleep(0.5 * SLOWNESS)

    def signers():
        return [pid for pid in processes.children(server.pid()) if "signer" in processes.command_line(pid)]

    until(lambda: len(signers()) == 1)
    time.sleep(0.2 * SLOWNESS)
    assert len(signers()) == 1
    assert server.is_ready()


def test_retiring_the_last_key_needs_force(start_hallmark):
    server = start_hallmark()
    (key,) = keys(server)
    done = server.command("keys", "retire", key, check=False)
    assert done.returncode == 6
    assert "--force" in done.stderr
    assert keys(server) == {key: "active"}
    assert server.command("keys", "retire", "0123456789ABCDEF", check=False).returncode == 3
    server.command("keys", "retire", key, "--force")
    assert keys(server) == {key: "retired"}


# ---- stopping ---------------------------------------------------------------------------


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_stopping_is_clean(start_hallmark, with_signal):
    server = start_hallmark()
    assert server.stop(with_signal) == 0
    told = [line.get("text", "") for line in server.logs]
    assert any("database system is shut down" in text for text in told)
    assert not (server.state / "postgres/postmaster.pid").exists()


def test_stopping_during_the_first_start_is_clean(start_hallmark):
    for delay in (0.05, 0.3, 0.8):
        server = start_hallmark(fresh=True, wait=False)
        time.sleep(delay * SLOWNESS)
        assert server.stop() in (0, -signal.SIGTERM)
        server.start()
        assert "active" in keys(server).values()


def test_a_port_that_is_taken_ends_the_start(hallmark, start_hallmark):
    server = start_hallmark(begin=False)
    server.port = hallmark.port
    assert "service" in failed_start(server)


# ---- another database -------------------------------------------------------------------


def test_serve_does_not_migrate_a_database_of_somebody_elses(start_hallmark, postgres):
    server = start_hallmark(database=postgres.create_database(), begin=False)
    assert "hallmarkd migrate" in failed_start(server)
    first = server.command("migrate")
    assert "went from migration 0 to" in first.stdout
    assert "admin.token" in first.stdout
    again = server.command("migrate")
    assert "as it was" in again.stdout
    assert "Made" not in again.stdout
    server.start()
    assert "postgres" not in [line["msg"] for line in server.logs]
    assert server.stop() == 0


def test_a_database_that_is_away_is_waited_for(start_hallmark, postgres):
    good = postgres.create_database()
    server = start_hallmark(database=good, begin=False)
    server.command("migrate")
    server.database = re.sub(r"port=\d+", "port=1", good) if "port=" in good else f"{good} port=1"
    server.start(wait=False)
    log_has(server, "database_away")
    assert server.process.poll() is None
    assert server.stop() == 0
    server.database = good
    server.process = None


def test_a_lost_secret_file_is_not_replaced(start_hallmark, postgres):
    server = start_hallmark(database=postgres.create_database(), begin=False)
    server.command("migrate")
    (server.state / "secret").unlink()
    done = server.command("migrate", check=False)
    assert done.returncode == 2
    assert "secret" in done.stderr
    assert "put it back" in done.stderr
    assert not (server.state / "secret").exists()
    assert "secret file" in failed_start(server)


# ---- tokens -----------------------------------------------------------------------------


def test_tokens_are_made_listed_and_revoked(hallmark):
    made = hallmark.command(
        "token", "create", "ci", "--role=publisher", "--expires=1h", "--description", "of a test"
    )
    token = hallmark.secret(made.stdout.strip())
    assert re.fullmatch(r"hmk_pat_[0-9A-Za-z]{12}_[0-9A-Za-z]{36}", token)
    identity = token.split("_")[2]
    assert token not in hallmark.command("token", "list").stdout
    (row,) = hallmark.sql(f"SELECT * FROM token WHERE id = '{identity}'")
    assert token.split("_")[3] not in json.dumps(row)
    assert hallmark.sql("SELECT project, role FROM role_binding WHERE principal = 'ci'") == [
        {"project": "default", "role": "publisher"}
    ]

    def listed():
        lines = hallmark.command("token", "list", "--principal", "ci").stdout.splitlines()
        return next(line for line in lines if line.startswith(identity))

    assert " good " in listed()
    assert "ci: of a test" in listed()
    hallmark.command("token", "revoke", token)
    assert " revoked " in listed()
    assert "before" in hallmark.command("token", "revoke", identity).stderr
    assert hallmark.command("token", "revoke", "000000000000", check=False).returncode == 3


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["token", "create", "x", "--role=king"], 2, "there is no role king"),
        (["token", "create", "x", "--role=reader", "--project=nowhere"], 3, "no project nowhere"),
        (["token", "create"], 2, "want: hallmarkd token create PRINCIPAL"),
        (["token", "create", "x", "--expires=soon"], 2, "want seconds"),
        (["token", "crate"], 2, "did you mean token create?"),
        (["token"], 2, "hallmarkd token create"),
        (["sevre"], 2, "did you mean serve?"),
        (["serve", "--listne=x"], 2, "did you mean --listen?"),
    ],
)
def test_mistakes_are_told(hallmark, words, status, says):
    done = hallmark.command(*words, check=False)
    assert (done.returncode, says in done.stderr) == (status, True), done.stderr


def test_commands_say_that_the_registry_does_not_run(start_hallmark):
    server = start_hallmark()
    server.stop()
    done = server.command("keys", "list", check=False)
    assert done.returncode == 7
    assert "hallmarkd serve" in done.stderr


# ---- settings ---------------------------------------------------------------------------


def run(*arguments, cwd="/", **variables):
    return subprocess.run(
        [HALLMARKD, *arguments],
        env=environment(**variables),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_config_prints_origins_and_masks_secrets(tmp_path):
    file = tmp_path / "hallmark.conf"
    file.write_text("loops = 3\nlog_level = debug # more\n")
    done = run(
        "config",
        "--drain-delay=7s",
        HALLMARK_CONFIG=str(file),
        HALLMARK_LOG_LEVEL="warn",
        DATABASE_URL="postgresql://u:geheim@db/h",
        HALLMARK_SERVICE_HOST="10.0.0.1",
        HALLMARK_PORT_8080_TCP="tcp://10.0.0.1:8080",
    )
    assert done.returncode == 0, done.stderr
    assert "geheim" not in done.stdout
    lines = {line.split()[0]: " ".join(line.split()[2:]) for line in done.stdout.splitlines()}
    assert lines["loops"] == f"3 # file, {file}:1: loops"
    assert lines["log_level"] == "warn # environment, HALLMARK_LOG_LEVEL"
    assert lines["drain_delay"] == "7s # flag, --drain-delay"
    assert lines["database_url"] == "postgresql://u:********@db/h # environment, DATABASE_URL"
    assert lines["listen"] == "127.0.0.1:8080 # preset"
    assert lines["state"] == "/var/lib/hallmark # preset"
    file.write_text(done.stdout.replace("postgresql", "postgres"))
    assert run("config", "--config", str(file)).returncode == 0, "what it prints is a file of settings"


def test_help_names_every_command_and_setting():
    text = run("--help").stdout
    for word in (
        "serve",
        "migrate",
        "keys add",
        "token create",
        "--listen",
        "[DATABASE_URL]",
        "[HALLMARK_LOOPS]",
    ):
        assert word in text
    assert "--force" in run("keys", "retire", "--help").stdout
    assert run("help", "keys", "retire").stdout == run("keys", "retire", "--help").stdout


# ---- odd places -------------------------------------------------------------------------


def test_a_state_folder_with_a_long_and_strange_path(start_hallmark):
    server = start_hallmark(fresh=True, begin=False)
    server.state = server.folder / ("it's a long path " * 8) / "stàte"
    server.start()
    assert "active" in keys(server).values()
    lines = (server.state / "postgres/postmaster.pid").read_text().splitlines()
    assert len(lines[4]) < 100
    assert stat.S_IMODE(os.stat(lines[4]).st_mode) == 0o700


def test_a_folder_with_other_things_is_left_alone(start_hallmark):
    server = start_hallmark(fresh=True, begin=False)
    server.state.mkdir()
    (server.state / "letters").write_text("dear")
    if not AS_ROOT:
        server.state.chmod(0o700)
    owner = server.state.stat().st_uid
    assert "holds other things" in failed_start(server)
    assert server.state.stat().st_uid == owner
    assert os.listdir(server.state) == ["letters"]


def test_data_of_another_postgresql_is_refused(start_hallmark):
    server = start_hallmark()
    server.stop()
    (server.state / "postgres/PG_VERSION").write_text("9\n")
    why = failed_start(server)
    assert "PostgreSQL 9" in why
    assert "pg_upgrade" in why


@pytest.mark.skipif(not AS_ROOT, reason="only root becomes somebody else")
def test_root_needs_a_user_to_become(start_hallmark):
    server = start_hallmark(fresh=True, begin=False, user="nobody-of-that-name")
    assert "useradd --system" in failed_start(server)
    server.settings["user"] = "root"
    assert "does not run as root" in failed_start(server)


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another user first")
def test_an_ordinary_user_runs_it_too(start_hallmark):
    server = start_hallmark(fresh=True, begin=False)
    nobody = pwd.getpwnam("nobody")
    server.state.mkdir(mode=0o700)
    os.chown(server.state, nobody.pw_uid, nobody.pw_gid)
    server.start()
    assert processes.Path(f"/proc/{server.pid('postgres')}").stat().st_uid == nobody.pw_uid
    assert Hallmark.command(server, "keys", "list").returncode == 0
