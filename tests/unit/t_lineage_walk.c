/* lineage_walk_1() finds what a plain recursive reading finds: each edge once, at the smallest
 * depth that it can be reached at, nearest first, and each version that they name once. Fills the
 * database that HALLMARK_TEST_DATABASE names. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sql/conninfo.h"
#include "sql/migrate.h"
#include "tap.h"

static PGconn *pg;
static struct arena *arena;

static const char *value(const char *sql)
{
	PGresult *res = PQexec(pg, sql);
	const bool good = PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1;
	const char *v = good ? PQgetvalue(res, 0, 0) : PQerrorMessage(pg);

	v = arena_dup(arena, v, strlen(v));
	PQclear(res);
	return v;
}

/* ---- a web ------------------------------------------------------------------------------- */

/* Version n is 1.n.0 of one model, but every fifth of a model of another project. */
#define ID(n)       "('00000000-0000-7000-8000-' || lpad((" n ")::text, 12, '0'))::uuid"
#define EDGE(c, p)  "(" #c ", " #p ", 1), "
#define EDGE2(c, p) "(" #c ", " #p ", 2), "

/* 1 to 4 are a diamond; 10 is one step from 13, and three; 20 to 22 are a chain; 31 has things of
 * other kinds beside a parent; from 100 on each comes from up to three of the twelve before it. */
static const char *const rows[] = {
	"SET session_replication_role = replica",
	"INSERT INTO project (name, created_by) VALUES ('p', 'x'), ('q', 'x')",
	"INSERT INTO model (id, project, name, created_by) VALUES (" ID(
		"9001") ", 'p', 'm', 'x'), "
			"(" ID("9002") ", 'q', 'other', 'x')",
	"INSERT INTO version (id, model_id, ordinal, created_at, state_changed_at, prerelease, "
	"state, semver,"
	" precedence, tags, params, description, created_by)"
	" SELECT " ID("n") ", CASE WHEN n % 5 = 0 THEN " ID("9002") " ELSE " ID(
		"9001") " END, n, now(), now(),"
			" false, 'draft', '1.' || n || '.0', core_precedence_1('1.' || n || '.0'), "
			"'{}', '{}', '', 'x'"
			" FROM generate_series(1, 200) n",
	"INSERT INTO lineage_edge (version_id, parent_id, place, kind, relation)"
	" SELECT " ID("e.child") ", " ID(
		"e.parent") ", e.place, 'parent', 'from ' || e.parent FROM (VALUES " EDGE(2, 1)
		EDGE(3, 1) EDGE(4, 2) EDGE2(4, 3) EDGE(11, 10) EDGE(12, 11) EDGE(13, 12)
			EDGE2(13, 10) EDGE(21, 20)
				EDGE(22, 21) "(31, 1, 2)) e (child, parent, place)",
	"INSERT INTO lineage_edge (version_id, place, kind, uri, digest, commit) VALUES"
	" (" ID("31") ", 1, 'dataset', 's3://d', 'sha256:00', NULL), (" ID(
		"31") ", 3, 'code', NULL, NULL, 'abc')",
	"INSERT INTO lineage_edge (version_id, parent_id, place, kind, relation)"
	" SELECT " ID("c") ", " ID(
		"p") ", row_number() OVER (PARTITION BY c ORDER BY p), 'parent', 'merge'"
		     " FROM generate_series(101, 200) c, LATERAL (SELECT DISTINCT greatest(100, c "
		     "- 1 - abs(hashint4(c * 3 + k)) % 12)"
		     " FROM generate_series(1, 3) k) f (p)",
	"RESET session_replication_role",
};

static void fill(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		PGresult *res = PQexec(pg, rows[i]);

		if (PQresultStatus(res) != PGRES_COMMAND_OK)
			ok(false, "%s: %s", rows[i], PQerrorMessage(pg));
		PQclear(res);
	}
}

/* ---- both readings ------------------------------------------------------------------------- */

struct question {
	int start;
	const char *direction;
	int depth, limit;
};

/* Edges as depth:made<parent:what, in the order of the answer. */
static const char *walked(const struct question *q)
{
	return value(
		arena_printf(arena,
			     "SELECT coalesce(string_agg(concat_ws(':', w.depth + 1, "
			     "right(e.made::text, 3), right(e.parent::text, 3),"
			     " coalesce(e.kind, 'parent'), e.relation, e.uri, e.digest, e.commit), "
			     "' ' ORDER BY w.depth, e.place), '')"
			     " FROM lineage_walk_1(" ID(
				     "%d") ", '%s', %d, %d) w, unnest(w.made, w.parents, w.kinds, "
					   "w.relations, w.uris,"
					   " w.digests, w.commits) WITH ORDINALITY AS e (made, "
					   "parent, kind, relation, uri, digest, commit, place)",
			     q->start, q->direction, q->depth, q->limit));
}

static const char *read_plainly(const struct question *q)
{
	const bool up = strcmp(q->direction, "up") == 0;
	const char *near = up ? "version_id" : "parent_id", *far = up ? "parent_id" : "version_id";

	return value(arena_printf(
		arena,
		"WITH RECURSIVE walk (id, depth) AS (SELECT " ID(
			"%d") ", 0 UNION"
			      " SELECT e.%s, w.depth + 1 FROM walk w JOIN lineage_edge e ON e.%s = "
			      "w.id"
			      " WHERE w.depth < %d AND e.%s IS NOT NULL),"
			      " first AS (SELECT id, min(depth) AS depth FROM walk GROUP BY id),"
			      " edge AS (SELECT f.depth + 1 AS depth, e.* FROM first f JOIN "
			      "lineage_edge e ON e.%s = f.id"
			      " WHERE f.depth < %d ORDER BY f.depth, e.version_id, e.place LIMIT "
			      "%d)"
			      " SELECT coalesce(string_agg(concat_ws(':', e.depth, "
			      "right(e.version_id::text, 3), right(e.parent_id::text, 3),"
			      " e.kind, e.relation, e.uri, e.digest, e.commit), ' ' ORDER BY "
			      "e.depth, e.version_id, e.place), '') FROM edge e",
		q->start, far, near, q->depth, far, near, q->depth, q->limit));
}

/* What the edges name that has no name, what has two, and what has another's. */
static const char *misnamed(const struct question *q)
{
	return value(arena_printf(
		arena,
		"WITH walk AS (SELECT * FROM lineage_walk_1(" ID(
			"%d") ", '%s', %d, %d)),"
			      " named AS (SELECT n.* FROM walk, unnest(ids, model_ids, versions, "
			      "states) AS n (id, model_id, version, state))"
			      " SELECT (SELECT count(*) FROM walk, unnest(made || parents) i WHERE "
			      "i IS NOT NULL"
			      "          AND i NOT IN (SELECT id FROM named))"
			      " + (SELECT count(*) - count(DISTINCT id) FROM named)"
			      " + (SELECT count(*) FROM named n LEFT JOIN version v ON v.id = n.id"
			      "    WHERE (v.model_id, v.semver, v.state) IS DISTINCT FROM "
			      "(n.model_id, n.version, n.state))",
		q->start, q->direction, q->depth, q->limit));
}

static void check(const struct question *q)
{
	is_str(walked(q), read_plainly(q), "%d %s, depth %d, at most %d", q->start, q->direction,
	       q->depth, q->limit);
	is_str(misnamed(q), "0", "each version that they name has its name, once");
	arena_reset(arena);
}

static void check_both(void)
{
	static const int starts[] = {1, 4, 10, 13, 22, 31, 50, 100, 140, 200};
	static const int depths[] = {1, 2, 3, 64}, limits[] = {1, 3, 40, 20001};

	for (int i = 0; i < 10 * 2 * 4 * 4; i++)
		check(&(struct question){.start = starts[i / 32],
					 .direction = i / 16 % 2 ? "down" : "up",
					 .depth = depths[i / 4 % 4],
					 .limit = limits[i % 4]});
}

/* Some by hand, so that the two cannot be wrong alike. */
static void check_known(void)
{
	static const struct known {
		struct question question;
		const char *edges;
	} known[] = {
		{{4, "up", 64, 100},
		 "1:004:002:parent:from 2 1:004:003:parent:from 3 2:002:001:parent:from 1 "
		 "2:003:001:parent:from 1"},
		{{4, "up", 64, 3},
		 "1:004:002:parent:from 2 1:004:003:parent:from 3 2:002:001:parent:from 1"},
		{{13, "up", 64, 100},
		 "1:013:012:parent:from 12 1:013:010:parent:from 10 2:012:011:parent:from 11 "
		 "3:011:010:parent:from 10"},
		{{10, "down", 1, 100}, "1:011:010:parent:from 10 1:013:010:parent:from 10"},
		{{31, "up", 1, 100},
		 "1:031:dataset:s3://d:sha256:00 1:031:001:parent:from 1 1:031:code:abc"},
		{{50, "down", 64, 100}, ""},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		is_str(walked(&known[i].question), known[i].edges, "known: %s from %d",
		       known[i].question.direction, known[i].question.start);
	is_str(value("SELECT string_agg(DISTINCT m.project, ' ' ORDER BY m.project) FROM "
		     "lineage_walk_1(" ID("200") ", 'up', 64, 20001) w, unnest(w.model_ids) i JOIN "
						 "model m ON m.id = i"),
	       "p q", "versions of another project are among them");
}

int main(void)
{
	const char *conninfo = getenv("HALLMARK_TEST_DATABASE");
	struct conninfo info;
	struct migrate_report report;

	if (!conninfo) {
		puts("1..0 # SKIP HALLMARK_TEST_DATABASE names no database");
		return 0;
	}
	setenv("PGOPTIONS", "-c client_min_messages=warning", 1);
	log_threshold = LOG_ERROR;
	arena = arena_new(1 << 24);
	struct problem p = migrate(arena, conninfo, &report);
	if (!ok(p.code == PROBLEM_NONE, "the schema is made: %s", p.detail ? p.detail : "fine"))
		return tap_done();
	p = conninfo_read(arena, conninfo, LANE_SLOW, &info);
	pg = p.code == PROBLEM_NONE ? PQconnectdbParams(info.keywords, info.values[0], 0) : NULL;
	fill();
	check_known();
	check_both();
	PQfinish(pg);
	arena_free(arena);
	return tap_done();
}
