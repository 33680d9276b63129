"""Trains a small classifier of handwritten digits and registers it: model, version, metrics of
every epoch, where it comes from, the ONNX file, signed. What a training Job does, in one file."""

import argparse
import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import onnx.reference
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from registry import Refused, Registry

CARD = """# Handwritten digits

Reads digits of 8 × 8 grey pixels (values 0 to 16): input `X`, float32, shape `[n, 64]`.
Trained on the digits that come with scikit-learn; accuracy on digits it never saw is among the
metrics of each version.
"""


def metric(name, value, dataset, step):
    """One measured value, as the registry takes it."""
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {"name": name, "value": float(value), "dataset": dataset, "step": step, "at": at}


def train(params, digits):
    """Trains epoch by epoch; returns the classifier, its metrics, and the unseen digits."""
    x, x_val, y, y_val = train_test_split(
        digits.data.astype(np.float32), digits.target, test_size=0.25, random_state=params["seed"]
    )
    model = MLPClassifier(
        hidden_layer_sizes=params["hidden"],
        learning_rate_init=params["learning_rate"],
        random_state=params["seed"],
    )
    metrics = []
    for epoch in range(1, params["epochs"] + 1):
        model.partial_fit(x, y, classes=range(10))
        metrics.append(metric("loss", log_loss(y, model.predict_proba(x)), "train", epoch))
        metrics.append(metric("accuracy", model.score(x_val, y_val), "val", epoch))
        print(f"epoch {epoch:3}  loss {metrics[-2]['value']:.4f}  val {metrics[-1]['value']:.4f}")
    return model, metrics, x_val


def export(model, x_val):
    """The classifier as ONNX, once it was seen to predict what the original does."""
    content = to_onnx(model, x_val[:1], options={"zipmap": False}).SerializeToString()
    labels = onnx.reference.ReferenceEvaluator(onnx.load_from_string(content)).run(None, {"X": x_val})[0]
    if (labels != model.predict(x_val)).any():
        sys.exit("the exported model predicts something else than the trained one")
    return content


def commit():
    """The commit of this code: from the pipeline, else from git, else unknown."""
    if "GIT_COMMIT" in os.environ:
        return os.environ["GIT_COMMIT"]
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return git.stdout.strip() or None


def lineage(digits):
    """The data with its digest, the code with its commit, the run when there is one."""
    digest = hashlib.sha256(digits.data.tobytes() + digits.target.tobytes()).hexdigest()
    edges = [
        {
            "kind": "dataset",
            "uri": "https://scikit-learn.org/stable/datasets/toy_dataset.html#digits",
            "digest": f"sha256:{digest}",
        }
    ]
    if code := commit():
        edges.append({"kind": "code", "commit": code})
        if url := os.environ.get("GIT_URL"):
            edges[-1]["uri"] = url
    if run := os.environ.get("RUN_URL"):
        edges.append({"kind": "run", "uri": run})
    return edges


def main():
    """Trains, registers, uploads, publishes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", default="default")
    parser.add_argument("--model", default="digits")
    parser.add_argument("--bump", default="minor", choices=["major", "minor", "patch"])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--hidden", type=int, nargs="+", default=[64])
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    params = {name: getattr(args, name) for name in ("epochs", "hidden", "learning_rate", "seed")}

    digits = load_digits()
    model, metrics, x_val = train(params, digits)
    content = export(model, x_val)

    registry = Registry(args.model, args.project)
    try:
        registry.create_model("Reads handwritten digits", CARD, {"task": "classification"})
        version = registry.create_version(
            bump=args.bump,
            params=params,
            metrics=metrics,
            lineage=lineage(digits),
            tags={"framework": "onnx"},
        )
        registry.upload(version, "model.onnx", content)
        registry.upload(version, "README.md", CARD.encode())
        published = registry.publish(version)
    except Refused as refused:
        sys.exit(f"the registry refused it: {refused}")
    except OSError as error:
        sys.exit(f"{registry.url} does not answer: {error}")
    print(f"{args.project}/{args.model}@{version} is published, signed by {published['key_id']}")


if __name__ == "__main__":
    main()
