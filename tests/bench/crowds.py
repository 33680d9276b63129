"""Rows about many connections and about load of several kinds: uploads that are slow, connections that
are idle, reads and writes together, two replicas."""

import contextlib
import re
import subprocess
from pathlib import Path
from statistics import median

import rest
import statements
from measure import CORES, HERE, Row, run, say, wrk
from support.paths import BIN
from support.server import Hallmark

IDLE, UPLOADS = 10_000, 1_000
TRICKLE = 2048  # bytes a second of each slow upload: the service ends those below 1 KiB
FEW = 8  # connections of those whose p99 is asked: enough to wait for each other, not for the processor
ROWS = ("mixed", "idle", "uploads", "replicas")


def measure(wanted, postgres, folder, seconds, times):
    """The rows of ROWS that are wanted, on services of their own over one database."""
    wanted = [name for name in ROWS if name in wanted]
    if not wanted:
        return []
    hallmark = start(folder / "crowds", postgres.create_database())
    try:
        statements.make_versions(hallmark)
        for i in range(64):
            hallmark.put(f"/api/v1/projects/default/models/bench-{i}", json={})
        rows = []
        for name in wanted:
            rows += globals()[name](hallmark, folder, seconds, times)
        hallmark.close()
        return rows
    finally:
        hallmark.sweep()


def start(folder, database):
    folder.mkdir()
    hallmark = Hallmark(folder, database=database, connections=2 * IDLE, log_level="warn")
    hallmark.command("migrate")
    return hallmark.start()


# ---- what is looked at --------------------------------------------------------------


def resident(hallmark):
    """MiB of hallmarkd's processes, without PostgreSQL: supervisor, service, signer, counted as
    rest.memory() does, a file that several of them map once."""
    own, files = 0, {}
    for role in ("supervisor", "service", "signer"):
        mine, mapped = rest.mappings(hallmark.pid(role))
        own += mine
        for path, size in mapped.items():
            files[path] = max(files.get(path, 0), size)
    return (own + sum(files.values())) / rest.MIB


def processor(pid):
    """Seconds that its threads have run, by the scheduler's count."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def p99(hallmark, seconds):
    """Milliseconds within which 99 of 100 requests for one version are answered."""
    out = run(
        "wrk", "-t1", f"-c{FEW}", f"-d{seconds}s", "--latency",
        "-H", f"Authorization: Bearer {hallmark.token}",
        f"http://{hallmark.host}:{hallmark.port}{statements.VERSION}",
    )  # fmt: skip
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"wrk:\n{out}")
    value, unit = re.search(r"\n\s+99%\s+([\d.]+)(us|ms|s)\n", out).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def rate(hallmark, seconds, *words, **more):
    url = f"http://{hallmark.host}:{hallmark.port}{statements.VERSION}"
    return wrk(url, seconds, *words, token=hallmark.token, **more)


@contextlib.contextmanager
def crowd(hallmark, folder, count, request, times=1, trickle=0):
    """tests/bench/crowd.c: its connections are there inside the block, and all of them still at its end."""
    file = folder / "crowd.request"
    file.write_bytes(request)
    words = [BIN.parent / "bench/crowd", str(hallmark.port), str(count), file, str(times), str(trickle)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n", "the crowd did not come together"
        yield
        process.stdin.close()
        left = int(process.stdout.readline())
        assert left == count, f"{count - left} of {count} connections were closed"
    finally:
        process.kill()
        process.wait()


def head(hallmark, method, path, *fields):
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {hallmark.token}", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


# ---- the rows -----------------------------------------------------------------------


def mixed(hallmark, _folder, seconds, times):
    """The same connections, the same machine. A write costs the processor many times what a read does,
    so the yardstick that tells whether one waits for the other is both alone: as many reads and as
    many writes, one kind after the other."""
    got, reads, apart, run_number = [], [], [], iter(range(11, 1000))

    def share(of_reads, length):
        env = {"HALLMARK_BENCH_RUN": str(next(run_number)), "HALLMARK_BENCH_READS": str(of_reads)}
        return rate(hallmark, length, f"-s{HERE / 'mixed.lua'}", env=env)

    for i in range(-1, times):  # the first is for warming up
        length = seconds if i >= 0 else 1
        alone, both, writes = share(10, length), share(9, length), share(0, length)
        if i < 0:
            continue
        reads.append(alone)
        got.append(both)
        apart.append(1 / (0.9 / alone + 0.1 / writes))
        say(f"  mixed: {both:.0f}/s; reads alone {alone:.0f}/s, writes alone {writes:.0f}/s")
    statements.check_order(hallmark)
    what = "90 % GET one version, 10 % writes (half versions, half metrics), 64 connections"
    return [
        Row(what, "the same reads alone", "/s", got, reads, least=0.8),
        Row("the same", "reads and writes one after the other", "/s", got, apart, least=1.0),
    ]


def idle(hallmark, folder, seconds, times):
    """Each connection of the crowd has read a version three times, and then waits."""
    request = head(hallmark, "GET", statements.VERSION)
    rate(hallmark, 1)
    alone, beside, held = [], [], []
    for _ in range(times):
        alone.append(rate(hallmark, seconds))
        with crowd(hallmark, folder, IDLE, request, times=3):
            rest.time.sleep(3)  # memory goes back after two looks of the watchdog
            held.append(resident(hallmark))
            beside.append(rate(hallmark, seconds))
        say(f"  {IDLE} idle: {held[-1]:.1f} MiB, {beside[-1]:.0f}/s beside them, {alone[-1]:.0f}/s without")
    what = f"resident memory of supervisor, service and signer with {IDLE:,} idle keep-alive connections"
    return [
        Row(what, "", "MiB", held, most=96),
        Row(f"GET one version, 64 connections beside {IDLE:,} idle ones", "without them", "/s",
            beside, alone, least=0.9),
    ]  # fmt: skip


def uploads(hallmark, folder, seconds, times):
    """Each has announced 1 GiB and sends TRICKLE bytes a second; none ends."""
    draft = "/api/v1/projects/default/models/bench-0/versions"
    hallmark.post(draft, json={"version": "90.0.0"})
    path = f"{draft}/90.0.0/artifacts/part-%dddd.bin"
    request = head(hallmark, "PUT", path, f"Content-Length: {1 << 30}")
    p99(hallmark, 1)
    without, beside, held = [], [], []
    for _ in range(times):
        without.append(p99(hallmark, seconds))
        with crowd(hallmark, folder, UPLOADS, request, trickle=TRICKLE):
            rest.time.sleep(10)  # by then each has filled its first buffer
            beside.append(p99(hallmark, seconds))
            held.append(resident(hallmark))
        say(f"  {UPLOADS} uploads: {held[-1]:.1f} MiB, p99 {beside[-1]:.2f} ms, without {without[-1]:.2f} ms")
    ratios = [b / w for b, w in zip(beside, without, strict=True)]
    crowded = f"{UPLOADS:,} uploads of 1 GiB at {TRICKLE // 1024} KiB/s each"
    latency = f"p99 of GET one version, {FEW} connections, beside them ({median(beside):.2f} ms)"
    return [
        Row(f"resident memory of supervisor, service and signer with {crowded}", "", "MiB", held, most=64),
        Row(f"{latency}, times that without them ({median(without):.2f} ms)", "", "×", ratios, most=2),
    ]


def both_at_once(servers, seconds):
    """Requests a second of all, each under its own wrk."""
    processes = [
        subprocess.Popen(
            ["wrk", "-t1", "-c64", f"-d{seconds}s", "-H", f"Authorization: Bearer {server.token}",
             f"http://{server.host}:{server.port}{statements.VERSION}"],
            stdout=subprocess.PIPE, text=True)
        for server in servers
    ]  # fmt: skip
    outs = [process.communicate()[0] for process in processes]
    assert not any("Non-2xx" in out or "Socket errors" in out for out in outs), outs
    return sum(float(re.search(r"Requests/sec:\s*([\d.]+)", out).group(1)) for out in outs)


def cost(servers, sessions, seconds):
    """Requests a second; microseconds of the services' processor time and of PostgreSQL's for each."""
    services = [server.pid("service") for server in servers]
    before = [sum(map(processor, pids)) for pids in (services, sessions)]
    got = both_at_once(servers, seconds)
    used = [sum(map(processor, pids)) - was for pids, was in zip((services, sessions), before, strict=True)]
    return got, *[1e6 * seconds_used / (got * seconds) for seconds_used in used]


def sessions_of(postgres_data):
    """The processes of the server whose data folder this is."""
    postmaster = int((Path(postgres_data) / "postmaster.pid").read_text().split()[0])
    return [int(pid) for pid in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()]


def replicas(hallmark, folder, seconds, times):
    """A second hallmarkd on the same database and store. Where cores are short the rate cannot double;
    then what each request costs must not grow: nothing that they share gets dearer."""
    other = twin(hallmark, folder / "twin")
    data = psql_setting(hallmark, "data_directory")
    try:
        both_at_once([hallmark, other], 1)
        one, two = [], []
        for _ in range(times):
            one.append(cost([hallmark], sessions_of(data), seconds))
            two.append(cost([hallmark, other], sessions_of(data), seconds))
            say("  replicas: one {:.0f}/s, {:.1f} + {:.1f} µs".format(*one[-1])
                + "; two {:.0f}/s, {:.1f} + {:.1f} µs".format(*two[-1]))  # fmt: skip
        other.close()
    finally:
        other.sweep()
    enough = CORES >= 8
    short = (
        "" if enough else f" ({CORES} cores, which wrk, PostgreSQL and the services share: no room for twice)"
    )
    return [
        Row(f"GET one version from two replicas on one PostgreSQL{short}", "one replica", "/s",
            [t[0] for t in two], [o[0] for o in one], least=1.7 if enough else None),
        Row("the same: requests for each second of the services' processor time", "one replica", "/s",
            [1e6 / t[1] for t in two], [1e6 / o[1] for o in one], least=0.85),
        Row("the same: requests for each second of PostgreSQL's processor time", "one replica", "/s",
            [1e6 / t[2] for t in two], [1e6 / o[2] for o in one], least=0.85),
    ]  # fmt: skip


def psql_setting(hallmark, name):
    return statements.psql(hallmark.database, f"SHOW {name}").strip()


def twin(hallmark, folder):
    """Another replica: the same database, store, secret and keys, a state folder of its own."""
    folder.mkdir()
    folder.chmod(0o755)
    state = hallmark.state
    more = {"secret_file": state / "secret", "keys": state / "keys", "log_level": "warn"}
    other = Hallmark(folder, database=hallmark.database, **more)
    other.start("--storage-path", str(state / "artifacts"))
    other.token = hallmark.token
    return other
