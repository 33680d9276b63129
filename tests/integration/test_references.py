"""References: the same words mean the same version wherever a version is named."""

from urllib.parse import quote

import pytest
from support.model import Model, good, refused

pytestmark = pytest.mark.usefixtures("errors")

VERSIONS = [
    "0.9.0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.2.0",
    "1.2.9",
    "1.2.10",
    "1.10.0",
    "2.0.0-rc.1",
    "2.0.0-rc.2",
    "2.0.0",
    "2.1.0+b7",
    "3.0.0-beta",
]

MEANS = {
    "1.2.9": "1.2.9",
    "v1.2.9": "1.2.9",
    "1.2.9+anything": None,
    "2.1.0": "2.1.0+b7",
    "2.1.0+b7": "2.1.0+b7",
    "2.1.0+b8": None,
    "^1.2": "1.10.0",
    "^1": "1.10.0",
    "~1.2.0": "1.2.10",
    "~1.2": "1.2.10",
    "1.x": "1.10.0",
    "1.2.x": "1.2.10",
    "1.2.*": "1.2.10",
    "*": "2.1.0+b7",
    "x": "2.1.0+b7",
    ">=1.2 <2": "1.10.0",
    ">=1.2.0 <1.2.10": "1.2.9",
    ">1.2.9 <=1.2.10": "1.2.10",
    "<1.0.0": "0.9.0",
    "^0.9.0": "0.9.0",
    "^0.8.0": None,
    "=1.2.0": "1.2.0",
    "latest": "2.1.0+b7",
    ">=4": None,
    # Prereleases of the core that a comparator names, and of no other.
    "^1.0.0-alpha": "1.10.0",
    "~1.0.0-alpha": "1.0.0",
    ">=1.0.0-alpha <1.0.0": "1.0.0-rc.1",
    ">=1.0.0-alpha <1.0.0-beta.3": "1.0.0-beta.2",
    ">1.0.0-beta.2 <1.0.0-rc.1": "1.0.0-beta.11",
    "<1.0.0-alpha.1": "1.0.0-alpha",
    ">=2.0.0-rc.1 <2.0.0": "2.0.0-rc.2",
    ">=1.0.0 <2.0.0": "1.10.0",
    ">=3.0.0-alpha": "3.0.0-beta",
    "^3": None,
    ">2.1.0": None,
    "1.0.0-rc.1": "1.0.0-rc.1",
    "1.0.0-RC.1": None,
    "v1": "0.9.0",
    f"v{len(VERSIONS)}": VERSIONS[-1],
    f"v{len(VERSIONS) + 1}": None,
    "@champion": "1.2.0",
    "@nobody": None,
}


@pytest.fixture(scope="module")
def many(hallmark):
    model = Model(hallmark, "references").make()
    for version in VERSIONS:
        model.published(version, metrics=[{"name": "score", "value": len(version)}])
    model.alias("champion", "1.2.0")
    return model


@pytest.mark.parametrize("reference", MEANS)
def test_a_reference_means_one_version(many, reference):
    answer = many.get(reference)
    if MEANS[reference] is None:
        assert "reference" in refused(answer, 404)["detail"] or reference == "@nobody"
    else:
        assert good(answer, 200).json["version"] == MEANS[reference]


def test_newest_is_the_last_published(many, hallmark, name):
    assert many.get("newest").json["version"] == VERSIONS[-1]
    model = Model(hallmark, name).make()
    refused(model.get("newest"), 404)
    model.draft("3.0.0")
    model.published("2.0.0")
    model.published("1.0.0")
    assert model.get("newest").json["version"] == "1.0.0"
    assert model.get("latest").json["version"] == "2.0.0"
    good(model.put("3.0.0", "f"), 201)
    good(model.publish("3.0.0"), 200)
    assert model.get("newest").json["version"] == "3.0.0"


def test_a_draft_is_found_by_its_name_alone(model):
    model.draft("1.0.0")
    for reference in ("1.0.0", "v1", "v1.0.0"):
        assert model.get(reference).json["state"] == "draft", reference
    for reference in ("^1", "latest", "newest", "1.x", "*", ">=0.1"):
        refused(model.get(reference), 404)
    refused(model.alias("champion", "1.0.0"), 409)
    refused(model.alias("champion", "v1"), 409)


@pytest.mark.parametrize(
    ("bad", "better"),
    [
        ("1.4", "1.4.x"),
        ("1", "1.x"),
        ("^1 || ^2", "one range"),
        ("1.0.0 - 2.0.0", ">="),
        (" 1.0.0", "space"),
        ("v0", "v1"),
        ("v01", "zero"),
        ("v99999999999999999999", "at most"),
        ("^01.2", ""),
        (">=", ""),
        ("@", ""),
        ("@a b", ""),
        ("x" * 1025, "1024"),
        ("é", ""),
        ("^1.2.3.4", ""),
        ("%00", ""),
    ],
)
def test_what_is_no_reference_says_what_to_write(many, bad, better):
    answer = many.client.get(f"{many.path}/versions/{bad if bad == '%00' else quote(bad, safe='')}")
    assert better in refused(answer, 400)["detail"]


REFERENCES = {"exact": "1.2.0", "range": "~1.2.0", "ordinal": "v12", "latest": "latest", "alias": "@champion"}


@pytest.mark.parametrize("kind", REFERENCES)
def test_every_form_works_wherever_a_version_is_named(hallmark, many, kind, name):
    reference, version = REFERENCES[kind], many.get(REFERENCES[kind]).json["version"]
    content = f"{many.name} {version}".encode()
    assert many.get(reference, "artifacts").json["items"][0]["path"] == "model.bin"
    assert hallmark.get(many.file(reference, "model.bin")).body == content
    assert (
        many.get(reference, "signatures", "model.bin.minisig").body
        == many.get(version, "signatures", "model.bin.minisig").body
    )
    assert many.get(reference, "attestation").body == many.get(version, "attestation").body
    assert many.get(reference, "metrics").json["items"][0]["value"] == len(version)
    assert many.get(reference, "lineage").json["version"]["version"] == version
    compared = hallmark.get(f"{many.path}/compare?versions=0.9.0,{quote(reference, safe='')}").json
    assert [v["version"] for v in compared["versions"]] == ["0.9.0", version]
    assert good(many.alias(name, reference), 201).json["version"] == version
    child = Model(hallmark, name).make()
    parent = {"kind": "parent", "relation": "fine_tune", "version": f"default/{many.name}@{reference}"}
    child.draft("1.0.0", lineage=[parent])
    assert child.get("1.0.0", "lineage").json["edges"][0]["to"]["version"] == version
    assert good(many.post(reference, "publish"), 200).json["version"] == version
    good(many.post(reference, "metrics", json={"metrics": [{"name": "score-later", "value": 1}]}), 201)
    done = hallmark.patch(many.at(reference), json={"tags": {"seen": kind}}, headers={"If-Match": "*"})
    assert good(done, 200).json["version"] == version
    refused(many.put(reference, "new.bin"), 409, "immutable")
    refused(hallmark.delete(many.file(reference, "model.bin"), headers={"If-Match": "*"}), 409, "immutable")


def test_deprecated_versions_are_seen_by_ranges(model):
    model.published("1.0.0")
    model.published("1.1.0")
    good(model.deprecate("^1"), 200)
    assert model.get("^1").json["version"] == "1.1.0"
    assert model.get("1.1.0").json["state"] == "deprecated"
