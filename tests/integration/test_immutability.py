"""What was published never changes, whoever writes: also the owner of the database."""

import re

import pytest
from support import postgres
from support.model import Model, good

pytestmark = pytest.mark.usefixtures("errors")


@pytest.fixture(scope="module")
def frozen(hallmark):
    """Published, deprecated, yanked and discarded versions of one model, by state."""
    model = Model(hallmark, "frozen").make()
    lineage = [{"kind": "run", "uri": "https://ci.example/1"}]
    found = {}
    for major, change in enumerate((None, model.deprecate, model.yank), 1):
        version = model.published(f"{major}.0.0", lineage=lineage, metrics=[{"name": "a", "value": 1}])
        if change:
            version = good(change(version["version"]), 200).json
        found[version["state"]] = version["id"]
    found["discarded"] = model.draft("4.0.0")["id"]
    hallmark.delete(model.at("4.0.0"), headers={"If-Match": "*"})
    return found


# By the state of the version: what must be refused, with V for its id.
ANY_END = ("published", "deprecated", "yanked", "discarded")
PUBLISHED = ANY_END[:3]
REFUSED = [
    ("DELETE FROM version WHERE id = V", ANY_END),
    ("UPDATE version SET semver = '9.9.9' WHERE id = V", ANY_END),
    ("UPDATE version SET precedence = '\\x00' WHERE id = V", ANY_END),
    ("UPDATE version SET ordinal = 99 WHERE id = V", ANY_END),
    ("UPDATE version SET model_id = gen_random_uuid() WHERE id = V", ANY_END),
    ("UPDATE version SET created_by = 'mallory' WHERE id = V", ANY_END),
    ("UPDATE version SET created_at = now() WHERE id = V", ANY_END),
    ("UPDATE version SET id = gen_random_uuid() WHERE id = V", ANY_END),
    ("UPDATE version SET state = 'draft' WHERE id = V", ANY_END),
    ("UPDATE version SET params = '{\"x\":1}' WHERE id = V", ANY_END),
    ("UPDATE version SET files = files + 1 WHERE id = V", ANY_END),
    ("UPDATE version SET bytes = bytes + 1 WHERE id = V", ANY_END),
    ("UPDATE version SET published_at = now() WHERE id = V", ANY_END),
    ("UPDATE version SET published_by = 'mallory' WHERE id = V", ANY_END),
    ("UPDATE version SET manifest_sha256 = sha256('x') WHERE id = V", ANY_END),
    ("UPDATE version SET key_id = NULL WHERE id = V", PUBLISHED),
    ("UPDATE version SET state = 'discarded' WHERE id = V", PUBLISHED),
    ("UPDATE version SET state = 'published' WHERE id = V", ("deprecated", "yanked", "discarded")),
    ("UPDATE version SET state = 'deprecated' WHERE id = V", ("yanked", "discarded")),
    ("UPDATE version SET state = 'yanked' WHERE id = V", ("discarded",)),
    ("DELETE FROM attestation WHERE version_id = V", PUBLISHED),
    ("UPDATE attestation SET envelope = '{}' WHERE version_id = V", PUBLISHED),
    ("INSERT INTO attestation SELECT V::uuid, now(), id, '{}' FROM signing_key LIMIT 1", ANY_END),
    ("DELETE FROM artifact WHERE version_id = V", PUBLISHED),
    ("UPDATE artifact SET path = 'other' WHERE version_id = V", PUBLISHED),
    ("UPDATE artifact SET minisig = 'x' WHERE version_id = V", PUBLISHED),
    ("UPDATE artifact SET media_type = 'text/html' WHERE version_id = V", PUBLISHED),
    (
        "INSERT INTO artifact (version_id, blob_id, path, media_type, key_id, minisig, created_by)"
        " SELECT V::uuid, blob_id, 'more', media_type, key_id, minisig, 'mallory' FROM artifact LIMIT 1",
        ANY_END,
    ),
    ("DELETE FROM lineage_edge WHERE version_id = V", PUBLISHED),
    ("UPDATE lineage_edge SET uri = 'https://other.example' WHERE version_id = V", PUBLISHED),
    ("INSERT INTO lineage_edge (version_id, place, kind, uri) VALUES (V, 9, 'run', 'https://x')", ANY_END),
    ("DELETE FROM metric WHERE version_id = V", PUBLISHED),
    ("UPDATE metric SET value = 2 WHERE version_id = V", PUBLISHED),
]
CASES = [(sql, state) for sql, states in REFUSED for state in states]


@pytest.mark.parametrize(("sql", "state"), CASES, ids=[f"{state}: {sql[:60]}" for sql, state in CASES])
def test_the_database_refuses(hallmark, frozen, sql, state):
    with pytest.raises(AssertionError) as refusal:
        hallmark.execute(re.sub(r"\bV\b", f"'{frozen[state]}'", sql))
    assert re.search(
        "never change|never removed|cannot go|drafts only|needs files|content", str(refusal.value)
    )


@pytest.mark.parametrize(
    "table",
    [
        "version",
        "attestation",
        "artifact",
        "lineage_edge",
        "metric",
        "model",
        "event",
        "event_order",
        "alias_move",
    ],
)
def test_no_table_is_emptied(hallmark, table):
    with pytest.raises(AssertionError, match="never changed nor removed"):
        hallmark.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET {}"])
@pytest.mark.parametrize(
    ("table", "column"),
    [("event", "body = ''"), ("event_order", "position = 0"), ("alias_move", "moved_by = ''")],
)
def test_what_happened_stays_what_happened(hallmark, table, column, change):
    with pytest.raises(AssertionError, match="never changed nor removed"):
        hallmark.execute(change.format(table, column))


def test_a_row_does_not_move_to_another_version(hallmark, frozen, model):
    draft = model.draft("1.0.0")["id"]
    good(model.put("1.0.0", "f"), 201)
    for table in ("artifact", "lineage_edge", "attestation"):
        for source, target in ((frozen["published"], draft), (draft, frozen["published"])):
            sql = f"UPDATE {table} SET version_id = '{target}' WHERE version_id = '{source}' RETURNING 1"
            if table == "artifact" or source == frozen["published"]:
                with pytest.raises(AssertionError, match="stay with their version|drafts only"):
                    hallmark.execute(sql)


def test_a_version_begins_as_a_draft(hallmark, frozen):
    columns = "model_id, created_at, prerelease, precedence, tags, params, created_by, description"
    with pytest.raises(AssertionError, match="begins as a draft"):
        hallmark.execute(
            f"INSERT INTO version (id, ordinal, state, state_changed_at, semver, {columns})"
            f" SELECT gen_random_uuid(), 77, 'published', now(), '77.0.0', {columns} FROM version"
            f" WHERE id = '{frozen['published']}'"
        )


def test_a_draft_is_not_published_by_hand(hallmark, model):
    draft = model.draft("1.0.0")["id"]
    good(model.put("1.0.0", "f"), 201)
    for change in (
        "state = 'published'",
        "state = 'published', manifest_sha256 = sha256('x'), published_at = now(),"
        " published_by = 'm', key_id = (SELECT id FROM signing_key LIMIT 1)",
    ):
        with pytest.raises(AssertionError, match="attestation"):
            hallmark.execute(f"UPDATE version SET {change} WHERE id = '{draft}'")


def test_what_may_change_after_publishing_does(hallmark, frozen):
    hallmark.execute(
        f"UPDATE version SET tags = '{{\"a\":\"b\"}}', description = 'd' WHERE id = '{frozen['published']}'"
    )
    (row,) = postgres.rows(
        hallmark.conninfo, f"SELECT tags FROM version WHERE id = '{frozen['published']}'", hallmark.owner
    )
    assert row == {"tags": {"a": "b"}}


def test_a_row_put_in_by_hand_is_not_published(hallmark, model):
    version = model.published("1.0.0")["id"]
    draft = model.draft("2.0.0")["id"]
    good(model.put("2.0.0", "f"), 201)
    hallmark.execute(
        "INSERT INTO artifact (version_id, blob_id, path, media_type, key_id, minisig, created_by)"
        f" SELECT '{draft}', blob_id, 'by-hand', media_type, key_id, minisig, created_by"
        f" FROM artifact WHERE version_id = '{version}'"
    )
    assert [e["pointer"] for e in model.publish("2.0.0").json["errors"]] == ["/artifacts/by-hand"]
