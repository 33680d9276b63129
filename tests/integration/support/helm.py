"""helm itself, on the chart of this tree."""

import shutil
import subprocess

import yaml

from .paths import ROOT

HELM = ROOT / "build/tools/bin/helm"
CHART = ROOT / "helm/ai-platform"
KUBERNETES = ("1.27.0", "1.36.0")  # the oldest that the chart takes, the newest whose schemas we have


def helm(*arguments, check=True):
    done = subprocess.run([HELM, *arguments], capture_output=True, text=True, timeout=120)
    assert not check or done.returncode == 0, (
        f"helm {' '.join(map(str, arguments))}: {done.stderr}{done.stdout}"
    )
    return done


def values_file(name):
    return CHART / f"ci/{name}-values.yaml"


NOTES_AS_OBJECT = """apiVersion: v1
kind: ConfigMap
metadata: {name: notes, labels: {app.kubernetes.io/component: notes}}
data:
  text: {{ tpl (.Files.Get "notes.txt") . | toJson }}
"""


def notes(values, folder):
    """What `helm install` prints in the end. Without a cluster helm shows it to nobody: a copy
    of the chart in `folder` makes an object of it."""
    copy = folder / values
    shutil.copytree(CHART, copy)
    (copy / "templates/NOTES.txt").rename(copy / "notes.txt")
    (copy / "templates/notes.yaml").write_text(NOTES_AS_OBJECT)
    return of_kind(template(values, chart=copy), "ConfigMap")["data"]["text"]


def options(values, settings):
    words = ["-f", values_file(values)] if values else []
    for name, value in settings.items():
        words += ["--set", f"{name}={value}"]
    return words


def template(values, version=KUBERNETES[-1], check=True, chart=CHART, **settings):
    """The objects that a release named models in the namespace ml has."""
    words = ["template", "models", chart, "--namespace", "ml", "--kube-version", version]
    done = helm(*words, *options(values, settings), check=check)
    return list(filter(None, yaml.safe_load_all(done.stdout))) if check else done


def of_kind(objects, kind, component=None):
    found = [
        one
        for one in objects
        if one["kind"] == kind
        and component in (None, one["metadata"]["labels"]["app.kubernetes.io/component"])
    ]
    assert len(found) == 1, f"{len(found)} {kind} of {component}"
    return found[0]


def pod_specs(objects):
    """Every pod that the objects lead to, by the name of what makes it."""
    for one in objects:
        if one["kind"] == "Pod":
            yield one["metadata"]["name"], one["spec"]
        elif "template" in one.get("spec", {}):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]
