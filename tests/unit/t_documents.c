/* t_documents.c - drafts through the real statements into the database and back.
 *
 * Whether the columns of each row are those that its statement returns, whether what was
 * written is what is read, and whether PostgreSQL answers a range as npm would.
 */
#include "tap.h"

#include <stdlib.h>

#include "base/uuid.h"
#include "plain_range.h"
#include "registry/alias.h"
#include "registry/artifact.h"
#include "registry/event.h"
#include "registry/event_query.h"
#include "registry/metric.h"
#include "registry/model.h"
#include "registry/model_query.h"
#include "registry/project.h"
#include "registry/reference.h"
#include "registry/version.h"
#include "registry/version_query.h"
#include "sql/migrate.h"
#include "sql/once.h"

#define KEY "0123456789ABCDEF"

static struct arena *arena;
static PGconn *conn;
static struct list_cache *cache;

static void must(struct problem p, const char *what)
{
	if (p.code == PROBLEM_NONE)
		return;
	ok(false, "%s: %s", what, p.detail);
	exit(tap_done());
}

static PGresult *run(enum statement_id id, const struct args *args, const char *outcome)
{
	PGresult *res = NULL;

	must(once_run(arena, conn, id, args, &res), statements[id].name);
	if (outcome && strcmp(once_outcome(res), outcome) != 0)
		ok(false, "%s says %s, not %s", statements[id].name, once_outcome(res), outcome);
	return res;
}

static void clear_result(void *res)
{
	PQclear(res);
}

static PGresult *run_text(const char *sql)
{
	PGresult *res = NULL;

	must(once_text(arena, conn, sql, &res), sql);
	return res;
}

static void add_actor(struct args *args)
{
	arg_text(args, "tester");
	arg_text(args, "request-1");
}

/* A list as the API asks for it: one parameter, up to a thousand rows. */
static PGresult *run_list(const struct query_list *list, struct args *args, const char *parameter,
			  const char *value)
{
	const struct query_value values[] = {{parameter, value}};
	const struct query_ask ask = {.values = values, .nvalues = 1, .limit = 1000};
	const struct statement *st = NULL;

	must(query_statement(cache, args, list, &ask, &st), parameter);
	PGresult *res = PQexecParams(conn, st->sql, st->nparams, st->types, args->value,
				     args->length, args->format, 1);
	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		must(problem(arena, PROBLEM_INTERNAL, "%s", PQerrorMessage(conn)), st->sql);
	arena_defer(arena, clear_result, res);
	return res;
}

/* ---- projects and models ------------------------------------------------------------- */

static void a_project_comes_back(void)
{
	struct args args = args_new(arena);
	struct project p;

	arg_text(&args, "team-a");
	arg_text(&args, "the first");
	arg_null(&args);
	arg_bool(&args, false);
	add_actor(&args);
	must(project_read(arena, run(STATEMENT_PROJECTS_PUT, &args, "created"), 0, &p), "row");
	is_str(p.name, "team-a", "a project comes back");
	is_str(p.description, "the first", "with its description");
	is_int(p.row_version, 1, "in its first version");
	args = args_new(arena);
	arg_text(&args, "default");
	must(project_read(arena, run(STATEMENT_PROJECTS_GET, &args, NULL), 0, &p), "row");
	is_str(p.name, "default", "the project that is always there does too");
}

static void put_model(const char *project, const char *name, const char *body, struct model *out)
{
	struct args args = args_new(arena);
	unsigned char id[UUID_BYTES];
	struct model_draft d;

	must(model_draft_read(arena, body, strlen(body), &d), "draft");
	uuid_new(id);
	arg_uuid(&args, id);
	arg_text(&args, project);
	arg_text(&args, name);
	arg_text(&args, d.description ? d.description : "");
	arg_text(&args, d.card ? d.card : "");
	arg_text(&args, d.tags ? d.tags : "{}");
	arg_null(&args);
	arg_bool(&args, false);
	add_actor(&args);
	must(model_read(arena, run(STATEMENT_MODELS_PUT, &args, "created"), 0, out), "row");
}

static void a_model_comes_back(void)
{
	struct args args = args_new(arena);
	struct model m;

	put_model("default", "mod\xc3\xa8le",
		  "{\"description\":\"d\",\"card\":\"# c\\n\",\"tags\":{\"task\":\"\\\"\\\\\"}}",
		  &m);
	is_str(m.name, "mod\xc3\xa8le", "a model comes back");
	is_str(m.card, "# c\n", "with its card");
	is_str(m.tags, "{\"task\": \"\\\"\\\\\"}", "and its tags");
	ok(!m.latest && m.created_at > 0 && m.updated_at >= m.created_at, "without a version yet");
	arg_text(&args, "default");
	arg_text(&args, "mod\xc3\xa8le");
	must(model_read(arena, run(STATEMENT_MODELS_GET, &args, NULL), 0, &m), "row");
	is_str(m.created_by, "tester", "and can be asked for");
}

/* ---- versions, metrics, lineage ------------------------------------------------------- */

static PGresult *create_version(const char *model, const char *body, const char *outcome)
{
	struct args args = args_new(arena);
	unsigned char id[UUID_BYTES];
	struct version_draft d;

	must(version_draft_read(arena, body, strlen(body), &d), "draft");
	uuid_new(id);
	arg_uuid(&args, id);
	arg_text(&args, "default");
	arg_text(&args, model);
	version_draft_args(&args, &d);
	add_actor(&args);
	return run(STATEMENT_VERSIONS_CREATE, &args, outcome);
}

/* project, model and the three parameters of a reference */
static struct args reference_to(const char *model, const char *text)
{
	struct args args = args_new(arena);
	struct reference r;

	must(reference_read(arena, NULL, text, strlen(text), &r), text);
	arg_text(&args, "default");
	arg_text(&args, model);
	reference_args(&args, &r);
	return args;
}

static void a_version_comes_back(void)
{
	static const char body[] = "{\"version\":\"1.0.0-rc.1+b7\",\"params\":{\"lr\":1.0,\"big\":"
				   "9007199254740993,\"tiny\":5e-324},\"tags\":{\"a\":\"b\"}}";
	struct version v;

	must(version_read(arena, create_version("m", body, "created"), 0, &v), "row");
	is_str(v.version, "1.0.0-rc.1+b7", "a version comes back");
	is_str(v.params, "{\"lr\":1.0,\"big\":9007199254740993,\"tiny\":4.94065645841247e-324}",
	       "its params digit for digit");
	is_str(v.state, "draft", "as a draft");
	ok(v.ordinal == 1 && v.published_at == INT64_MIN && !v.key_id && !v.reason,
	   "what a draft lacks is absent");
	create_version("m", "{\"version\":\"1.0.0-rc.1\"}", "exists");
	struct args args = reference_to("m", "v1.0.0-rc.1");
	must(version_read(arena, run(STATEMENT_VERSIONS_GET, &args, "found"), 0, &v), "row");
	is_str(v.version, "1.0.0-rc.1+b7", "any build matches a reference without one");
	args = reference_to("m", "1.0.0-rc.1+b8");
	run(STATEMENT_VERSIONS_GET, &args, "no_version");
	args = reference_to("m", "v1");
	must(version_read(arena, run(STATEMENT_VERSIONS_GET, &args, "found"), 0, &v), "row");
	is_str(v.version, "1.0.0-rc.1+b7", "so does its ordinal");
	must(version_read(arena, create_version("m", "{\"bump\":\"major\"}", "created"), 0, &v),
	     "row");
	is_str(v.version, "1.0.0", "a bump finishes the prerelease");
}

static void metrics_come_back_exactly(void)
{
	static const double values[] = {0.92,   1e300,     -0.0,
					5e-324, 0.1 + 0.2, -1.7976931348623157e308};
	enum { N = sizeof(values) / sizeof(values[0]) };
	struct json_out j = json_out_new(arena);
	struct metric_list_draft d;
	int same = 0;

	jw_object(&j), jw_key(&j, "metrics"), jw_array(&j);
	for (int i = 0; i < N; i++) {
		struct metric m = {.name = arena_printf(arena, "m%d", i),
				   .value = values[i],
				   .at = INT64_MIN,
				   .step = i,
				   .has_step = i % 2 == 1};
		metric_write(&j, &m);
	}
	jw_end_array(&j), jw_end_object(&j);
	must(metric_list_draft_read(arena, jw_done(&j), j.len, &d), "draft");
	struct args args = reference_to("m", "1.0.0");
	arg_text(&args, d.json);
	add_actor(&args);
	run(STATEMENT_METRICS_ADD, &args, "created");
	args = reference_to("m", "1.0.0");
	const PGresult *res = run(STATEMENT_METRICS_CURRENT, &args, NULL);
	is_int(PQntuples(res), N, "all metrics come back");
	for (int i = 0; i < PQntuples(res) && i < N; i++) {
		struct metric m;

		must(metric_read(arena, res, i, &m), "row");
		same += m.value == values[i] && m.has_step == (i % 2 == 1) &&
			(!m.has_step || m.step == i);
	}
	is_int(same, N, "the same doubles, with their steps");
	args = reference_to("m", "1.0.0");
	arg_null(&args), arg_text(&args, ""), arg_int8(&args, 0), arg_int8(&args, 100);
	struct metric point;
	must(metric_read(arena, run(STATEMENT_METRICS_LIST, &args, NULL), 0, &point), "row");
	ok(point.arrival > 0 && strcmp(point.created_by, "tester") == 0,
	   "points know who sent them");
	args = args_new(arena);
	arg_text(&args, "default"), arg_text(&args, "m"), arg_null(&args);
	arg_int8(&args, 0), arg_int8(&args, 10);
	must(metric_read(arena, run(STATEMENT_METRICS_SERIES, &args, NULL), 0, &point), "row");
	ok(!point.created_by, "a series' values do not");
}

static void publish(const char *model, const char *version)
{
	static const unsigned char digest[64] = {1};
	struct args args = reference_to(model, version);
	struct version v;
	struct artifact f;

	must(version_read(arena, run(STATEMENT_VERSIONS_GET, &args, "found"), 0, &v), "row");
	args = args_new(arena);
	arg_uuid(&args, v.id);
	arg_text(&args, "model.onnx");
	arg_bytes(&args, (struct bytes){digest, 32});
	arg_int8(&args, 7);
	arg_bytes(&args, (struct bytes){digest, 64});
	arg_text(&args, arena_printf(arena, "key-%s", v.version));
	arg_text(&args, "application/octet-stream");
	arg_text(&args, "a signature");
	arg_text(&args, KEY);
	arg_null(&args), arg_bool(&args, false);
	add_actor(&args);
	static const struct column columns[] = {COLUMN(struct artifact, path, OID_TEXT)};
	must(row_find(arena, run(STATEMENT_ARTIFACTS_PUT, &args, "created"), 0, COLUMNS(columns),
		      &f),
	     "row");
	struct signed_manifest {
		struct bytes digest;
	} head;
	static const struct column digest_column[] = {
		COLUMN(struct signed_manifest, digest, OID_BYTEA)};
	args = reference_to(model, version);
	must(row_find(arena, run(STATEMENT_VERSIONS_PUBLISH_READ, &args, "found"), 0,
		      COLUMNS(digest_column), &head),
	     "row");
	args = args_new(arena);
	arg_uuid(&args, v.id);
	arg_bytes(&args, head.digest);
	arg_text(&args, "an envelope");
	arg_text(&args, KEY);
	add_actor(&args);
	must(version_read(arena, run(STATEMENT_VERSIONS_PUBLISH, &args, "published"), 0, &v),
	     "row");
	is_str(v.state, "published", "%s is published", version);
	ok(v.published_at > 0 && v.files == 1 && v.bytes == 7 && strcmp(v.key_id, KEY) == 0,
	   "with time, files and key");
}

static void add_key(void)
{
	static const unsigned char public[32] = {9};
	struct args args = args_new(arena);

	arg_text(&args, KEY);
	arg_bytes(&args, (struct bytes){public, 32});
	add_actor(&args);
	run(STATEMENT_KEYS_ADD, &args, "created");
}

static void lineage_comes_back(void)
{
	struct row {
		const char *kind, *relation, *uri, *digest, *commit, *parent_version;
	} row;
	static const struct column columns[] = {
		COLUMN(struct row, kind, OID_TEXT),
		NULLABLE(struct row, relation, OID_TEXT),
		NULLABLE(struct row, uri, OID_TEXT),
		NULLABLE(struct row, digest, OID_TEXT),
		NULLABLE(struct row, commit, OID_TEXT),
		NULLABLE(struct row, parent_version, OID_TEXT),
	};

	create_version(
		"m",
		"{\"version\":\"2.0.0\",\"lineage\":[{\"kind\":\"code\",\"uri\":\"https://g/r\","
		"\"commit\":\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"},{\"kind\":\"parent\","
		"\"relation\":\"fine_tune\",\"version\":\"default/m@^1\"}]}",
		"created");
	struct args args = reference_to("m", "2.0.0");
	const PGresult *res = run(STATEMENT_LINEAGE_EDGES, &args, NULL);
	is_int(PQntuples(res), 2, "two edges come back");
	must(row_find(arena, res, 0, COLUMNS(columns), &row), "row");
	is_str(row.commit, "da39a3ee5e6b4b0d3255bfef95601890afd80709", "the code's commit");
	must(row_find(arena, res, 1, COLUMNS(columns), &row), "row");
	is_str(row.relation, "fine_tune", "the parent's relation");
	is_str(row.parent_version, "1.0.0", "and what the range meant");
	create_version(
		"m",
		"{\"version\":\"2.1.0\",\"lineage\":[{\"kind\":\"parent\",\"relation\":\"merge\","
		"\"version\":\"default/m@2.0.0\"}]}",
		"parent_not_published");
}

static void lists_come_back(void)
{
	struct args args = args_new(arena);
	struct version v;
	struct model m;

	arg_text(&args, "default");
	const PGresult *res = run_list(&model_query, &args, "q", "mod");
	is_int(PQntuples(res), 1, "a search finds one model");
	must(model_read(arena, res, 0, &m), "row");
	is_str(m.name, "mod\xc3\xa8le", "it comes back from a list");
	ok(!m.card, "without its card");
	args = args_new(arena);
	arg_text(&args, PQgetvalue(run_text("SELECT id FROM model WHERE name = 'm'"), 0, 0));
	res = run_list(&version_query, &args, "metric", "m1>1e299");
	is_int(PQntuples(res), 1, "a comparison of a metric finds one version");
	must(version_read_of(arena, res, 0, "default", "m", &v), "row");
	is_str(v.version, "1.0.0", "it comes back from a list");
	is_str(v.model, "m", "as the model's that was asked for");
}

/* ---- aliases, events --------------------------------------------------------------------- */

static void an_alias_comes_back(void)
{
	struct args args = args_new(arena);
	struct reference r;
	struct alias alias;
	struct alias_move move;

	must(reference_read(arena, NULL, "latest", 6, &r), "latest");
	arg_text(&args, "default"), arg_text(&args, "m"), arg_text(&args, "champion");
	reference_args(&args, &r);
	arg_null(&args), arg_bool(&args, false);
	add_actor(&args);
	must(row_find(arena, run(STATEMENT_ALIASES_PUT, &args, "created"), 0, alias_columns,
		      alias_ncolumns, &alias),
	     "row");
	is_str(alias.alias, "champion", "an alias comes back");
	is_str(alias.version, "1.0.0", "on the version that latest meant");
	struct version v;
	args = reference_to("m", "@champion");
	must(version_read(arena, run(STATEMENT_VERSIONS_GET, &args, "found"), 0, &v), "row");
	is_str(v.version, "1.0.0", "and finds it");
	args = args_new(arena);
	arg_text(&args, "default"), arg_text(&args, "m"), arg_text(&args, "champion");
	arg_int8(&args, INT64_MAX), arg_int8(&args, 10);
	must(row_find(arena, run(STATEMENT_ALIASES_HISTORY, &args, NULL), 0, alias_move_columns,
		      alias_move_ncolumns, &move),
	     "row");
	ok(!move.from_version && strcmp(move.to_version, "1.0.0") == 0, "its history says so too");
}

static void events_come_back(void)
{
	struct args args = args_new(arena);
	struct event e = {0};
	int64_t last = 0;
	int good = 0;

	arg_int8(&args, 10000);
	run(STATEMENT_EVENTS_TICK, &args, NULL);
	args = args_new(arena);
	arg_null(&args), arg_null(&args);
	const PGresult *res = run_list(&event_query, &args, "sort", "position");
	for (int i = 0; i < PQntuples(res); i++) {
		struct json_out j = json_out_new(arena);
		json_error_t error;

		must(event_read(arena, res, i, &e), "row");
		event_write(&j, &e);
		json_t *tree = json_loadb(j.text, j.len, JSON_REJECT_DUPLICATES, &error);
		good += json_is_string(json_object_get(tree, "kind")) && e.position == ++last;
		json_decref(tree);
	}
	ok(good > 8, "%d changes have left events", good);
	is_int(good, PQntuples(res), "each is a JSON document, and their places have no gaps");
}

/* ---- ranges ------------------------------------------------------------------------------- */

enum { UNIVERSE = 3 * 3 * 3 * 4, RANGES = 300 };

static char universe[UNIVERSE][PLAIN_TEXT];

/* Published without ceremony: the triggers that would ask for files are off. */
static void fill_universe(void)
{
	static const char *const ends[] = {"", "-a", "-a.1", "-b"};
	struct model m;

	put_model("default", "ranges", "{}", &m);
	for (int i = 0; i < UNIVERSE; i++) {
		sprintf(universe[i], "%d.%d.%d%s", i / 36, i / 12 % 3, i / 4 % 3, ends[i % 4]);
		create_version("ranges", arena_printf(arena, "{\"version\":\"%s\"}", universe[i]),
			       "created");
	}
	run_text("SET session_replication_role = replica");
	run_text(
		"UPDATE version SET state = 'published', published_at = now(), published_by = 'x', "
		"key_id = '" KEY "', manifest_sha256 = sha256(''), files = 1 "
		"WHERE model_id = (SELECT id FROM model WHERE name = 'ranges')");
	run_text("RESET session_replication_role");
}

static const char *highest(const struct plain_range *range)
{
	const char *best = "none";

	for (int i = 0; i < UNIVERSE; i++) {
		if (plain_sees(range, universe[i]) &&
		    (strcmp(best, "none") == 0 || plain_compare(universe[i], best) > 0))
			best = universe[i];
	}
	return best;
}

static const char *answered(const char *text)
{
	struct args args = reference_to("ranges", text);
	const PGresult *res = run(STATEMENT_VERSIONS_GET, &args, NULL);
	struct version v;

	if (strcmp(once_outcome(res), "found") != 0)
		return "none";
	must(version_read(arena, res, 0, &v), "row");
	return v.version;
}

static void the_database_answers_ranges_as_npm_would(void)
{
	unsigned seed = 42;
	int wrong = 0, found = 0;

	fill_universe();
	for (int i = 0; i < RANGES; i++) {
		struct plain_range plain;
		char text[256];

		plain_range_generate(&seed, text, &plain);
		const char *want = highest(&plain), *got = answered(text);
		found += strcmp(want, "none") != 0;
		if (strcmp(got, want) != 0 && wrong++ < 10)
			printf("# %s: got %s, want %s\n", text, got, want);
	}
	is_int(wrong, 0, "%d ranges over %d versions: the highest each time", RANGES, UNIVERSE);
	ok(found > RANGES / 4, "%d of them found one", found);
	is_str(answered("latest"), "2.2.2", "latest is the highest release");
	is_str(answered("2.2.2-b"), "2.2.2-b", "an exact prerelease is found");
}

int main(void)
{
	const char *conninfo = getenv("HALLMARK_TEST_DATABASE");
	struct migrate_report report;
	struct model m;

	if (!conninfo) {
		puts("1..0 # SKIP HALLMARK_TEST_DATABASE is not set");
		return 0;
	}
	arena = arena_new(64u << 20);
	must(migrate(arena, conninfo, &report), "migrate");
	must(once_connect(arena, conninfo, &conn), "connect");
	cache = list_cache_new(STATEMENT_COUNT, 10);
	add_key();
	a_project_comes_back();
	a_model_comes_back();
	put_model("default", "m", "{}", &m);
	a_version_comes_back();
	metrics_come_back_exactly();
	publish("m", "1.0.0");
	lineage_comes_back();
	lists_come_back();
	an_alias_comes_back();
	the_database_answers_ranges_as_npm_would();
	events_come_back();
	arena_free(arena);
	list_cache_free(cache);
	return tap_done();
}
