"""Artifacts in the bucket of an object store, through libs3."""

import hashlib
import os
import time

import pytest
from support.model import good, refused
from support.objects import ObjectStore
from support.registry import artifact_path, make_artifact, make_draft, version_path
from support.relay import Relay

BODY = os.urandom(3_000_000)


@pytest.fixture(scope="module")
def objects():
    store = ObjectStore()
    yield store
    store.stop()


@pytest.fixture
def way(objects):
    """The network between the service and its store."""
    with Relay("127.0.0.1", objects.port) as relay:
        yield relay


@pytest.fixture
def server(start_hallmark, objects, way, open_folder):
    settings = open_folder / "hallmark.conf"
    settings.write_text(
        f'storage_path = "{objects.location_through(way.port)}"\n'
        "storage_driver = libs3\ns3_access_key = registry\ns3_secret_key = very-secret-indeed\n"
    )
    settings.chmod(0o644)
    server = start_hallmark(begin=False, config=settings)
    server.secret("very-secret-indeed")
    return server.start()


def test_an_artifact_goes_to_the_bucket_and_comes_back_verified(server, objects, name):
    digest = hashlib.sha256(BODY).hexdigest()
    make_draft(server, name)
    put = make_artifact(server, name, "model.bin", BODY)
    assert put.json["sha256"] == digest
    assert any(f"registry/{digest}." in each for each in objects.names())
    done = good(server.post(f"{version_path(name)}/publish", json={}), 200)
    assert done.json["state"] == "published"

    at = artifact_path(name, "model.bin")
    assert good(server.get(at), 200).body == BODY
    part = good(server.get(at, headers={"Range": "bytes=1000000-1000099"}), 206)
    assert part.body == BODY[1000000:1000100]
    head = good(server.request("HEAD", at), 200)
    assert (head.headers["Content-Length"], head.body) == (str(len(BODY)), b"")
    assert list((server.state / "transfers").iterdir()) == []
    assert list((server.state / "artifacts").glob("**/*")) == []

    server.restart()
    assert good(server.get(at), 200).body == BODY


def test_bytes_changed_in_the_bucket_are_not_published(server, objects, name):
    body = os.urandom(1000)
    make_draft(server, name)
    make_artifact(server, name, "model.bin", body)
    (there,) = [each for each in objects.names() if hashlib.sha256(body).hexdigest() in each]
    objects.request("PUT", there, b"x" + body[1:])
    answer = refused(server.post(f"{version_path(name)}/publish", json={}), 409, "not-publishable")
    assert "SHA-256" in answer["errors"][0]["detail"]


def test_while_the_store_is_away_everything_but_bytes_goes_on(server, way, name):
    make_draft(server, name)
    make_artifact(server, name, "model.bin", b"weights")
    at = artifact_path(name, "model.bin")
    way.away = True
    refused(server.get(at), 503, "unavailable")
    refused(server.request("PUT", artifact_path(name, "b.bin"), body=b"more"), 503, "unavailable")
    assert good(server.get(version_path(name)), 200).json["state"] == "draft"
    assert len(good(server.get(f"{version_path(name)}/artifacts"), 200).json["items"]) == 1
    refused(server.post(f"{version_path(name)}/publish", json={}), 503, "unavailable")
    assert server.is_ready()

    server.restart()  # a service that starts meanwhile serves what it can
    refused(server.get(at), 503, "unavailable")
    assert good(server.get(version_path(name)), 200).json["state"] == "draft"

    way.away = False
    assert good(server.get(at), 200).body == b"weights"
    make_artifact(server, name, "b.bin", b"more")
    good(server.post(f"{version_path(name)}/publish", json={}), 200)


def test_a_download_that_breaks_off_is_asked_for_again(server, way, name):
    make_draft(server, name)
    make_artifact(server, name, "model.bin", BODY)
    way.cut = 1_000_000
    began = time.monotonic()
    refused(server.get(artifact_path(name, "model.bin")), 503, "unavailable")
    assert time.monotonic() - began < 10
    way.cut = None
    assert good(server.get(artifact_path(name, "model.bin")), 200).body == BODY


def test_credentials_come_from_where_every_s3_program_looks_and_are_not_shown(start_hallmark):
    server = start_hallmark(begin=False, storage_driver="libs3")
    shown = server.command("config", AWS_ACCESS_KEY_ID="someone", AWS_SECRET_ACCESS_KEY="hidden-1").stdout
    assert "someone" in shown
    assert "hidden-1" not in shown
