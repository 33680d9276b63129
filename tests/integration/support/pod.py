"""A container of a rendered manifest, run here as the kubelet would run it, but for the image.

Volumes are folders in place of their mount paths: Secrets as the kubelet writes them (links
into a hidden folder, 0440 for the pod's group), emptyDirs open to everybody, claims kept by
whoever asks. As root the program gets the pod's user and no other, no capabilities, no new
privileges, a process namespace where it is number 1, and a file system that it cannot write
but for its volumes. Where the system does not allow that, it is run plainly.
"""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from . import processes
from .http import Client
from .paths import SLOWNESS
from .server import free_port

NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro / && exec "$@"'
ISOLATES = (
    os.geteuid() == 0 and subprocess.run([*NAMESPACES, "true"], stderr=subprocess.DEVNULL).returncode == 0
)


class Pod:
    """`secrets` and `claims` by their names: {key: text}, and folders that stay."""

    def __init__(self, spec, folder, programs, secrets=None, claims=None):
        self.spec, self.folder, self.programs = spec, Path(folder), Path(programs)
        self.secrets, self.claims = secrets or {}, claims or {}
        (self.container,) = spec["containers"]
        self.user = spec["securityContext"]
        self.folder.mkdir(mode=0o755)
        self.log = self.folder / "log"
        self.volumes = {volume["name"]: self.make_volume(volume) for volume in spec.get("volumes", ())}
        self.mounts = {
            mount["mountPath"]: str(self.volumes[mount["name"]])
            for mount in self.container.get("volumeMounts", ())
        }
        self.ports = {port["containerPort"]: free_port() for port in self.container.get("ports", ())}
        self.process = None

    # ---- volumes -------------------------------------------------------------------

    def make_volume(self, volume):
        if "persistentVolumeClaim" in volume:
            return self.open_to_group(self.claims[volume["persistentVolumeClaim"]["claimName"]])
        folder = self.folder / volume["name"]
        folder.mkdir()
        if "emptyDir" in volume:
            return self.open_to_group(folder)
        self.write_secret(folder, volume["secret"])
        return folder

    def open_to_group(self, folder):
        if ISOLATES:
            os.chown(folder, 0, self.user["fsGroup"])
            folder.chmod(0o2777)
        return folder

    def write_secret(self, folder, volume, generation=1):
        """The files of a hidden folder, and then links to them: a new generation takes over at once."""
        held = self.secrets[volume["secretName"]]
        items = volume.get("items") or [{"key": key, "path": key} for key in held]
        hidden = folder / f"..2026_01_13_22_03_16.{generation}"
        folder.chmod(0o755)
        hidden.mkdir()
        for item in items:
            file = hidden / item["path"]
            file.write_text(held[item["key"]])
            # with an fsGroup the kubelet lets the group read what the owner may
            file.chmod(volume["defaultMode"] | (0o040 if ISOLATES else 0))
            if ISOLATES:
                os.chown(file, 0, self.user["fsGroup"])
            if not (folder / item["path"]).is_symlink():
                (folder / item["path"]).symlink_to(f"..data/{item['path']}")
        (folder / "..data_tmp").symlink_to(hidden.name)
        (folder / "..data_tmp").rename(folder / "..data")
        folder.chmod(0o555)  # a Secret is mounted to be read

    def refresh_secrets(self):
        """What the kubelet does some time after a Secret has changed."""
        for volume in self.spec["volumes"]:
            if "secret" in volume:
                folder = self.volumes[volume["name"]]
                self.write_secret(folder, volume["secret"], len(list(folder.glob("..2026*"))) + 1)

    # ---- the program ---------------------------------------------------------------

    def placed(self, text):
        """A value with this machine's folders and ports in it instead of the pod's."""
        for path, folder in self.mounts.items():
            text = re.sub(rf"^{re.escape(path)}(?=/|$)", folder, text)
        for port, ours in self.ports.items():
            text = re.sub(rf"^(0\.0\.0\.0|\[::\]):{port}$", f"127.0.0.1:{ours}", text)
        return text

    @property
    def environment(self):
        env = {"PATH": f"{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin"}
        env |= {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        for row in self.container["env"]:
            of = row.get("valueFrom", {}).get("secretKeyRef")
            env[row["name"]] = self.secrets[of["name"]][of["key"]] if of else self.placed(row["value"])
        return env

    @property
    def as_user(self):
        if not ISOLATES:
            return []
        wanted = self.container["securityContext"]
        assert not wanted["allowPrivilegeEscalation"]
        assert wanted["capabilities"]["drop"] == ["ALL"]
        return [
            "setpriv",
            f"--reuid={self.user['runAsUser']}",
            f"--regid={self.user['runAsGroup']}",
            f"--groups={self.user['fsGroup']}",
            "--no-new-privs",
            "--inh-caps=-all",
            "--bounding-set=-all",
        ]

    def start(self):
        words = [*self.as_user, *self.container["command"]]
        if ISOLATES:
            assert self.container["securityContext"]["readOnlyRootFilesystem"]
            writable = self.folder.parent  # of this pod, of those beside it, and of the claims
            words = [*NAMESPACES, "sh", "-c", READ_ONLY, str(writable), *words]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words, env=self.environment, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    @property
    def pid(self):
        """Of the container's first process."""
        return processes.children(self.process.pid)[0] if ISOLATES else self.process.pid

    def run(self):
        """To its end, as a Job's pod: the exit status."""
        return self.start().process.wait(60 * SLOWNESS)

    def execute(self, *words):
        """What `kubectl exec` does; returns what it prints."""
        inside = ["nsenter", "-t", str(self.pid), "-m", "-p", *self.as_user] if ISOLATES else []
        done = subprocess.run(
            [*inside, *map(self.placed, words)],
            env=self.environment,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60 * SLOWNESS,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def stop(self, with_signal=signal.SIGTERM):
        """SIGTERM, then as long as the pod has; the exit status."""
        processes.kill(self.pid, with_signal)
        return self.process.wait(self.spec["terminationGracePeriodSeconds"])

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        for folder in self.volumes.values():
            folder.chmod(0o755)

    # ---- probes --------------------------------------------------------------------

    def port(self, name):
        """Where the named port of the container is here."""
        (port,) = [row["containerPort"] for row in self.container["ports"] if row["name"] == name]
        return self.ports[port]

    def client(self, name, token=None):
        return Client("127.0.0.1", self.port(name), token)

    def probe(self, kind):
        """What the kubelet's probe of that kind finds: startupProbe, livenessProbe, readinessProbe."""
        wanted = self.container[kind]
        try:
            answer = self.client(wanted["httpGet"]["port"]).get(
                wanted["httpGet"]["path"], timeout=wanted["timeoutSeconds"]
            )
        except OSError:
            return False
        return 200 <= answer.status < 400

    def wait_ready(self):
        until = time.monotonic() + 30 * SLOWNESS
        while not (
            self.probe("startupProbe") and self.probe("livenessProbe") and self.probe("readinessProbe")
        ):
            assert self.process.poll() is None, f"it ended:\n{self.log.read_text()}"
            assert time.monotonic() < until, f"it is not ready:\n{self.log.read_text()}"
            time.sleep(0.02)
        return self
