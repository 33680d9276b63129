/* Every statement against the migrated schema: that it prepares with the types it
 * declares, and what it does. Fills the database that HALLMARK_TEST_DATABASE names. */
#include <jansson.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "registry/semver.h"
#include "sql/migrate.h"
#include "sql/statement.h"
#include "tap.h"

enum { WRITERS = 4, VERSIONS_EACH = 40, MANY = 20000, LOOKS = 8, FILES = 3000 };

#define ID_IN(n)   "00000000-0000-7000-8000-0000000000" #n /* inside a longer text */
#define ID(n)      (ID_IN(n))
#define KEY_A      "AAAAAAAAAAAAAAAA"
#define KEY_B      "BBBBBBBBBBBBBBBB"
#define KEY_C      "CCCCCCCCCCCCCCCC"
#define WHO        "ada", "request-1"
#define MODEL      "default", "m"
#define NOTHING    NULL, NULL
#define ANY_VALUE  "{-1}"
#define ANY_DIGEST "{\"\"}"

static const char *conninfo;
static PGconn *pg;
static PGresult *last; /* of the last statement() or sql() */
static struct arena *arena;

/* The text of a column in the last result's first row; NULL when it is NULL or there is no row. */
static const char *column(const char *name)
{
	const int n = PQfnumber(last, name);

	if (n < 0 || PQntuples(last) == 0 || PQgetisnull(last, 0, n))
		return NULL;
	return arena_printf(arena, "%s", PQgetvalue(last, 0, n));
}

static const char *keep(PGresult *res)
{
	PQclear(last);
	last = res;
	if (PQresultStatus(last) == PGRES_FATAL_ERROR)
		return arena_printf(arena, "%s", PQresultErrorMessage(last));
	if (PQntuples(last) == 0 || PQgetisnull(last, 0, 0))
		return "";
	return arena_printf(arena, "%s", PQgetvalue(last, 0, 0));
}

static const char *sql(const char *text)
{
	return keep(PQexec(pg, text));
}

/* Runs a statement with its parameters as text; its first column, or the error. */
static const char *run(PGconn *where, enum statement_id id, int n, const char *const *args)
{
	const struct statement *s = &statements[id];

	if (n != s->nparams)
		return arena_printf(arena, "%s takes %d parameters, not %d", s->name, s->nparams,
				    n);
	return keep(PQexecParams(where, s->sql, n, s->types, args, NULL, NULL, 0));
}

#define COUNT(...) ((int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))
#define STATEMENT(id, ...)                                                                         \
	run(pg, STATEMENT_##id, COUNT(__VA_ARGS__), (const char *const[]){__VA_ARGS__})

static const char *bytes_text(struct bytes b)
{
	char *hex = arena_alloc(arena, 2 * b.len + 1);

	for (size_t i = 0; i < b.len; i++)
		sprintf(hex + 2 * i, "%02x", b.data[i]);
	return hex;
}

static struct semver semver(const char *text)
{
	struct semver v = {0};
	const struct problem p = semver_read(arena, NULL, text, strlen(text), &v);

	if (p.code != PROBLEM_NONE)
		ok(false, "%s is a semantic version: %s", text, p.detail);
	return v;
}

static const char *key(const char *version)
{
	const struct semver v = semver(version);

	return arena_printf(arena, "\\x%s", bytes_text(semver_key(arena, &v)));
}

/* An array of one key, as a parameter. */
static const char *keys(const char *version)
{
	return arena_printf(arena, "{\"\\%s\"}", key(version));
}

#define EXACT(version) "exact", keys(version), NULL

static const char *create_in(const char *model, const char *id, const char *version)
{
	const struct semver v = semver(version);

	return STATEMENT(VERSIONS_CREATE, id, "default", model, version, key(version),
			 v.prerelease.at ? "t" : "f", NULL, "{\"epochs\":1e300}", "{}", "", NOTHING,
			 WHO);
}

static const char *bump(const char *model, const char *id, const char *part)
{
	return STATEMENT(VERSIONS_CREATE, id, "default", model, NULL, NULL, NULL, part, "{}", "{}",
			 "", NOTHING, WHO);
}

static const char *put_model(const char *id, const char *name, const char *if_match)
{
	return STATEMENT(MODELS_PUT, id, "default", name, "words", "# Card",
			 "{\"task\":\"embedding\"}", if_match, "f", WHO);
}

/* Bytes that are n times their letter; digests are told apart by it and nothing else. */
static const char *digest(char letter, int n)
{
	char *text = arena_alloc(arena, (size_t)2 * n + 3);

	memset(text, letter, (size_t)2 * n + 2);
	memcpy(text, "\\x", 2);
	return text;
}

static const char *put_file(PGconn *where, const char *version, const char *path, char letter,
			    const char *storage_key, const char *if_match)
{
	const char *const args[] = {
		version,     path,         digest(letter, 32), "100", digest(letter, 64),
		storage_key, "text/plain", "minisig",          KEY_A, if_match,
		"f",         WHO};

	return run(where, STATEMENT_ARTIFACTS_PUT, 13, args);
}

static const char *publish_as(PGconn *where, const char *id, const char *digest_text)
{
	const char *const args[] = {id, digest_text, "{\"payload\":\"\"}", KEY_A, WHO};

	return run(where, STATEMENT_VERSIONS_PUBLISH, 6, args);
}

static const char *manifest_digest(const char *id)
{
	return sql(arena_printf(arena,
				"SELECT sha256(convert_to(version_manifest_1('%s'), 'UTF8'))", id));
}

static const char *publish(const char *id)
{
	return publish_as(pg, id, manifest_digest(id));
}

/* A published version with one file. */
static void make_published(const char *model, const char *id, const char *version)
{
	is_str(create_in(model, id, version), "created", "%s@%s is made", model, version);
	is_str(put_file(pg, id, "f", 'a', arena_printf(arena, "k-%s", id), NULL), "created",
	       "%s@%s gets a file", model, version);
	is_str(publish(id), "published", "%s@%s is published", model, version);
}

/* sql/row.h finds columns by name. */
static bool names_differ(const PGresult *res)
{
	for (int i = 0; i < PQnfields(res); i++)
		if (PQfnumber(res, PQfname(res, i)) != i)
			return false;
	return true;
}

static void prepare_all(void)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		const struct statement *s = &statements[i];
		PGresult *res = PQprepare(pg, s->name, s->sql, s->nparams, s->types);
		const bool good = PQresultStatus(res) == PGRES_COMMAND_OK;

		if (!ok(good, "%s prepares with the types it declares", s->name))
			printf("# %s\n", PQresultErrorMessage(res));
		PQclear(res);
		res = PQdescribePrepared(pg, s->name);
		is_int(PQnparams(res), s->nparams, "%s declares all its parameters", s->name);
		ok(names_differ(res), "%s has no two columns of one name", s->name);
		PQclear(res);
	}
}

static void keys_follow_replicas(void)
{
	is_str(STATEMENT(KEYS_ADD, KEY_A, digest('a', 32), WHO), "created",
	       "the first key is added");
	is_str(column("state"), "active", "the very first key signs at once");
	is_str(STATEMENT(KEYS_ADD, KEY_A, digest('a', 32), WHO), "unchanged",
	       "adding it again changes nothing");
	is_str(STATEMENT(KEYS_ADD, KEY_A, digest('b', 32), WHO), "exists",
	       "its id cannot name other bytes");
	is_str(STATEMENT(KEYS_ADD, KEY_B, digest('b', 32), WHO), "created",
	       "a second key is added");
	is_str(column("state"), "standby", "a later key stands by");
	is_str(STATEMENT(REPLICAS_BEAT, ID(01), "{" KEY_A "," KEY_B "}"), KEY_B,
	       "it signs when the only replica holds it");
	is_str(STATEMENT(KEYS_ADD, KEY_C, digest('c', 32), WHO), "created", "a third key is added");
	is_str(STATEMENT(REPLICAS_BEAT, ID(02), "{" KEY_B "," KEY_C "}"), KEY_B,
	       "a key that one of two replicas lacks does not sign");
	is_str(STATEMENT(KEYS_RETIRE, KEY_B, "f", WHO), "last_key",
	       "the only key that can sign stays");
	is_str(STATEMENT(REPLICAS_BEAT, ID(01), "{" KEY_B "," KEY_C "}"), KEY_C,
	       "it signs when both hold it");
	is_str(sql("SELECT string_agg(id || ' ' || state, ',' ORDER BY id) FROM signing_key"),
	       KEY_A " retired," KEY_B " retired," KEY_C " active",
	       "the keys before it are retired");
	is_str(STATEMENT(KEYS_RETIRE, KEY_C, "t", WHO), "updated", "force retires the last one");
	is_str(sql(statements[STATEMENT_KEYS_ACTIVE].sql), "", "then none signs");
	sql("UPDATE signing_key SET state = 'active' WHERE id = '" KEY_A "'; DELETE FROM replica");
}

static void tokens_open_the_door(void)
{
	is_str(STATEMENT(PRINCIPALS_BOOTSTRAP, "admin", "t1", "pat", digest('1', 32), "r"),
	       "created", "the first admin is made");
	is_str(STATEMENT(PRINCIPALS_BOOTSTRAP, "other", "t2", "pat", digest('2', 32), "r"),
	       "exists", "there is only one first admin");
	is_str(STATEMENT(TOKENS_LOOKUP, "t1"), "t1", "its token is found");
	is_str(column("roles"), "[{\"project\" : \"*\", \"role\" : \"admin\"}]", "with its role");
	is_str(STATEMENT(TOKENS_CREATE, "t3", "ci", "pat", digest('3', 32), "for CI", NULL,
			 "publisher", "nowhere", WHO),
	       "no_project", "a role needs a project that exists");
	is_str(STATEMENT(TOKENS_CREATE, "t3", "ci", "pat", digest('3', 32), "for CI", NULL,
			 "publisher", "default", WHO),
	       "created", "a token with its principal and role");
	is_str(STATEMENT(TOKENS_CREATE, "t3", "ci", "pat", digest('4', 32), "", NULL, NULL, NULL,
			 WHO),
	       "exists", "an id names one token");
	is_str(STATEMENT(TOKENS_REVOKE, "t3", WHO), "updated", "a token is revoked");
	is_str(STATEMENT(TOKENS_REVOKE, "t3", WHO), "unchanged", "once");
	is_str(STATEMENT(TOKENS_REVOKE, "t9", WHO), "no_token", "a token that is not there");
	ok(STATEMENT(TOKENS_LOOKUP, "t3") && column("revoked_at"), "a revoked token says so");
}

static void projects_are_made(void)
{
	is_str(STATEMENT(PROJECTS_GET, "default"), "default",
	       "the default project is there from the start");
	is_str(STATEMENT(PROJECTS_PUT, "p", "one", NULL, "t", WHO), "created", "a project is made");
	is_str(STATEMENT(PROJECTS_PUT, "p", "one", NULL, "t", WHO), "exists",
	       "If-None-Match sees it");
	is_str(STATEMENT(PROJECTS_PUT, "p", "one", NULL, "f", WHO), "unchanged", "the same again");
	is_str(STATEMENT(PROJECTS_PUT, "p", "two", NULL, "f", WHO), "precondition_required",
	       "replacing it needs If-Match");
	is_str(STATEMENT(PROJECTS_PUT, "p", "two", "{2,3}", "f", WHO), "stale",
	       "of its row version");
	is_str(STATEMENT(PROJECTS_PUT, "p", "two", "{7,1}", "f", WHO), "updated",
	       "then it is replaced");
	is_str(STATEMENT(PROJECTS_PUT, "q", "two", "{1}", "f", WHO), "stale",
	       "If-Match does not hold where nothing is");
	STATEMENT(PROJECTS_LIST, "default", "10");
	is_str(column("name"), "p", "a page begins after the last name");
}

static void models_are_made(void)
{
	is_str(STATEMENT(MODELS_PUT, ID(10), "nowhere", "m", "", "", "{}", NULL, "f", WHO),
	       "no_project", "a model needs its project");
	is_str(put_model(ID(10), "m", NULL), "created", "a model is made");
	is_str(column("row_version"), "1", "its first row version");
	ok(!column("latest"), "it has no latest version");
	is_str(put_model(ID(11), "m", NULL), "unchanged", "the same again changes nothing");
	is_str(column("id"), ID(10), "and keeps its id");
	is_str(STATEMENT(MODELS_PUT, ID(11), MODEL, "", "", "{}", NULL, "f", WHO),
	       "precondition_required", "replacing it needs If-Match");
	is_str(STATEMENT(MODELS_PUT, ID(11), MODEL, "", "", "{}", "{4}", "f", WHO), "stale",
	       "with its row version");
	is_str(STATEMENT(MODELS_PUT, ID(11), MODEL, "", "", "{}", NULL, "t", WHO), "exists",
	       "If-None-Match: * sees it");
	is_str(STATEMENT(MODELS_PUT, ID(11), MODEL, "", "", "{}", "{1}", "f", WHO), "updated",
	       "then it is replaced");
	is_str(STATEMENT(MODELS_PATCH, MODEL, NULL, "new words", NULL, "{\"a\":\"1\",\"b\":\"2\"}",
			 "{2}", WHO),
	       "updated", "a patch changes some of it");
	is_str(STATEMENT(MODELS_PATCH, MODEL, NULL, NULL, NULL, "{\"a\":null}", ANY_VALUE, WHO),
	       "updated", "null removes a tag, * matches");
	is_str(column("tags"), "{\"b\": \"2\"}", "and leaves the others");
	is_str(STATEMENT(MODELS_PATCH, MODEL, NULL, "new words", NULL, "{\"b\":\"2\"}", NULL, WHO),
	       "unchanged", "a patch to what is there needs no If-Match");
	is_str(STATEMENT(MODELS_PATCH, "default", "none", NOTHING, NULL, NULL, NULL, WHO),
	       "no_model", "a model that is not there");
}

static void models_are_renamed(void)
{
	put_model(ID(12), "old", NULL);
	is_str(STATEMENT(MODELS_PATCH, "default", "old", "m", NULL, NULL, NULL, "{1}", WHO),
	       "name_taken", "a name that is taken");
	is_str(STATEMENT(MODELS_GET, "default", "old"), ID(12), "leaves the model as it was");
	is_str(STATEMENT(MODELS_PATCH, "default", "old", "new", NULL, NULL, NULL, "{1}", WHO),
	       "updated", "a model is renamed");
	is_str(sql("SELECT subject || ' ' || (body::json -> 'before')::text || (body::json -> "
		   "'after')::text FROM event WHERE kind = 'model.renamed'"),
	       "default/old {\"name\":\"old\"}{\"name\":\"new\"}", "the event says from and to");
	is_str(STATEMENT(MODELS_FORMER, "default", "old"), "moved",
	       "its old name tells that it moved");
	is_str(column("name"), "new", "and where to");
	is_str(STATEMENT(MODELS_PATCH, "default", "new", "newer", NULL, NULL, NULL, ANY_VALUE, WHO),
	       "updated", "it is renamed again");
	STATEMENT(MODELS_FORMER, "default", "old");
	is_str(column("name"), "newer", "the oldest name leads to the newest");
	is_str(put_model(ID(13), "old", NULL), "created", "the old name is taken again");
	STATEMENT(MODELS_FORMER, "default", "old");
	ok(!column("name"), "then it leads nowhere");
	is_str(STATEMENT(MODELS_FORMER, "nowhere", "old"), "no_project",
	       "a project that is not there");
}

static void models_are_deleted(void)
{
	put_model(ID(14), "gone", NULL);
	is_str(create_in("gone", ID(15), "1.0.0"), "created", "a draft in it");
	is_str(STATEMENT(MODELS_DELETE, "default", "gone", NULL, WHO), "precondition_required",
	       "deleting needs If-Match");
	is_str(STATEMENT(MODELS_DELETE, "default", "gone", "{1}", WHO), "has_versions",
	       "a model with a draft stays");
	is_str(STATEMENT(VERSIONS_DISCARD, "default", "gone", EXACT("1.0.0"), ANY_VALUE, WHO),
	       "deleted", "the draft is thrown away");
	is_str(STATEMENT(MODELS_DELETE, "default", "gone", "{1}", WHO), "deleted",
	       "then the model goes");
	is_str(create_in("gone", ID(16), "1.0.0"), "no_model", "it takes no more versions");
	is_str(put_model(ID(17), "gone", NULL), "created", "its name is free");
}

static void ordinals_have_no_gaps(void)
{
	is_str(create_in("m", ID(20), "1.0.0"), "created", "a draft is made");
	is_str(column("ordinal"), "1", "ordinals begin at 1");
	is_str(column("params"), "{\"epochs\":1e300}", "parameters keep their text");
	is_str(create_in("m", ID(21), "1.0.0"), "exists", "the same version is there already");
	is_str(create_in("m", ID(21), "1.0.0+build.7"), "exists",
	       "and the same but for build metadata");
	is_str(create_in("m", ID(21), "1.1.0-rc.1"), "created", "a prerelease");
	is_str(column("ordinal"), "2", "a conflict leaves no gap");
	is_str(create_in("m", ID(22), "1.1.0-rc.1+b"), "exists", "conflicts count prereleases too");
	is_str(bump("m", ID(23), "minor"), "created", "a bump");
	is_str(column("version"), "1.1.0", "finishes the prerelease");
	is_str(column("ordinal"), "3", "with the next ordinal");
	is_str(create_in("none", ID(24), "1.0.0"), "no_model", "a model that is not there");
	is_str(STATEMENT(VERSIONS_DISCARD, MODEL, "ordinal", "{}", "3", "{1}", WHO), "deleted",
	       "a draft is thrown away by its ordinal");
	is_str(STATEMENT(VERSIONS_GET, MODEL, EXACT("1.1.0")), "no_version",
	       "it is not found any more");
	STATEMENT(VERSIONS_GET, MODEL, "ordinal", "{}", "3");
	is_str(column("state"), "discarded", "but by its ordinal");
	is_str(create_in("m", ID(24), "1.1.0"), "created", "its version is free again");
	is_str(column("ordinal"), "4", "its ordinal is not");
}

static void bumps_are_npms(void)
{
	static const char *const table[][4] = {
		/* highest, major, minor, patch */
		{NULL, "1.0.0", "0.1.0", "0.0.1"},
		{"1.2.3", "2.0.0", "1.3.0", "1.2.4"},
		{"1.2.3+b-1", "2.0.0", "1.3.0", "1.2.4"},
		{"1.2.3-rc.1", "2.0.0", "1.3.0", "1.2.3"},
		{"1.2.0-rc.1+x", "2.0.0", "1.2.0", "1.2.0"},
		{"2.0.0-0", "2.0.0", "2.0.0", "2.0.0"},
		{"99999999999999999999.0.0", "100000000000000000000.0.0",
		 "99999999999999999999.1.0", "99999999999999999999.0.1"},
	};
	static const char *const parts[] = {"major", "minor", "patch"};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (size_t part = 0; part < 3; part++)
			is_str(sql(arena_printf(arena, "SELECT semver_bump_1(%s, '%s')",
						table[i][0]
							? arena_printf(arena, "'%s'", table[i][0])
							: "NULL",
						parts[part])),
			       table[i][part + 1], "%s after %s", parts[part],
			       table[i][0] ? table[i][0] : "nothing");
	is_str(sql("SELECT core_precedence_1('1.10.123456789012')"), key("1.10.123456789012"),
	       "SQL and C agree about precedence");
}

static void metrics_keep_the_furthest(void)
{
	static const char later_point[] = "[{\"name\":\"acc\",\"value\":0.4,\"step\":3,"
					  "\"at\":\"2099-01-01T00:00:00Z\"}]";

	is_str(STATEMENT(VERSIONS_CREATE, ID(25), MODEL, "3.0.0", key("3.0.0"), "f", NULL, "{}",
			 "{}", "",
			 "[{\"name\":\"acc\",\"value\":0.92,\"step\":3},{\"name\":\"acc\","
			 "\"value\":0.5,"
			 "\"step\":2},{\"name\":\"acc\",\"value\":0.1},{\"name\":\"acc\",\"value\":"
			 "0.7,"
			 "\"dataset\":\"val\",\"slice\":\"en\",\"at\":\"2026-01-13T22:03:16Z\"}]",
			 NULL, WHO),
	       "created", "a version with metrics");
	is_str(sql("SELECT string_agg(name || dataset || slice || '=' || value, ',' ORDER BY "
		   "dataset) "
		   "FROM metric_current WHERE version_id = '" ID_IN(25) "'"),
	       "acc=0.92,accvalen=0.7", "the highest step is the current value");
	is_str(STATEMENT(METRICS_ADD, MODEL, EXACT("3.0.0"),
			 "[{\"name\":\"acc\",\"value\":0.3,\"step\":1}]", WHO),
	       "created", "an older step is added");
	STATEMENT(METRICS_CURRENT, MODEL, EXACT("3.0.0"));
	is_str(column("value"), "0.92", "and is not the current value");
	STATEMENT(METRICS_ADD, MODEL, EXACT("3.0.0"), later_point, WHO);
	STATEMENT(METRICS_CURRENT, MODEL, EXACT("3.0.0"));
	is_str(column("value"), "0.4", "the same step at a later time is");
	STATEMENT(METRICS_LIST, MODEL, EXACT("3.0.0"), "{acc}", "", "0", "100");
	is_int(PQntuples(last), 6, "every point is kept");
	STATEMENT(METRICS_SERIES, MODEL, "{acc}", "0", "10");
	is_int(PQntuples(last), 2, "the series has the current values");
	ok(strstr(sql("SELECT metrics_store_1('" ID_IN(10) "', '" ID_IN(
			  25) "', "
			      "'[{\"name\":\"a\",\"value\":\"NaN\"}]', 'x')"),
		  "metric_value_check"),
	   "what is not finite is no metric");
}

static void files_are_put(void)
{
	is_str(STATEMENT(ARTIFACTS_PUT_CHECK, MODEL, EXACT("1.0.0"), "a/b"), "found",
	       "a file may be put");
	is_str(column("active_key"), KEY_A, "and who signs is known");
	is_str(put_file(pg, ID(20), "a/b", 'a', "k1", NULL), "created", "a file is put");
	is_str(column("storage_key"), "k1", "its bytes are ours");
	is_str(put_file(pg, ID(20), "a/b", 'a', "k2", NULL), "unchanged", "the same file again");
	is_str(column("storage_key"), "k1", "keeps the bytes that were there");
	is_str(put_file(pg, ID(20), "a/c", 'a', "k3", NULL), "created", "the same bytes elsewhere");
	is_str(column("storage_key"), "k1", "are the same blob");
	is_str(put_file(pg, ID(20), "a/b", 'b', "k4", NULL), "precondition_required",
	       "other bytes need If-Match");
	is_str(put_file(pg, ID(20), "a/b", 'b', "k4", "{\"\\\\xcc\"}"), "stale",
	       "of the bytes that are there");
	is_str(put_file(pg, ID(20), "a/b", 'b', "k4",
			arena_printf(arena, "{\"\\%s\"}", digest('a', 32))),
	       "replaced", "then they replace them");
	is_str(put_file(pg, ID(20), "a/b", 'a', "k5", ANY_DIGEST), "replaced",
	       "* replaces anything");
	is_str(put_file(pg, ID(20), "a", 'c', "k6", NULL), "path_conflict", "a folder is no file");
	is_str(put_file(pg, ID(20), "a/b/c", 'c', "k6", NULL), "path_conflict",
	       "a file is no folder");
	is_str(put_file(pg, ID(20), "a-b", 'c', "k6", NULL), "created", "a-b is not in a");
	is_str(STATEMENT(ARTIFACTS_PUT_CHECK, MODEL, EXACT("1.0.0"), "a/c/d/e"), "path_conflict",
	       "the check sees conflicts too");
	STATEMENT(VERSIONS_GET, MODEL, EXACT("1.0.0"));
	is_str(column("files"), "3", "the version counts its files");
	is_str(column("bytes"), "300", "and bytes");
	is_str(STATEMENT(ARTIFACTS_GET, MODEL, EXACT("1.0.0"), "a/b"), "found", "a file is found");
	is_str(STATEMENT(ARTIFACTS_GET, MODEL, EXACT("1.0.0"), "a"), "no_artifact", "or not");
	STATEMENT(ARTIFACTS_LIST, MODEL, EXACT("1.0.0"), "a-b", "1");
	is_str(column("path"), "a/b", "a page begins after the last path");
	is_str(STATEMENT(ARTIFACTS_DELETE, MODEL, EXACT("1.0.0"), "a-b", NULL, WHO),
	       "precondition_required", "removing a file needs If-Match");
	is_str(STATEMENT(ARTIFACTS_DELETE, MODEL, EXACT("1.0.0"), "a-b", ANY_DIGEST, WHO),
	       "deleted", "a file is removed");
	is_str(STATEMENT(ARTIFACTS_DELETE, MODEL, EXACT("1.0.0"), "a-b", ANY_DIGEST, WHO),
	       "no_artifact", "once");
	is_str(put_file(pg, ID(99), "a", 'c', "k6", NULL), "no_version",
	       "a version that is not there");
}

static void bad_bytes_are_healed(void)
{
	is_str(STATEMENT(BLOBS_QUARANTINE, "{k1,nothing}", WHO), "updated",
	       "lost bytes are set aside");
	is_str(STATEMENT(BLOBS_QUARANTINE, "{k1,nothing}", WHO), "unchanged", "once");
	is_str(publish(ID(20)), "blob_not_live", "a version with bad bytes is not published");
	is_str(put_file(pg, ID(20), "a/b", 'a', "k7", NULL), "unchanged",
	       "the good bytes come again");
	is_str(column("storage_key"), "k7", "and take the place of the bad ones");
	is_str(column("blob_state"), "live", "which are live again");
	sql("UPDATE blob SET state = 'deleting' WHERE storage_key = 'k6'");
	is_str(put_file(pg, ID(20), "z", 'c', "k8", NULL), "created",
	       "bytes that are being collected");
	is_str(column("storage_key"), "k8", "come back under a new key");
	is_str(STATEMENT(ARTIFACTS_DELETE, MODEL, EXACT("1.0.0"), "z", ANY_DIGEST, WHO), "deleted",
	       "that file is removed");
}

static void publishing_wants_what_was_signed(void)
{
	const char *signed_digest;

	is_str(publish(ID(21)), "empty", "a version without files is not published");
	is_str(STATEMENT(VERSIONS_PUBLISH_READ, MODEL, EXACT("1.0.0")), "found",
	       "what is to be signed is read");
	is_int(PQntuples(last), 2, "a row for each file");
	json_t *manifest = json_loads(column("manifest"), JSON_REJECT_DUPLICATES, NULL);
	ok(manifest, "the manifest is JSON");
	json_decref(manifest);
	signed_digest = column("digest");
	sql("UPDATE signing_key SET state = 'retired' WHERE id = '" KEY_A "'");
	is_str(publish_as(pg, ID(20), signed_digest), "key_inactive",
	       "a retired key publishes nothing");
	is_str(put_file(pg, ID(20), "q", 'c', "k9", NULL), "key_inactive",
	       "nor does it sign files");
	sql("UPDATE signing_key SET state = 'active' WHERE id = '" KEY_A "'");
	is_str(put_file(pg, ID(20), "late", 'd', "k10", NULL), "created",
	       "a file comes after the signature");
	is_str(publish_as(pg, ID(20), signed_digest), "changed",
	       "then the signature does not hold");
	signed_digest = manifest_digest(ID(20));
	is_str(publish_as(pg, ID(20), signed_digest), "published", "a new one does");
	is_str(column("key_id"), KEY_A, "the key is told");
	is_str(publish_as(pg, ID(20), signed_digest), "unchanged",
	       "publishing it again is nothing new");
	is_str(publish_as(pg, ID(20), digest('e', 32)), "not_draft",
	       "nor can it be published otherwise");
	is_str(put_file(pg, ID(20), "more", 'd', "k11", NULL), "not_draft",
	       "it takes no more files");
	is_str(STATEMENT(ATTESTATIONS_GET, MODEL, EXACT("1.0.0")), "found",
	       "its attestation is found");
	is_str(STATEMENT(ATTESTATIONS_GET, MODEL, EXACT("3.0.0")), "not_published",
	       "a draft has none");
	STATEMENT(MODELS_GET, MODEL);
	is_str(column("latest"), "1.0.0", "the model shows its latest version");
}

static void published_is_for_ever(void)
{
	static const char *const forbidden[] = {
		"UPDATE version SET params = '{}' WHERE state = 'published'",
		"UPDATE version SET semver = '9.9.9' WHERE state = 'published'",
		"UPDATE version SET ordinal = 99 WHERE state = 'draft'",
		"UPDATE version SET state = 'draft' WHERE state = 'published'",
		"UPDATE version SET state = 'discarded' WHERE state = 'published'",
		"UPDATE version SET state = 'yanked' WHERE state = 'draft'",
		"UPDATE version SET state = 'published' WHERE state = 'draft'",
		"UPDATE version SET files = files + 1 WHERE state = 'published'",
		"UPDATE version SET state = 'nonsense' WHERE state = 'draft'",
		"INSERT INTO version SELECT (jsonb_populate_record(v, jsonb_build_object("
		"'id', '" ID_IN(
			98) "', 'ordinal', 98, 'precedence', '\\x98', 'params', v.params))).* "
			    "FROM version v WHERE state = 'published'",
		"DELETE FROM version",
		"TRUNCATE version CASCADE",
		"UPDATE artifact SET media_type = 'x' WHERE version_id = '" ID_IN(20) "'",
		"DELETE FROM artifact WHERE version_id = '" ID_IN(20) "'",
		"INSERT INTO artifact SELECT version_id, blob_id, now(), 'new', media_type, "
		"key_id, minisig, "
		"created_by FROM artifact WHERE version_id = '" ID_IN(20) "' LIMIT 1",
		"UPDATE artifact SET version_id = '" ID_IN(20) "' WHERE version_id = '" ID_IN(
			21) "'",
		"DELETE FROM attestation",
		"UPDATE attestation SET envelope = ''",
		"INSERT INTO lineage_edge (version_id, place, kind, uri) VALUES ('" ID_IN(
			20) "', 9, 'run', 'x')",
		"DELETE FROM metric",
		"UPDATE metric SET value = 0",
		"UPDATE event SET actor = 'x'",
		"DELETE FROM event",
		"TRUNCATE event",
		"DELETE FROM model",
	};

	put_file(pg, ID(21), "f", 'a', "k12", NULL);
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		sql(forbidden[i]);
		is_str(PQresultErrorField(last, PG_DIAG_SQLSTATE), "23001", "refused: %.70s",
		       forbidden[i]);
	}
	is_str(sql("UPDATE version SET tags = '{\"a\":\"b\"}' WHERE state = 'published'"), "",
	       "tags may change");
}

static void versions_are_patched(void)
{
	is_str(STATEMENT(VERSIONS_PATCH, MODEL, EXACT("1.1.0-rc.1"), NULL, "{\"a\":1}", NULL, NULL,
			 WHO),
	       "precondition_required", "a patch needs If-Match");
	is_str(STATEMENT(VERSIONS_PATCH, MODEL, EXACT("1.1.0-rc.1"), NULL, "{\"a\":1}", NULL,
			 ANY_VALUE, WHO),
	       "updated", "parameters of a draft change");
	is_str(STATEMENT(VERSIONS_PATCH, MODEL, EXACT("1.0.0"), NULL, "{\"a\":1}", NULL, ANY_VALUE,
			 WHO),
	       "not_draft", "those of a published version do not");
	is_str(STATEMENT(VERSIONS_PATCH, MODEL, EXACT("1.0.0"), "good", NULL, "{\"t\":\"x\"}",
			 ANY_VALUE, WHO),
	       "updated", "its tags and description do");
	is_str(STATEMENT(VERSIONS_PATCH, MODEL, EXACT("1.0.0"), "good", NULL, "{\"t\":\"x\"}", NULL,
			 WHO),
	       "unchanged", "the same again");
	is_str(sql("SELECT body::json ->> 'after' FROM event WHERE kind = 'version.updated' "
		   "ORDER BY id DESC LIMIT 1"),
	       "{\"tags\":{\"a\": \"b\", \"t\": \"x\"},\"description\":\"good\"}",
	       "the event says what changed and nothing else");
}

static void states_go_one_way(void)
{
	is_str(STATEMENT(VERSIONS_DISCARD, MODEL, EXACT("1.0.0"), ANY_VALUE, WHO), "not_draft",
	       "a published version is not thrown away");
	is_str(STATEMENT(VERSIONS_SET_STATE, MODEL, EXACT("3.0.0"), "yanked", "bad", NULL, WHO),
	       "not_published", "a draft is not yanked");
	is_str(STATEMENT(VERSIONS_SET_STATE, MODEL, EXACT("1.0.0"), "deprecated", "old", NULL, WHO),
	       "updated", "a published version is deprecated");
	is_str(column("reason"), "old", "with a reason");
	is_str(STATEMENT(VERSIONS_SET_STATE, MODEL, EXACT("1.0.0"), "deprecated", "old", NULL, WHO),
	       "unchanged", "once");
	STATEMENT(VERSIONS_GET, MODEL, "range", "{NULL,NULL}", NULL);
	is_str(column("version"), "1.0.0", "deprecated versions answer ranges");
	STATEMENT(ALIASES_PUT, MODEL, "old-one", EXACT("1.0.0"), NULL, "f", WHO);
	is_str(STATEMENT(VERSIONS_SET_STATE, MODEL, EXACT("1.0.0"), "yanked", "leaks", NULL, WHO),
	       "updated", "and yanked");
	is_str(STATEMENT(VERSIONS_SET_STATE, MODEL, EXACT("1.0.0"), "deprecated", "x", NULL, WHO),
	       "yanked", "which is final");
	is_str(STATEMENT(VERSIONS_GET, MODEL, "range", "{NULL,NULL}", NULL), "no_version",
	       "yanked versions answer no range");
	STATEMENT(VERSIONS_GET, MODEL, "alias", "{}", "old-one");
	is_str(column("state"), "yanked", "an alias still leads to it, to say so");
	STATEMENT(VERSIONS_GET_EXACT, MODEL, key("1.0.0"), NULL);
	is_str(column("state"), "yanked", "and so does its exact version");
	is_str(STATEMENT(METRICS_ADD, MODEL, EXACT("1.0.0"), "[]", WHO), "yanked",
	       "it takes no more metrics");
}

static const struct reference_case {
	const char *kind, *lo[3], *hi[3], *word, *found, *name;
} references[] = {
	{"exact", {"1.2.0"}, {NULL}, NULL, "1.2.0+b1", "exact, any build"},
	{"exact", {"1.2.0"}, {NULL}, "1.2.0+b1", "1.2.0+b1", "exact, this build"},
	{"exact", {"1.2.0"}, {NULL}, "1.2.0+b2", NULL, "exact, another build"},
	{"exact", {"2.1.0"}, {NULL}, NULL, "2.1.0", "a draft by its exact version"},
	{"range", {"1.0.0"}, {"2.0.0-0"}, NULL, "1.10.0", "^1.0 takes 1.10 over 1.2"},
	{"range", {NULL}, {NULL}, NULL, "2.0.0", "latest is no prerelease and no draft"},
	{"range", {"1.2.0"}, {"1.3.0-0"}, NULL, "1.2.0+b1", "~1.2.0"},
	{"range", {"3.0.0"}, {NULL}, NULL, NULL, "nothing that high is published"},
	{"range", {"3.0.0-a", "3.0.0-a"}, {NULL, "3.0.0"}, NULL, "3.0.0-rc.1", ">=3.0.0-a"},
	{"range",
	 {"1.0.0", "1.0.0-a", "3.0.0-0"},
	 {"3.0.0", "1.0.0", "3.0.0-z"},
	 NULL,
	 "3.0.0-rc.1",
	 "prereleases at both ends"},
	{"range",
	 {"1.0.0", "1.0.0-a", "3.0.0-0"},
	 {"3.0.0", "1.0.0", "3.0.0-a"},
	 NULL,
	 "2.0.0",
	 "an end below the prerelease"},
	{"newest", {NULL}, {NULL}, NULL, "1.10.0", "newest is the one published last"},
	{"ordinal", {NULL}, {NULL}, "2", "1.2.0+b1", "v2"},
	{"ordinal", {NULL}, {NULL}, "9223372036854775807", NULL, "an ordinal that is not given"},
	{"alias", {NULL}, {NULL}, "champion", "1.2.0+b1", "@champion"},
	{"alias", {NULL}, {NULL}, "nobody", NULL, "an alias that is not there"},
};

static const char *bound(const char *version)
{
	return version ? arena_printf(arena, "\"\\%s\"", key(version)) : "NULL";
}

static void reference_resolves(const struct reference_case *r)
{
	const char *pairs = "";

	for (int p = 0; p < 3 && (p == 0 || r->lo[p]); p++)
		pairs = arena_printf(arena, "%s%s%s,%s", pairs, p ? "," : "", bound(r->lo[p]),
				     bound(r->hi[p]));
	STATEMENT(VERSIONS_GET, "default", "r", r->kind, arena_printf(arena, "{%s}", pairs),
		  r->word);
	if (r->found)
		is_str(column("version"), r->found, "%s", r->name);
	else
		is_str(column("outcome"), "no_version", "%s", r->name);
}

static void references_resolve(void)
{

	put_model(ID(30), "r", NULL);
	make_published("r", ID(31), "2.0.0");
	make_published("r", ID(32), "1.2.0+b1");
	make_published("r", ID(33), "3.0.0-rc.1");
	make_published("r", ID(34), "1.10.0");
	create_in("r", ID(35), "2.1.0");
	is_str(STATEMENT(ALIASES_PUT, "default", "r", "champion", EXACT("1.2.0"), NULL, "t", WHO),
	       "created", "an alias is made");
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++)
		reference_resolves(&references[i]);
	is_str(STATEMENT(VERSIONS_GET, "default", "zzz", EXACT("1.0.0")), "no_model",
	       "no such model");
	is_str(STATEMENT(VERSIONS_GET, "zzz", "r", EXACT("1.0.0")), "no_project",
	       "no such project");
	is_str(STATEMENT(VERSIONS_GET, "default", "new", EXACT("1.0.0")), "moved",
	       "a model that was renamed");
}

static void aliases_move(void)
{
	is_str(STATEMENT(ALIASES_PUT, "default", "r", "champion", EXACT("1.2.0"), NULL, "f", WHO),
	       "unchanged", "an alias is where it is to be");
	is_str(STATEMENT(ALIASES_PUT, "default", "r", "champion", EXACT("1.10.0"), NULL, "f", WHO),
	       "precondition_required", "moving it needs If-Match");
	is_str(STATEMENT(ALIASES_PUT, "default", "r", "champion", EXACT("1.10.0"), "{1}", "f", WHO),
	       "updated", "it moves");
	is_str(STATEMENT(ALIASES_PUT, "default", "r", "champion", EXACT("2.0.0"), "{1}", "f", WHO),
	       "stale", "the other mover is told");
	is_str(STATEMENT(ALIASES_PUT, "default", "r", "x", EXACT("2.1.0"), NULL, "f", WHO),
	       "not_published", "never to a draft");
	is_str(STATEMENT(ALIASES_PUT, MODEL, "x", EXACT("1.0.0"), NULL, "f", WHO), "yanked",
	       "nor to a yanked version");
	is_str(STATEMENT(ALIASES_DELETE, "default", "r", "champion", "{2}", WHO), "deleted",
	       "it is removed");
	is_str(STATEMENT(ALIASES_GET, "default", "r", "champion"), "no_alias", "it is gone");
	is_str(STATEMENT(ALIASES_PUT, "default", "r", "champion", EXACT("2.0.0"), NULL, "f", WHO),
	       "created", "it is made again");
	is_str(column("row_version"), "4", "an old ETag never fits a new alias");
	STATEMENT(ALIASES_HISTORY, "default", "r", "champion", "9223372036854775807", "10");
	is_int(PQntuples(last), 4, "its history knows every move");
	is_str(column("to_version"), "2.0.0", "the newest first");
	STATEMENT(ALIASES_LIST, "default", "r", "", "10");
	is_int(PQntuples(last), 1, "the list has what is there now");
}

#define PARENT(model, version)                                                                     \
	"{\"kind\":\"parent\",\"relation\":\"fine_tune\",\"parent\":{\"project\":\"default\","     \
	"\"model\":\"" model "\",\"kind\":\"exact\",\"keys\":[\"%s\"],\"word\":null}}",            \
		key(version) + 2

static const char *create_child(const char *id, const char *version, const char *lineage)
{
	return STATEMENT(VERSIONS_CREATE, id, "default", "r", version, key(version), "f", NULL,
			 "{}", "{}", "", NULL, lineage, WHO);
}

static const char *joined(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static const char *joined(const char *fmt, ...)
{
	va_list ap;
	const char *parent;

	va_start(ap, fmt);
	parent = arena_vprintf(arena, fmt, ap);
	va_end(ap);
	return arena_printf(
		arena, "[{\"kind\":\"dataset\",\"uri\":\"s3://d\",\"digest\":\"sha256:00\"},%s]",
		parent);
}

/* The elements of a column's arrays, as text, in all rows; NULL counts. */
static int count_elements(const char *name)
{
	int n = 0;

	for (int i = 0; i < PQntuples(last); i++)
		for (const char *p = PQgetvalue(last, i, PQfnumber(last, name)); *p; p++)
			n += *p == ',' || (*p == '{' && p[1] != '}');
	return n;
}

static void lineage_is_followed(void)
{
	is_str(create_child(ID(40), "5.0.0", joined(PARENT("r", "9.0.0"))), "no_parent",
	       "a parent that is not there");
	is_str(column("fault"), "1", "and which of the edges names it");
	is_str(create_child(ID(40), "5.0.0", joined(PARENT("r", "2.1.0"))), "parent_not_published",
	       "a parent that is a draft");
	is_str(create_child(ID(40), "5.0.0", joined(PARENT("r", "2.0.0"))), "created", "a child");
	is_str(sql("SELECT body::json #>> '{after,lineage,1,version}' FROM event ORDER BY id DESC "
		   "LIMIT 1"),
	       "default/r@2.0.0", "its event tells the parent");
	put_file(pg, ID(40), "f", 'a', "k40", NULL);
	is_str(publish(ID(40)), "published", "the child is published");
	is_str(create_child(ID(41), "6.0.0", joined(PARENT("r", "5.0.0"))), "created",
	       "a grandchild");
	STATEMENT(LINEAGE_EDGES, "default", "r", EXACT("5.0.0"));
	is_int(PQntuples(last), 2, "its edges");
	is_str(column("node"), "dataset:s3://d#sha256:00", "in their order");
	STATEMENT(LINEAGE_GRAPH, "default", "r", EXACT("6.0.0"), "up", "64", "100");
	is_int(count_elements("made"), 4, "up to the grandparent");
	is_int(count_elements("ids"), 3, "the versions that the edges name");
	is_int(count_elements("named_ids"), 1, "and their model");
	STATEMENT(LINEAGE_GRAPH, "default", "r", EXACT("6.0.0"), "up", "1", "100");
	is_int(count_elements("made"), 2, "no further than the depth");
	STATEMENT(LINEAGE_GRAPH, "default", "r", EXACT("2.0.0"), "down", "64", "100");
	is_int(count_elements("made"), 2, "down to the grandchild");
	is_str(column("version"), "2.0.0", "from the version that was asked for");
	is_str(PQgetvalue(last, 2, PQfnumber(last, "versions")), "{5.0.0}", "the child first");
	is_str(STATEMENT(LINEAGE_GRAPH, "default", "r", EXACT("1.10.0"), "up", "64", "100"),
	       "found", "a version without lineage");
	is_int(count_elements("made"), 0, "has no edge");
	is_int(count_elements("ids"), 1, "and is named");
	is_str(publish(ID(41)), "empty", "(it has no files)");
	ok(strstr(sql("SELECT version_manifest_1('" ID_IN(41) "')"),
		  "\"version\":\"default/r@5.0.0\""),
	   "the manifest names the parent");
}

static void versions_are_compared(void)
{
	const char *refs = arena_printf(
		arena,
		"[{\"project\":\"default\",\"model\":\"r\",\"kind\":\"exact\",\"keys\":[\"%s\"]},"
		"{\"project\":\"default\",\"model\":\"m\",\"kind\":\"exact\",\"keys\":[\"%s\"]},"
		"{\"project\":\"default\",\"model\":\"m\",\"kind\":\"newest\",\"keys\":[]}]",
		key("1.10.0") + 2, key("3.0.0") + 2);

	STATEMENT(COMPARE_GET, refs);
	is_int(PQntuples(last), 3, "a row for each reference");
	is_str(PQgetvalue(last, 0, PQfnumber(last, "version")), "1.10.0", "in their order");
	is_str(PQgetvalue(last, 2, 0), "no_version", "what is not found says so");
	ok(strstr(PQgetvalue(last, 1, PQfnumber(last, "metrics")), "\"value\" : 0.4"),
	   "with metrics");
}

static void events_get_one_order(void)
{
	while (*STATEMENT(EVENTS_TICK, "50"))
		;
	is_str(sql("SELECT count(*) FROM event_queue"), "0", "the queue is empty");
	is_str(sql("SELECT count(*) = max(position) AND min(position) = 1 AND count(*) = "
		   "(SELECT count(*) FROM event) FROM event_order"),
	       "t", "every event has a place, without gaps");
	is_str(sql("SELECT count(*) FROM event WHERE body::json ->> 'kind' <> kind OR body::json "
		   "->> 'at' "
		   "!~ '^....-..-..T..:..:..[.]......Z$' OR body::json ->> 'subject' <> subject"),
	       "0", "every body is JSON that says what the row says");
	is_str(sql("SELECT string_agg(DISTINCT kind, ' ' ORDER BY kind) FROM event"),
	       "alias.created alias.deleted alias.moved artifact.created artifact.deleted "
	       "artifact.replaced blob.healed blob.quarantined "
	       "key.activated key.added key.retired metrics.added model.created model.deleted "
	       "model.renamed "
	       "model.updated principal.created project.created project.updated role.granted "
	       "token.created "
	       "token.revoked version.created version.deprecated version.discarded "
	       "version.published "
	       "version.updated version.yanked",
	       "every kind of change was told");
}

/* ---- with rivals ---- */

static void send(PGconn *where, enum statement_id id, const char *const *args)
{
	PQsendQueryParams(where, statements[id].sql, statements[id].nparams, statements[id].types,
			  args, NULL, NULL, 0);
}

static const char *answer(PGconn *where)
{
	const char *said = keep(PQgetResult(where));

	PQclear(PQgetResult(where));
	return said;
}

static bool waits_for_a_lock(PGconn *where)
{
	for (int i = 0; i < 200; i++) {
		usleep(10000);
		if (*sql(arena_printf(arena,
				      "SELECT 'y' FROM pg_locks WHERE pid = %d AND NOT granted",
				      PQbackendPID(where))))
			return true;
	}
	return false;
}

static void a_late_file_cannot_slip_in(void)
{
	PGconn *uploader = PQconnectdb(conninfo);
	PGconn *publisher = PQconnectdb(conninfo);
	const char *publish_args[] = {ID(50), NULL, "{}", KEY_A, WHO};

	create_in("m", ID(50), "5.0.0");
	put_file(pg, ID(50), "f", 'a', "k50", NULL);
	publish_args[1] = manifest_digest(ID(50));
	PQclear(PQexec(uploader, "BEGIN"));
	is_str(put_file(uploader, ID(50), "g", 'b', "k51", NULL), "created",
	       "a file is put, not committed yet");
	send(publisher, STATEMENT_VERSIONS_PUBLISH, publish_args);
	ok(waits_for_a_lock(publisher), "publishing waits for it");
	PQclear(PQexec(uploader, "COMMIT"));
	is_str(answer(publisher), "changed", "and sees that its signature lacks the file");

	publish_args[1] = manifest_digest(ID(50));
	PQclear(PQexec(publisher, "BEGIN"));
	is_str(publish_as(publisher, ID(50), publish_args[1]), "published",
	       "the other way round: published, not committed yet");
	PQsendQuery(uploader,
		    "INSERT INTO artifact SELECT version_id, blob_id, now(), 'h', media_type, "
		    "key_id, minisig, created_by FROM artifact WHERE version_id = '" ID_IN(
			    50) "' "
				"LIMIT 1");
	ok(waits_for_a_lock(uploader), "a file waits for that");
	PQclear(PQexec(publisher, "COMMIT"));
	ok(strstr(answer(uploader), "under drafts only"), "and is refused, even past the function");
	PQfinish(uploader);
	PQfinish(publisher);
}

static void a_signature_waits_for_rotation(void)
{
	PGconn *admin = PQconnectdb(conninfo);
	PGconn *uploader = PQconnectdb(conninfo);
	const char *const args[] = {ID(52), "f",   digest('a', 32), "100", digest('a', 64),
				    "k52",  "x/y", "minisig",       KEY_A, NULL,
				    "f",    WHO};

	create_in("m", ID(52), "5.2.0");
	PQclear(PQexec(admin,
		       "BEGIN; UPDATE signing_key SET state = 'retired' WHERE id = '" KEY_A "'"));
	send(uploader, STATEMENT_ARTIFACTS_PUT, args);
	ok(waits_for_a_lock(uploader), "a file signed by a key that is being retired waits");
	PQclear(PQexec(admin, "COMMIT"));
	is_str(answer(uploader), "key_inactive", "and is refused");
	PQclear(PQexec(admin, "UPDATE signing_key SET state = 'active' WHERE id = '" KEY_A "'"));
	PQfinish(admin);
	PQfinish(uploader);
}

static void no_version_enters_a_deleted_model(void)
{
	PGconn *admin = PQconnectdb(conninfo);
	PGconn *writer = PQconnectdb(conninfo);
	const char *const remove[] = {"default", "doomed", ANY_VALUE, WHO};
	const char *const create[] = {ID(54), "default", "doomed", "1.0.0", key("1.0.0"), "f",
				      NULL,   "{}",      "{}",     "",      NOTHING,      WHO};

	put_model(ID(53), "doomed", NULL);
	PQclear(PQexec(admin, "BEGIN"));
	is_str(run(admin, STATEMENT_MODELS_DELETE, 5, remove), "deleted",
	       "a model is deleted, not committed yet");
	send(writer, STATEMENT_VERSIONS_CREATE, create);
	ok(waits_for_a_lock(writer), "a version for it waits");
	PQclear(PQexec(admin, "COMMIT"));
	is_str(answer(writer), "no_model", "and is refused");
	PQfinish(admin);
	PQfinish(writer);
}

static void slow_writers_lose_no_event(void)
{
	PGconn *slow = PQconnectdb(conninfo);
	const char *high;

	PQclear(PQexec(
		slow, "BEGIN; SELECT event_write_1('test.slow', 'a', NULL, NULL, NULL, 's', now(), "
		      "NULL, NULL)"));
	sql("SELECT event_write_1('test.quick', 'a', NULL, NULL, NULL, 's', now(), NULL, NULL)");
	while (*STATEMENT(EVENTS_TICK, "1000"))
		;
	high = sql("SELECT max(position) FROM event_order");
	PQclear(PQexec(slow, "COMMIT"));
	STATEMENT(EVENTS_TICK, "1000");
	is_str(sql("SELECT kind FROM event_order o JOIN event e ON e.id = o.event_id "
		   "ORDER BY position DESC LIMIT 1"),
	       "test.slow", "an event that was numbered before and committed later comes later");
	is_str(sql("SELECT max(position) FROM event_order"),
	       arena_printf(arena, "%ld", strtol(high, NULL, 10) + 1), "at the next place");
	PQfinish(slow);
}

static int bump_often(int n)
{
	int failed = 0;

	pg = PQconnectdb(conninfo);
	for (int i = 0; i < VERSIONS_EACH; i++)
		failed += strcmp(bump("crowd", sql("SELECT gen_random_uuid()"),
				      n % 2 ? "minor" : "patch"),
				 "created") != 0;
	return failed > 0;
}

static void crowds_get_gapless_ordinals(void)
{
	pid_t pids[WRITERS];
	int failed = 0;

	put_model(ID(60), "crowd", NULL);
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(bump_often(i));
	}
	for (int i = 0; i < WRITERS; i++) {
		int status = 1;

		waitpid(pids[i], &status, 0);
		failed += status != 0;
	}
	is_int(failed, 0, "%d writers bump the same model, all succeed", WRITERS);
	is_str(sql("SELECT count(*) || ' ' || max(ordinal) || ' ' || count(DISTINCT semver) || ' ' "
		   "|| bool_and(in_order) FROM (SELECT ordinal, semver, precedence > "
		   "lag(precedence) "
		   "OVER (ORDER BY ordinal) IS NOT false AS in_order FROM version WHERE model_id = "
		   "'" ID_IN(60) "') v"),
	       "160 160 160 true", "ordinals have no gaps, versions no twins, both grow together");
}

/* ---- with many rows ---- */

static void fill(void)
{
	sql(arena_printf(
		arena,
		"INSERT INTO version (id, model_id, ordinal, created_at, state_changed_at, "
		"prerelease, "
		"state, semver, precedence, tags, params, created_by, description) "
		"SELECT gen_random_uuid(), '" ID_IN(
			70) "', n, now(), now(), false, 'draft', s.v, "
			    "core_precedence_1(s.v), '{}', '{}', 'x', '' "
			    "FROM generate_series(1, %d) n, "
			    "LATERAL (SELECT '1.' || n || '.0' AS v) s",
		MANY));
	sql("INSERT INTO artifact (version_id, blob_id, path, media_type, key_id, minisig, "
	    "created_by) "
	    "SELECT v.id, (SELECT min(id) FROM blob), 'f', '', '" KEY_A "', '', '' FROM version v "
	    "WHERE v.model_id = '" ID_IN(70) "'");
	sql("INSERT INTO attestation (version_id, key_id, envelope) SELECT v.id, '" KEY_A "', '' "
	    "FROM version v WHERE v.model_id = '" ID_IN(70) "'");
	sql("UPDATE version SET state = 'published', published_at = now() + ordinal * interval '1 "
	    "second', "
	    "published_by = 'x', files = 1, key_id = '" KEY_A "', manifest_sha256 = sha256('') "
	    "WHERE model_id = '" ID_IN(70) "'");
	sql("ANALYZE");
}

/* Rows of a table that were ever read, in whatever way; nobody else is at work here. */
static long rows_read(const char *table)
{
	sql("SELECT pg_stat_force_next_flush()");
	return strtol(
		sql(arena_printf(arena,
				 "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables "
				 "WHERE relname = '%s'",
				 table)),
		NULL, 10);
}

/* No look-up may read the table from end to end, whatever plan the server has cached. */
static void look_ups_use_indexes(void)
{
	const char *const range[] = {"default", "big", "range", "{NULL,NULL}", NULL};
	const char *const exact[] = {"default", "big", "exact", keys("1.77.0"), NULL};
	const char *const newest[] = {"default", "big", "newest", "{}", NULL};
	const char *const ordinal[] = {"default", "big", "ordinal", "{}", "99"};
	const struct {
		const char *const *args, *found, *name;
	} table[] = {
		{range, arena_printf(arena, "1.%d.0", MANY), "a range"},
		{exact, "1.77.0", "an exact version"},
		{newest, arena_printf(arena, "1.%d.0", MANY), "newest"},
		{ordinal, "1.99.0", "an ordinal"},
	};

	put_model(ID(70), "big", NULL);
	fill();
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const long before = rows_read("version");

		for (int times = 0; times < LOOKS; times++)
			keep(PQexecPrepared(pg, "versions_get", 5, table[i].args, NULL, NULL, 0));
		is_str(column("version"), table[i].found, "%s among %d is found", table[i].name,
		       MANY);
		is_int(rows_read("version") - before, 2 * LOOKS, "%s reads the row it finds, twice",
		       table[i].name);
	}
}

static void large_versions_are_published(void)
{
	long before;

	is_str(create_in("m", ID(71), "9.0.0"), "created", "a version for many files");
	sql(arena_printf(
		arena,
		"INSERT INTO artifact (version_id, blob_id, path, media_type, key_id, minisig, "
		"created_by) SELECT '" ID_IN(71) "', (SELECT min(id) FROM blob), "
						 "'dir/' || n, '', '" KEY_A
						 "', '', '' FROM generate_series(1, %d) n",
		FILES));
	sql(arena_printf(arena, "UPDATE version SET files = %d WHERE id = '" ID_IN(71) "'", FILES));
	sql("SET statement_timeout = '5s'; SET plan_cache_mode = force_custom_plan");
	before = rows_read("artifact");
	is_str(STATEMENT(VERSIONS_PUBLISH_READ, MODEL, EXACT("9.0.0")), "found",
	       "a version with %d files is read", FILES);
	is_int(PQntuples(last), FILES, "all of it");
	ok(!PQgetisnull(last, 0, PQfnumber(last, "manifest")), "the manifest is in the first row");
	ok(PQgetisnull(last, 1, PQfnumber(last, "manifest")), "and in no other");
	ok(rows_read("artifact") - before < 3L * FILES, "no other version's files are read");
	is_str(publish(ID(71)), "published", "it is published");
	sql("RESET statement_timeout; RESET plan_cache_mode");
}

static const struct {
	const char *name;
	void (*test)(void);
} groups[] = {
	{"statements", prepare_all},
	{"keys", keys_follow_replicas},
	{"tokens", tokens_open_the_door},
	{"projects", projects_are_made},
	{"models", models_are_made},
	{"renaming", models_are_renamed},
	{"deleting", models_are_deleted},
	{"ordinals", ordinals_have_no_gaps},
	{"bumps", bumps_are_npms},
	{"metrics", metrics_keep_the_furthest},
	{"files", files_are_put},
	{"healing", bad_bytes_are_healed},
	{"publishing", publishing_wants_what_was_signed},
	{"immutability", published_is_for_ever},
	{"patches", versions_are_patched},
	{"states", states_go_one_way},
	{"references", references_resolve},
	{"aliases", aliases_move},
	{"lineage", lineage_is_followed},
	{"comparison", versions_are_compared},
	{"events", events_get_one_order},
	{"late files", a_late_file_cannot_slip_in},
	{"rotation", a_signature_waits_for_rotation},
	{"deleted models", no_version_enters_a_deleted_model},
	{"slow writers", slow_writers_lose_no_event},
	{"crowds", crowds_get_gapless_ordinals},
	{"many rows", look_ups_use_indexes},
	{"many files", large_versions_are_published},
};

int main(void)
{
	struct migrate_report report;
	struct problem p;

	conninfo = getenv("HALLMARK_TEST_DATABASE");
	if (!conninfo) {
		puts("1..0 # SKIP HALLMARK_TEST_DATABASE names no database");
		return 0;
	}
	setenv("PGOPTIONS", "-c client_min_messages=warning", 1);
	log_threshold = LOG_ERROR;
	arena = arena_new((size_t)64 << 20);
	p = migrate(arena, conninfo, &report);
	if (!ok(p.code == PROBLEM_NONE, "the schema is made: %s", p.detail ? p.detail : "fine"))
		return tap_done();
	pg = PQconnectdb(conninfo);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		printf("# %s\n", groups[i].name);
		groups[i].test();
	}
	PQclear(last);
	PQfinish(pg);
	arena_free(arena);
	return tap_done();
}
