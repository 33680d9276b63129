"""The command line against the real registry: the walk-through, resuming, and every refusal."""

import hashlib
import json
import os
import re
import signal
import subprocess
import time

import pytest
from support.paths import HALLMARK, SLOWNESS
from support.relay import Relay
from support.server import environment

DONE, FAILED, USAGE, NOT_FOUND, NO_ACCESS, CONFLICT, AWAY = 0, 1, 2, 3, 4, 6, 7
UNSIGNED, NO_VERSION, BAD_SIGNATURE, BAD_DIGEST, REFUSED, INTERRUPTED = 10, 11, 12, 14, 15, 130

COMMIT = "da39a3ee5e6b4b0d3255bfef95601890afd80709"


class Cli:
    """`hallmark` with a home folder of its own."""

    def __init__(self, server, home):
        self.home, self.url = home, f"http://{server.host}:{server.port}"
        self.token_file = home / "token"
        self.token_file.write_text(server.token)

    @property
    def environment(self):
        return environment(
            HOME=str(self.home), HALLMARK_URL=self.url, HALLMARK_TOKEN_FILE=str(self.token_file)
        )

    def start(self, *words, **more):
        return subprocess.Popen(
            [HALLMARK, *map(str, words)],
            env={**self.environment, **more},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words, leaves=DONE, **more):
        """Runs it to its end; .stdout and .stderr are text."""
        process = self.start(*words, **more)
        process.stdout_text, process.stderr_text = process.communicate(timeout=120 * SLOWNESS)
        said = f"hallmark {' '.join(map(str, words))} left {process.returncode}\n{process.stderr_text}"
        assert process.returncode == leaves, said
        return process

    def json(self, *words):
        return json.loads(self("--json", *words).stdout_text)


@pytest.fixture
def cli(hallmark, tmp_path):
    return Cli(hallmark, tmp_path)


@pytest.fixture
def folder(tmp_path):
    """A small model with a card, a folder inside, an empty file and a hidden one."""
    top = tmp_path / "model"
    (top / "onnx").mkdir(parents=True)
    (top / "README.md").write_text("# A model\n\nIts card: ü.\n")
    (top / "onnx/model.onnx").write_bytes(os.urandom(3_000_000))
    (top / "tokenizer ü.json").write_text('{"words": []}')
    (top / "empty").write_text("")
    (top / ".hidden").write_text("not sent")
    (top / ".git").mkdir()
    (top / ".git/config").write_text("not sent")
    return top


@pytest.fixture
def published(cli, folder, name):
    """default/NAME@1.0.0, published from folder."""
    model = f"default/{name}"
    cli("push", model, folder, "--version", "1.0.0", "--publish")
    return model


def visible(folder):
    """Path and SHA-256 of every file of a folder that is not hidden."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def statuses(process, method):
    """What the requests of a run with --verbose were answered with."""
    return [int(code) for code in re.findall(rf"^{method} \S+ -> (\d+)$", process.stderr_text, re.M)]


# ---- the walk-through ----------------------------------------------------------------


def test_a_model_goes_in_and_comes_back_verified(cli, folder, name, tmp_path):
    model, out = f"default/{name}", tmp_path / "out"
    dataset = f"s3://data/stsb?sha256={'ab' * 32}"
    words = ["--version", "1.0.0", "--metric", "stsb_spearman=0.82", "--param", "epochs=1"]
    words += ["--dataset", dataset, "--commit", COMMIT, "--publish"]
    assert "published" in cli("push", model, folder, *words).stdout_text
    shown = cli("show", f"{model}@^1").stdout_text
    for fact in (f"{model}@1.0.0", "published", "stsb_spearman", "0.82", "s3://data/stsb", COMMIT):
        assert fact in shown
    for digest in visible(folder).values():
        assert digest in shown
    assert "verified" in cli("pull", f"{model}@^1", out).stdout_text
    assert visible(out) == visible(folder)
    assert "verified" in cli("verify", out, HALLMARK_URL="http://127.0.0.1:1").stdout_text


def test_stock_minisign_accepts_what_was_pulled(cli, published, tmp_path):
    out = tmp_path / "out"
    cli("pull", published, out)
    for path in visible(out):
        sig, pub = out / ".hallmark/signatures" / f"{path}.minisig", out / ".hallmark/minisign.pub"
        subprocess.run(["minisign", "-Vm", out / path, "-x", sig, "-p", pub], check=True)


def test_json_is_what_the_api_says(cli, published, hallmark):
    project, model = published.split("/")
    shown = cli.json("show", f"{published}@1.0.0")
    answer = hallmark.get(f"/api/v1/projects/{project}/models/{model}/versions/1.0.0").json
    assert shown["version"] == answer
    assert {row["path"] for row in shown["artifacts"]} >= {"README.md", "onnx/model.onnx"}
    assert [row["version"] for row in cli.json("list", published)] == ["1.0.0"]


def test_a_readme_becomes_the_card(published, hallmark):
    project, model = published.split("/")
    assert "Its card: ü." in hallmark.get(f"/api/v1/projects/{project}/models/{model}").json["card"]


def test_metadata_arrives(cli, folder, name):
    model = f"default/{name}"
    cli("push", model, folder, "--version", "1.0.0", "--publish")
    words = ["--bump", "minor", "--param", "lr=1e-4", "--param", "optimizer=adamw"]
    words += ["--metric", "accuracy=0.92,dataset=val,step=3,slice=en", "--tag", "framework=onnx"]
    words += ["--parent", f"fine_tune:{model}@1.0.0", "--image", f"r.example/t@sha256:{'cd' * 32}"]
    cli("push", model, folder, *words)
    about = cli.json("show", f"{model}@1.1.0")
    assert about["version"]["params"] == {"lr": 1e-4, "optimizer": "adamw"}
    assert about["version"]["tags"] == {"framework": "onnx"}
    metric = about["metrics"][0]
    assert (metric["name"], metric["value"], metric["dataset"], metric["step"], metric["slice"]) == (
        "accuracy",
        0.92,
        "val",
        3,
        "en",
    )
    assert {edge["kind"] for edge in about["lineage"]} == {"parent", "image"}


def test_a_pulled_folder_can_be_pushed(cli, published, name, tmp_path):
    out = tmp_path / "out"
    cli("pull", published, out)
    cli("push", f"default/{name}-again", out, "--version", "1.0.0")
    files = {row["path"] for row in cli.json("show", f"default/{name}-again@1.0.0")["artifacts"]}
    assert files == set(visible(out))


def test_a_single_file_is_a_model_too(cli, folder, name):
    cli("push", f"default/{name}", folder / "onnx/model.onnx", "--version", "1.0.0", "--publish")
    files = cli.json("show", f"default/{name}@1.0.0")["artifacts"]
    assert [row["path"] for row in files] == ["model.onnx"]


# ---- push again ----------------------------------------------------------------------


def test_the_same_push_again_sends_nothing(cli, published, folder):
    again = cli("push", published, folder, "--version", "1.0.0", "--publish", "--verbose")
    assert statuses(again, "PUT") == []


def test_a_published_version_with_other_files_is_a_conflict(cli, published, folder):
    (folder / "more").write_text("x")
    refused = cli("push", published, folder, "--version", "1.0.0", leaves=CONFLICT)
    assert "does not change" in refused.stderr_text


def test_a_draft_becomes_what_the_folder_is(cli, folder, name):
    model = f"default/{name}"
    cli("push", model, folder, "--version", "1.0.0")
    (folder / "empty").unlink()
    (folder / "empty").mkdir()
    (folder / "empty/file").write_text("now a folder")
    (folder / "tokenizer ü.json").write_text("{}")
    again = cli("push", model, folder, "--version", "1.0.0", "--verbose", "--publish")
    assert sorted(statuses(again, "PUT")) == [200, 201]
    digests = {row["path"]: row["sha256"] for row in cli.json("show", f"{model}@1.0.0")["artifacts"]}
    assert digests == visible(folder)


def test_a_draft_with_other_params_is_not_taken_up(cli, folder, name):
    model = f"default/{name}"
    cli("push", model, folder, "--version", "1.0.0", "--param", "epochs=1")
    cli("push", model, folder, "--version", "1.0.0", "--param", "epochs=2", leaves=CONFLICT)


def test_an_interrupted_bump_goes_on_with_its_own_draft(cli, folder, name, hallmark):
    model = f"default/{name}"
    (folder / "big").write_bytes(os.urandom(12_000_000))
    with Relay(hallmark.host, hallmark.port, rate=4_000_000) as relay:
        process = cli.start("push", model, folder, "--bump", "minor", "--url", relay.url)
        until_version(cli, model)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60 * SLOWNESS)
        assert process.returncode == INTERRUPTED
        relay.rate = None
        cli("push", model, folder, "--bump", "minor", "--url", relay.url)
    assert [row["version"] for row in cli.json("list", model)] == ["0.1.0"]
    files = {row["path"]: row["sha256"] for row in cli.json("show", f"{model}@0.1.0")["artifacts"]}
    assert files == visible(folder)


def until_version(cli, model, seconds=20 * SLOWNESS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        process = cli.start("list", model, "-q")
        if process.communicate()[0].strip():
            return
    raise AssertionError("no version came to be")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--version", "1.2"], "1.2.0"),
        (["--version", "1.0.0", "--bump", "minor"], "not both"),
        ([], "--version"),
        (["--version", "1.0.0", "--metric", "accuracy"], "accuracy=0.92"),
        (["--version", "1.0.0", "--dataset", "nope"], "/lineage/0/uri"),
        (["--version", "1.0.0", "--commit", "abc"], "commit"),
        (["--verison", "1.0.0"], "Did you mean --version?"),
    ],
)
def test_what_is_wrong_is_said(cli, folder, name, words, says):
    assert says in cli("push", f"default/{name}", folder, *words, leaves=USAGE).stderr_text


def test_n24_links_are_refused_by_name(cli, folder, name):
    (folder / "onnx/link").symlink_to("/etc/passwd")
    refused = cli("push", f"default/{name}", folder, "--version", "1.0.0", leaves=USAGE)
    assert "onnx/link" in refused.stderr_text
    cli("push", f"default/{name}", folder, "--version", "1.0.0", "--exclude", "onnx/link")


def test_publishing_nothing_is_refused(cli, hallmark, name):
    path = f"/api/v1/projects/default/models/{name}"
    hallmark.put(path, json={})
    hallmark.post(f"{path}/versions", json={"version": "1.0.0"})
    cli("publish", f"default/{name}@1.0.0", leaves=REFUSED)


# ---- pull ----------------------------------------------------------------------------


def test_pull_twice_fetches_nothing_again(cli, published, tmp_path):
    cli("pull", published, tmp_path / "out")
    again = cli("pull", published, tmp_path / "out", "--verbose")
    assert not re.search(r"/artifacts/", again.stderr_text)


def test_another_version_takes_the_place_of_the_first(cli, published, folder, tmp_path):
    out = tmp_path / "out"
    cli("pull", published, out)
    (folder / "empty").unlink()
    (folder / "new").write_text("new")
    cli("push", published, folder, "--bump", "minor", "--publish")
    cli("pull", published, out)
    assert visible(out) == visible(folder)
    cli("verify", out)


def test_a_damaged_file_is_fetched_again(cli, published, folder, tmp_path):
    out = tmp_path / "out"
    cli("pull", published, out)
    (out / "onnx/model.onnx").write_bytes(b"damaged")
    cli("verify", out, leaves=BAD_DIGEST)
    cli("pull", published, out)
    assert visible(out) == visible(folder)


def test_a_bad_line_is_survived(cli, name, hallmark, tmp_path):
    """Each connection dies after 2 MB; the file has 9."""
    folder, out = tmp_path / "big", tmp_path / "out"
    folder.mkdir()
    (folder / "model").write_bytes(os.urandom(9_000_000))
    cli("push", f"default/{name}", folder, "--version", "1.0.0", "--publish")
    with Relay(hallmark.host, hallmark.port, cut=2_000_000) as relay:
        pulled = cli("pull", f"default/{name}", out, "--url", relay.url, "--verbose")
    assert statuses(pulled, "GET").count(206) >= 3
    assert visible(out) == visible(folder)


def test_an_interrupted_pull_goes_on(cli, name, hallmark, tmp_path):
    folder, out = tmp_path / "big", tmp_path / "out"
    folder.mkdir()
    (folder / "model").write_bytes(os.urandom(12_000_000))
    cli("push", f"default/{name}", folder, "--version", "1.0.0", "--publish")
    with Relay(hallmark.host, hallmark.port, rate=4_000_000) as relay:
        process = cli.start("pull", f"default/{name}", out, "--url", relay.url)
        while not any(part.stat().st_size for part in out.glob(".hallmark/parts/*")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60 * SLOWNESS)
        assert process.returncode == INTERRUPTED
        assert not (out / "model").exists()
        relay.rate = None
        again = cli("pull", f"default/{name}", out, "--url", relay.url, "--verbose")
    assert 206 in statuses(again, "GET")
    assert visible(out) == visible(folder)
    assert not list(out.glob(".hallmark/parts/*"))


def test_n24_no_link_leads_out_of_the_folder(cli, published, tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "onnx").symlink_to(elsewhere)
    cli("pull", published, out, leaves=FAILED)
    assert not list(elsewhere.iterdir())


def test_a_draft_cannot_be_pulled(cli, folder, name, tmp_path):
    cli("push", f"default/{name}", folder, "--version", "1.0.0")
    cli("pull", f"default/{name}@1.0.0", tmp_path / "out", leaves=UNSIGNED)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("reference", ["@^7", "@1.0.1", "@champion", "@v9"])
def test_a_reference_that_means_nothing_is_its_own_status(cli, published, tmp_path, reference):
    cli("pull", published + reference, tmp_path / "out", leaves=NO_VERSION)


def test_what_is_not_there(cli, name, tmp_path):
    cli("pull", f"default/{name}", tmp_path / "out", leaves=NOT_FOUND)
    cli("show", f"no-such-project/{name}", leaves=NOT_FOUND)


def test_yanked_versions_come_with_a_warning_or_not_at_all(cli, published, tmp_path):
    cli("yank", f"{published}@1.0.0", "--reason", "wrong data")
    assert "wrong data" in cli("pull", f"{published}@1.0.0", tmp_path / "out").stderr_text
    cli("pull", f"{published}@^1", tmp_path / "out", leaves=NO_VERSION)


# ---- a registry that cannot be believed ----------------------------------------------


def test_bytes_that_rotted_never_get_a_name(cli, published, hallmark, folder, tmp_path):
    digest = visible(folder)["onnx/model.onnx"]
    for stored in hallmark.state.rglob(f"{digest}*"):
        content = bytearray(stored.read_bytes())
        content[1_000_000] ^= 1
        stored.chmod(0o640)
        stored.write_bytes(content)
    refused = cli("pull", published, tmp_path / "out", leaves=BAD_DIGEST)
    assert "onnx/model.onnx" in refused.stderr_text
    assert not (tmp_path / "out/onnx/model.onnx").exists()
    cli("verify", tmp_path / "out", leaves=UNSIGNED)


def test_an_attestation_of_another_version_is_refused(cli, published, folder, hallmark, tmp_path):
    (folder / "evil").write_text("evil")
    cli("push", published, folder, "--version", "2.0.0", "--publish")
    name = published.split("/")[1]
    hallmark.execute(
        "SET session_replication_role = replica;"
        "UPDATE attestation a SET envelope = b.envelope FROM attestation b, version v, version w, model m"
        f" WHERE m.name = '{name}' AND v.model_id = m.id AND w.model_id = m.id"
        "   AND v.semver = '1.0.0' AND w.semver = '2.0.0' AND a.version_id = v.id AND b.version_id = w.id"
    )
    refused = cli("pull", f"{published}@1.0.0", tmp_path / "out", leaves=BAD_SIGNATURE)
    assert "2.0.0" in refused.stderr_text
    assert not (tmp_path / "out").exists()


def test_a_changed_key_is_noticed_and_can_be_trusted(start_hallmark, tmp_path, folder):
    server = start_hallmark()
    home = tmp_path / "home"
    home.mkdir()
    cli = Cli(server, home)
    cli("push", "default/m", folder, "--version", "1.0.0", "--publish")
    first = cli("pull", "default/m@1.0.0", tmp_path / "one")
    assert "trusted from now on" in first.stderr_text
    server.command("keys", "add")
    old = cli.json("show", "default/m@1.0.0")["version"]["key_id"]
    new = until_another_key_signs(cli, old)
    cli("push", "default/m", folder, "--version", "1.1.0", "--publish")
    refused = cli("pull", "default/m@1.1.0", tmp_path / "two", leaves=BAD_SIGNATURE)
    assert old in refused.stderr_text
    assert f"hallmark keys trust {new}" in refused.stderr_text
    cli("pull", "default/m@1.0.0", tmp_path / "three")
    cli("keys", "trust", new)
    cli("pull", "default/m@1.1.0", tmp_path / "two")
    cli("verify", tmp_path / "two")
    cli("keys", "forget", new)
    cli("pull", "default/m@1.1.0", tmp_path / "four", leaves=BAD_SIGNATURE)


def until_another_key_signs(cli, old, seconds=30 * SLOWNESS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for key in cli.json("keys", "list")["items"]:
            if key["state"] == "active" and key["id"] != old:
                return key["id"]
        time.sleep(0.1)
    raise AssertionError("the new key does not sign")


def test_only_the_given_key_counts(cli, published, tmp_path):
    own, other = tmp_path / "own.pub", tmp_path / "other.pub"
    own.write_text(cli("keys", "list", "--minisign").stdout_text)
    subprocess.run(["minisign", "-G", "-W", "-p", other, "-s", tmp_path / "sec"], check=True)
    cli("pull", published, tmp_path / "out", "--key", other, leaves=BAD_SIGNATURE)
    assert not (tmp_path / "out").exists()
    cli("pull", published, tmp_path / "out", "--key", own)
    cli("verify", tmp_path / "out", "--key", own)
    cli("verify", tmp_path / "out", "--key", other, leaves=BAD_SIGNATURE)


# ---- the smaller commands ------------------------------------------------------------


def test_diff_shows_what_differs(cli, published, folder):
    (folder / "empty").write_text("no more")
    words = ["--bump", "minor", "--param", "epochs=2", "--metric", "f1=0.5", "--publish"]
    cli("push", published, folder, *words)
    table = cli("diff", published, "1.0.0", "latest").stdout_text
    assert re.search(r"params +epochs +- +2 +new", table)
    assert re.search(r"metrics +f1 +- +0.5 +new", table)
    assert re.search(r"files +empty .*changed", table)
    assert "onnx" not in table


def test_aliases_move(cli, published, folder):
    cli("alias", "set", f"{published}@1.0.0", "champion")
    (folder / "empty").write_text("x")
    cli("push", published, folder, "--bump", "minor", "--publish")
    cli("alias", "set", f"{published}@^1", "champion")
    rows = cli.json("alias", "list", published)
    assert [(row["alias"], row["version"]) for row in rows] == [("champion", "1.1.0")]
    assert cli.json("show", f"{published}@champion")["version"]["version"] == "1.1.0"
    cli("alias", "remove", published, "champion")
    assert cli.json("alias", "list", published) == []


def test_tags_are_set_and_taken_away(cli, published):
    cli("tag", published, "task=embedding", "team=nlp")
    cli("tag", published, "team-")
    cli("tag", f"{published}@1.0.0", "stage=candidate")
    about = cli.json("show", published)
    assert about["model"]["tags"] == {"task": "embedding"}
    assert cli.json("list", published, "--tag", "stage=candidate")[0]["version"] == "1.0.0"


def test_metrics_are_added_to_a_published_version(cli, published):
    cli("metric", "add", f"{published}@1.0.0", "accuracy=0.91,dataset=test", "f1=0.8")
    names = {row["name"]: row["value"] for row in cli.json("show", f"{published}@1.0.0")["metrics"]}
    assert names == {"accuracy": 0.91, "f1": 0.8}
    assert cli("list", published, "--metric", "accuracy@test>=0.9", "-q").stdout_text == "1.0.0\n"


def test_the_life_of_a_version_is_in_the_events(cli, published):
    cli("deprecate", f"{published}@1.0.0", "--reason", "old")
    until = time.monotonic() + 5  # an event gets its place a moment after the change
    while (kinds := [row["kind"] for row in cli.json("events", published)])[0] != "version.deprecated":
        assert time.monotonic() < until, kinds
    assert {"version.created", "artifact.created", "version.published"} <= set(kinds)


def test_lists_are_paged_to_their_end(cli, hallmark, name):
    path = f"/api/v1/projects/default/models/{name}"
    hallmark.put(path, json={})
    for patch in range(7):
        hallmark.post(f"{path}/versions", json={"version": f"1.0.{patch}"})
    listed = cli("list", f"default/{name}", "--limit", "5", "-q").stdout_text.split()
    assert listed == ["1.0.6", "1.0.5", "1.0.4", "1.0.3", "1.0.2"]
    assert len(cli.json("list", f"default/{name}")) == 7


# ---- who and where -------------------------------------------------------------------


def test_without_a_token_nothing_goes(cli):
    refused = cli("list", HALLMARK_TOKEN_FILE="", leaves=NO_ACCESS)
    assert "hallmark login" in refused.stderr_text
    cli("list", HALLMARK_TOKEN_FILE="", HALLMARK_TOKEN="hmk_pat_nonsense", leaves=NO_ACCESS)


def test_login_keeps_the_token_for_its_owner_alone(cli):
    cli("login", "--token-file", cli.token_file, HALLMARK_TOKEN_FILE="")
    kept = next(cli.home.glob(".config/hallmark/servers/*/token"))
    assert kept.stat().st_mode & 0o777 == 0o600
    cli("list", HALLMARK_TOKEN_FILE="", HALLMARK_URL="")
    assert "usable        yes" in cli("status", HALLMARK_TOKEN_FILE="", HALLMARK_URL="").stdout_text
    cli("logout", HALLMARK_TOKEN_FILE="")
    cli("list", HALLMARK_TOKEN_FILE="", leaves=NO_ACCESS)


def test_a_token_that_is_refused_is_not_kept(cli):
    cli.token_file.write_text("hmk_pat_nonsense")
    cli("login", "--token-file", cli.token_file, leaves=NO_ACCESS)
    assert not list(cli.home.glob(".config/hallmark/servers/*/token"))


def test_nobody_there_is_said_with_its_own_status(cli):
    assert "127.0.0.1:1" in cli("list", "--url", "http://127.0.0.1:1", leaves=AWAY).stderr_text


def test_a_failure_is_a_problem_document_when_json_is_wanted(cli, name):
    refused = cli("show", f"default/{name}", "--json", leaves=NOT_FOUND)
    problem = json.loads(refused.stderr_text)
    assert problem["type"] == "not-found"
    assert problem["exit_status"] == NOT_FOUND
    assert refused.stdout_text == ""


def test_the_token_is_never_shown(cli, published, tmp_path):
    shown = cli("pull", published, tmp_path / "out", "--verbose")
    assert cli.token_file.read_text() not in shown.stdout_text + shown.stderr_text
