"""The chart of helm/ai-platform: what helm makes of it, and that what it starts works."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from support import processes
from support.helm import CHART, HELM, KUBERNETES, helm, notes, of_kind, pod_specs, template, values_file
from support.objects import ObjectStore
from support.paths import FLAVOUR, HALLMARK, HALLMARKD, ROOT, SLOWNESS
from support.pod import ISOLATES, Pod
from support.registry import make_artifact, make_draft, make_published, version_path
from support.server import environment

pytestmark = pytest.mark.skipif(not HELM.exists(), reason="helm is not built: tools/setup.sh helm")
of_the_chart = pytest.mark.plain_only  # no program of ours runs, or which build of it does not matter

VALUES = ["minimal", "production", "bucket"]
PAGE = (ROOT / "docs/kubernetes.md").read_text()


@pytest.fixture(scope="module")
def rendered():
    """The objects of each set of values."""
    return {name: template(name) for name in VALUES}


# ---- what helm makes of it ---------------------------------------------------------------


@of_the_chart
@pytest.mark.parametrize("values", VALUES)
def test_lint_finds_nothing(values):
    helm("lint", "--strict", CHART, "-f", values_file(values))


@of_the_chart
@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_is_valid_for_kubernetes(values, version):
    for one in template(values, version):
        if one["apiVersion"] == "monitoring.coreos.com/v1":
            assert set(one["spec"]) == {"selector", "endpoints"}  # no schema of Kubernetes' own
        else:
            assert kubernetes_validate.validate(one, version, strict=True) == version.rpartition(".")[0]


@of_the_chart
def test_the_validator_refuses_what_kubernetes_does_not_know(rendered):
    deployment = json.loads(json.dumps(of_kind(rendered["minimal"], "Deployment")))
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePullpolicy"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES[-1], strict=True)


@of_the_chart
def test_an_older_kubernetes_is_refused():
    done = template("minimal", "1.26.15", check=False)
    assert done.returncode != 0
    assert ">=1.27" in done.stderr


@of_the_chart
def test_everything_that_must_be_given_is_said_at_once():
    done = template(None, check=False)
    assert done.returncode != 0
    for name in (
        "image.repository",
        "registry.database.existingSecret",
        "registry.secretFile.existingSecret",
        "registry.signingKeys.existingSecret",
    ):
        assert f"{name}: " in done.stderr


@of_the_chart
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("registry.replica", 2, "replica"),
        ("registry.storage.volume.acessMode", "ReadWriteMany", "acessMode"),
        ("registry.settings.max_uploads", "1GiB", "max_uploads"),
        ("registy.replicas", 2, "registy"),
        ("registry.replicas", "two", "replicas"),
        ("registry.loops", 0, "loops"),
        ("registry.settings.write_lanes", 30, "write_lanes"),  # a number of YAML's may come out as 3e+01
        ("registry.storage.kind", "nfs", "kind"),
        ("registry.logLevel", "verbose", "logLevel"),
        ("image.digest", "9f86d081", "digest"),
        ("registry.replicas", 2, "ReadWriteMany"),
        ("registry.autoscaling.enabled", "true", "ReadWriteMany"),
        ("registry.storage.kind", "bucket", "registry.storage.bucket.location"),
        ("registry.ingress.enabled", "true", "registry.ingress.host"),
    ],
)
def test_what_cannot_work_is_refused(name, value, said):
    done = template("minimal", check=False, **{name: value})
    assert done.returncode != 0
    assert said in done.stderr


@of_the_chart
def test_schema_and_values_hold_the_same_names():
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    open_ended = {"registry.settings", "registry.resources", "registry.affinity"}

    def compare(node, value, path=""):
        if path in open_ended or "properties" not in node:
            return
        assert node["additionalProperties"] is False, path
        assert set(node["properties"]) - {"global"} == set(value), path
        for name, inner in node["properties"].items():
            if name != "global":
                compare(inner, value[name], f"{path}.{name}".lstrip("."))

    compare(schema, values)


@of_the_chart
def test_every_value_is_used():
    """A name of values.yaml that no template mentions does nothing."""
    text = "".join(file.read_text() for file in CHART.glob("templates/**/*") if file.is_file())

    def leaves(node, path):
        for name, inner in node.items():
            if isinstance(inner, dict) and inner and path + [name] != ["registry", "resources"]:
                yield from leaves(inner, [*path, name])
            else:
                yield [*path, name]

    for path in leaves(yaml.safe_load((CHART / "values.yaml").read_text()), []):
        assert re.search(rf"\.{path[-1]}\b", text), ".".join(path)


# ---- what the objects say to one another --------------------------------------------------


@of_the_chart
@pytest.mark.parametrize("values", VALUES)
def test_pods_keep_to_the_restricted_standard(rendered, values):
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
    }
    pods = dict(pod_specs(rendered[values]))
    assert {"models-registry", "models-registry-migrate"} <= set(pods)
    for spec in pods.values():
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        for volume in spec.get("volumes", ()):
            assert set(volume) - {"name"} <= allowed | {"secret"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"]
            assert container["resources"]["limits"]["memory"]
            assert not any("hostPort" in port for port in container.get("ports", ()))


@of_the_chart
@pytest.mark.parametrize("values", VALUES)
def test_labels_ports_and_names_fit_each_other(rendered, values):
    objects = rendered[values]
    deployment = of_kind(objects, "Deployment")
    template_of = deployment["spec"]["template"]
    labels = template_of["metadata"]["labels"].items()
    (container,) = template_of["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels

    for service in (one for one in objects if one["kind"] == "Service"):
        assert service["spec"]["selector"].items() <= labels
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    policy = of_kind(objects, "NetworkPolicy", "registry")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == ports
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] in ports
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in template_of["spec"]["volumes"]
    }
    accounts = {one["metadata"]["name"] for one in objects if one["kind"] == "ServiceAccount"}
    assert {
        spec["serviceAccountName"] for _, spec in pod_specs(objects) if "serviceAccountName" in spec
    } == accounts


@of_the_chart
def test_what_production_adds_points_at_the_registry(rendered):
    objects = rendered["production"]
    labels = of_kind(objects, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    assert of_kind(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].items() <= labels
    scaler = of_kind(objects, "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == of_kind(objects, "Deployment")["metadata"]["name"]
    assert "replicas" not in of_kind(objects, "Deployment")["spec"]  # they are the autoscaler's to count

    (service,) = [
        one for one in objects if one["kind"] == "Service" and one["spec"].get("clusterIP") == "None"
    ]
    monitor = of_kind(objects, "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [port["name"] for port in service["spec"]["ports"]] == [monitor["endpoints"][0]["port"]]
    others = [one for one in objects if one["kind"] == "Service" and one is not service]
    for other in others:  # the API's address does not lead to the metrics, which want no token
        assert not monitor["selector"]["matchLabels"].items() <= other["metadata"]["labels"].items()

    rule = of_kind(objects, "Ingress")["spec"]["rules"][0]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": others[0]["metadata"]["name"], "port": {"name": "http"}}
    hosts = env_of(objects)["HALLMARK_ALLOWED_HOSTS"].split(",")
    assert rule["host"] in hosts
    assert "models-registry.ml.svc" in hosts


@of_the_chart
def test_one_replica_on_its_own_volume_is_replaced_not_rolled(rendered):
    assert of_kind(rendered["minimal"], "Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    for values in ("production", "bucket"):
        strategy = of_kind(rendered[values], "Deployment")["spec"]["strategy"]
        assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert not [one for one in rendered["minimal"] if one["kind"] == "PodDisruptionBudget"]
    assert not [one for one in rendered["bucket"] if one["kind"] == "PersistentVolumeClaim"]
    claim = of_kind(rendered["minimal"], "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


@of_the_chart
@pytest.mark.parametrize("values", VALUES)
def test_the_migration_brings_what_it_needs(rendered, values):
    """At the first install the hooks are all there is."""
    hooks = [one for one in rendered[values] if "helm.sh/hook" in one["metadata"].get("annotations", {})]
    by_kind = {
        one["kind"]: one for one in hooks if "pre-install" in one["metadata"]["annotations"]["helm.sh/hook"]
    }
    assert set(by_kind) == {"Job", "ServiceAccount", "NetworkPolicy"}
    weights = {
        kind: int(one["metadata"]["annotations"]["helm.sh/hook-weight"]) for kind, one in by_kind.items()
    }
    assert weights["Job"] > max(weights["ServiceAccount"], weights["NetworkPolicy"])
    for one in by_kind.values():
        assert one["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    job = by_kind["Job"]["spec"]["template"]
    assert job["spec"]["serviceAccountName"] == by_kind["ServiceAccount"]["metadata"]["name"]
    assert "persistentVolumeClaim" not in {key for volume in job["spec"]["volumes"] for key in volume}
    chosen = by_kind["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"].items()
    assert chosen <= job["metadata"]["labels"].items()
    deployment = of_kind(rendered[values], "Deployment")["spec"]
    assert not deployment["selector"]["matchLabels"].items() <= job["metadata"]["labels"].items()
    assert "initContainers" not in deployment["template"]["spec"]


def env_of(objects):
    (container,) = of_kind(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return {row["name"]: row.get("value") for row in container["env"]}


@of_the_chart
@pytest.mark.parametrize("values", VALUES)
def test_the_pod_has_longer_than_the_service_needs_to_drain(rendered, values):
    env = env_of(rendered[values])
    drain = [int(env[f"HALLMARK_DRAIN_{part}"].removesuffix("s")) for part in ("DELAY", "LIMIT")]
    patience = 5 + 5  # of the supervisor, beyond those: for the service, then for the signer
    spec = of_kind(rendered[values], "Deployment")["spec"]["template"]["spec"]
    assert spec["terminationGracePeriodSeconds"] > sum(drain) + patience
    ready = spec["containers"][0]["readinessProbe"]
    assert (
        drain[0] >= ready["periodSeconds"] * ready["failureThreshold"]
    )  # traffic ends before the listeners close


def settings_in_force(env):
    """{setting: (value, from where)}, as hallmarkd itself says."""
    done = subprocess.run(
        [HALLMARKD, "config"], env=environment(**env), capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return dict(re.findall(r"^#? ?(\w+) +(?:= .*# (.*)|is not set)$", done.stdout, re.M))


def test_every_variable_is_a_setting_of_hallmarkd(rendered):
    for objects in rendered.values():
        for _, spec in pod_specs(objects):
            (container,) = spec["containers"]
            if container["command"][0] != "hallmarkd":
                continue
            env = {row["name"]: row.get("value", "postgresql://somewhere/else") for row in container["env"]}
            origins = list(settings_in_force(env).values())
            for name in env:
                assert any(name in origin for origin in origins), name


def test_the_settings_that_values_take_are_those_the_chart_does_not_set_itself(rendered):
    known = set(settings_in_force({}))
    schema = json.loads((CHART / "values.schema.json").read_text())
    free = set(schema["properties"]["registry"]["properties"]["settings"]["properties"])
    own = (
        {name.removeprefix("HALLMARK_").lower() for objects in rendered.values() for name in env_of(objects)}
        - free
        - {"aws_access_key_id", "aws_secret_access_key"}
    )
    not_in_a_pod = {"config", "user", "postgres_bin"}
    assert free | own | not_in_a_pod | {"s3_access_key", "s3_secret_key"} == known


@of_the_chart
@pytest.mark.parametrize("values", VALUES)
def test_the_notes_name_what_there_is(rendered, values, tmp_path):
    text = notes(values, tmp_path)
    assert set(re.findall(r"deploy/(\S+)", text)) == {
        of_kind(rendered[values], "Deployment")["metadata"]["name"]
    }
    services = {one["metadata"]["name"]: one["spec"] for one in rendered[values] if one["kind"] == "Service"}
    ((service, port),) = re.findall(r"svc/(\S+) 8080:(\d+)", text)
    assert int(port) in [row["port"] for row in services[service]["ports"]]
    assert f"http://{service}.ml.svc" in text
    assert ("https://models.example.org" in text) == (values == "production")


# ---- what it starts -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def home():
    """A folder that other users may enter; make install's DESTDIR lies in it."""
    folder = Path(tempfile.mkdtemp(prefix="hallmark-pod."))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def programs(home):
    done = subprocess.run(
        ["make", "-s", f"FLAVOUR={FLAVOUR}", f"DESTDIR={home}/image", "PREFIX=/usr", "install"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return home / "image/usr/bin"


def test_make_install_puts_both_programs_and_the_licence(home, programs):
    files = {str(file.relative_to(home / "image")) for file in (home / "image").rglob("*") if file.is_file()}
    assert files == {"usr/bin/hallmarkd", "usr/bin/hallmark", "usr/share/doc/hallmark/LICENSE"}
    for program, built in ((programs / "hallmarkd", HALLMARKD), (programs / "hallmark", HALLMARK)):
        assert program.read_bytes() == built.read_bytes()
        assert program.stat().st_mode & 0o7777 == 0o755
        done = subprocess.run(
            [program, "version"], capture_output=True, text=True, cwd="/", env=environment()
        )
        assert done.returncode == 0, done.stderr
        assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] in done.stdout


@of_the_chart
def test_the_image_has_just_the_libraries_that_the_programs_load(programs):
    dockerfile = (ROOT / "helm/Dockerfile").read_text()
    install = re.search(r"install -y --no-install-recommends (.*?) && ", dockerfile.replace("\\\n", " "))
    loaded = {"libs3.so.2"}  # when it is asked for a bucket
    for program in ("hallmarkd", "hallmark"):
        dynamic = subprocess.run(
            ["readelf", "-d", programs / program], capture_output=True, text=True, check=True
        )
        loaded |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic.stdout))
    owners = set()
    for library in loaded - {"libc.so.6"}:
        found = subprocess.run(
            ["dpkg-query", "--search", f"*/{library}"], capture_output=True, text=True, check=True
        )
        owners.add(re.split("[:,]", found.stdout)[0])
    assert set(install[1].split()) == owners | {"ca-certificates"}

    security = yaml.safe_load((CHART / "values.yaml").read_text())["registry"]["security"]
    assert f"USER {security['runAsUser']}:{security['runAsGroup']}\n" in dockerfile


@pytest.fixture(scope="module")
def trust(tmp_path_factory):
    """The secret and the signing key, made as docs/kubernetes.md says."""
    folder = tmp_path_factory.mktemp("trust")
    lines = [line for line in PAGE.splitlines() if line.startswith(("openssl ", "minisign "))]
    assert len(lines) == 2
    for line in lines:
        subprocess.run(line, shell=True, check=True, cwd=folder, stdout=subprocess.DEVNULL)  # noqa: S602
    return {
        "hallmark-secret": {"secret": (folder / "secret").read_text()},
        "hallmark-keys": {"first.key": (folder / "first.key").read_text()},
    }


class Release:
    """The pods of one set of values, on a database of its own."""

    def __init__(self, objects, home, programs, secrets):
        self.objects, self.programs, self.secrets = objects, programs, secrets
        self.folder = Path(tempfile.mkdtemp(dir=home))
        self.folder.chmod(0o755)
        self.claims = {}
        for one in objects:
            if one["kind"] == "PersistentVolumeClaim":
                self.claims[one["metadata"]["name"]] = self.folder / "claim"
                (self.folder / "claim").mkdir()
        self.pods = []

    def pod(self, kind):
        template_of = of_kind(self.objects, kind)["spec"]["template"]
        folder = self.folder / f"{kind}-{len(self.pods)}"
        self.pods.append(Pod(template_of["spec"], folder, self.programs, self.secrets, self.claims))
        return self.pods[-1]

    def end(self):
        for pod in self.pods:
            pod.end()


@pytest.fixture(scope="module")
def objects():
    store = ObjectStore()
    yield store
    store.stop()


@pytest.fixture
def release(postgres, home, programs, trust):
    """release(values, …): what an install has done before the Deployment: the migration's Job."""
    if ISOLATES:
        postgres.folder.chmod(0o711)  # for the pod's user, on the way to the socket
    made = []

    def install(values, secrets=None, migrate=True, **settings):
        settings = {"registry.drain.delaySeconds": 1, **settings}  # whoever stops a pod waits for that
        held = {
            "hallmark-database": {"url": postgres.create_database()},
            "hallmark-bucket": {
                "AWS_ACCESS_KEY_ID": "registry",
                "AWS_SECRET_ACCESS_KEY": "very-secret-indeed",
            },
            **{name: dict(keys) for name, keys in trust.items()},
            **(secrets or {}),
        }
        one = Release(template(values, **settings), home, programs, held)
        made.append(one)
        if migrate:
            job = one.pod("Job")
            assert job.run() == 0, job.log.read_text()
        return one

    yield install
    for one in made:
        one.end()


def admin(pod):
    """The client of somebody who typed what NOTES.txt says."""
    (command,) = re.findall(r"-- (hallmarkd token create .*) > ", (CHART / "templates/NOTES.txt").read_text())
    return pod.client("http", pod.execute(*shlex.split(command.replace("$USER", "anna"))).strip())


def test_what_is_installed_becomes_ready_and_keeps_a_model_over_a_restart(release, name):
    one = release("minimal")
    pod = one.pod("Deployment").start().wait_ready()
    client = admin(pod)
    make_published(client, name)
    assert client.get(version_path(name)).json["state"] == "published"

    before = pod.stop()
    successor = one.pod("Deployment").start().wait_ready()
    assert before == 0
    assert (
        successor.client("http", client.token).get(f"{version_path(name)}/artifacts/model.bin").body
        == b"weights"
    )
    assert successor.stop() == 0
    logged = [json.loads(line) for line in successor.log.read_text().splitlines() if line.startswith("{")]
    assert not [line for line in logged if line["level"] in ("warn", "error")], logged


def test_a_bucket_needs_no_volume(release, objects, name):
    one = release(
        "bucket",
        **{
            "registry.storage.bucket.location": objects.location,
            "registry.address": "0.0.0.0",
            # this machine's cluster does not choose user ids
            "registry.security.runAsUser": 10001,
            "registry.security.runAsGroup": 10001,
            "registry.security.fsGroup": 10001,
        },
    )
    pods = [one.pod("Deployment").start() for _ in range(2)]
    first, second = (pod.wait_ready() for pod in pods)
    client = admin(first)
    make_draft(client, name)
    make_artifact(client, name, "model.bin", b"weights" * 1000)
    got = second.client("http", client.token).get(f"{version_path(name)}/artifacts/model.bin")
    assert (got.status, got.body) == (200, b"weights" * 1000)
    assert objects.names()


def test_a_stopping_pod_still_takes_requests_until_everybody_has_noticed(release):
    pod = release("minimal", **{"registry.drain.delaySeconds": 2}).pod("Deployment").start().wait_ready()
    processes.kill(pod.pid, signal.SIGTERM)
    until = time.monotonic() + 1
    while pod.probe("readinessProbe"):
        assert time.monotonic() < until
    assert pod.client("http").get("/api/v1/keys").status == 200
    assert pod.probe("livenessProbe")
    assert pod.process.wait(pod.spec["terminationGracePeriodSeconds"]) == 0


def test_an_upgrade_migrates_beside_running_pods_and_two_migrations_may_meet(release):
    one = release("minimal")
    pod = one.pod("Deployment").start().wait_ready()
    jobs = [one.pod("Job").start() for _ in range(2)]
    assert [job.process.wait(60 * SLOWNESS) for job in jobs] == [0, 0]
    assert pod.probe("readinessProbe")


def test_a_migration_without_a_key_makes_none_that_would_be_gone_with_its_pod(release, trust):
    one = release("minimal", secrets={"hallmark-keys": {"note": "no key here"}}, migrate=False)
    job = one.pod("Job")
    assert job.run() != 0
    assert f"{job.mounts['/etc/hallmark/keys']}/" in job.log.read_text()

    one.secrets["hallmark-keys"] = trust["hallmark-keys"]
    assert one.pod("Job").run() == 0
    pod = one.pod("Deployment").start().wait_ready()
    assert [key["state"] for key in pod.client("http").get("/api/v1/keys").json["items"]] == ["active"]


def test_a_key_is_rotated_as_the_page_says(release, name):
    one = release("minimal")
    pod = one.pod("Deployment").start().wait_ready()
    client = admin(pod)
    old = make_published(client, name).json["key_id"]

    (add,) = re.findall(r"exec \$pod -- (hallmarkd keys add .*?)\)?$", PAGE, re.M)
    new = pod.execute(*add.split()).strip()
    (read,) = re.findall(r"exec \$pod -- (cat .*?) >", PAGE)
    one.secrets["hallmark-keys"][f"{new}.key"] = pod.execute(*read.replace("$id", new).split())
    pod.refresh_secrets()
    processes.kill(pod.pid, signal.SIGHUP)

    def states():
        return {key["id"]: key["state"] for key in client.get("/api/v1/keys").json["items"]}

    until = time.monotonic() + 30 * SLOWNESS
    while states().get(new) != "active":
        assert time.monotonic() < until
        time.sleep(0.1)
    assert make_published(client, f"{name}-2").json["key_id"] == new
    assert client.get(version_path(name)).json["key_id"] == old


def test_the_tests_pod_finds_a_registry_that_answers_and_no_other(release):
    one = release("minimal")
    pod = one.pod("Deployment").start().wait_ready()
    spec = of_kind(one.objects, "Pod")["spec"]
    (row,) = [row for row in spec["containers"][0]["env"] if row["name"] == "HALLMARK_URL"]
    service = of_kind(one.objects, "Service")
    assert (
        row["value"] == f"http://{service['metadata']['name']}.ml.svc:{service['spec']['ports'][0]['port']}"
    )
    statuses = []
    for n, port in enumerate((pod.port("http"), pod.port("probes"))):
        row["value"] = f"http://127.0.0.1:{port}"
        asking = Pod(spec, one.folder / f"asking-{n}", one.programs)
        statuses.append(asking.run())
    assert statuses[0] == 0
    assert statuses[1] != 0


@pytest.mark.plain_only
def test_at_rest_it_takes_a_fraction_of_the_memory_asked_for(release):
    pod = release("minimal").pod("Deployment").start().wait_ready()
    (container,) = pod.spec["containers"]
    asked = int(container["resources"]["requests"]["memory"].removesuffix("Mi")) << 20
    resident = sum(processes.resident(pid) for pid in [pod.pid, *processes.descendants(pod.pid)])
    assert resident < asked / 4
