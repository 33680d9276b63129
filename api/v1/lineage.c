#include <string.h>

#include "api/flight.h"
#include "api/outcome.h"
#include "api/reply.h"
#include "api/v1/handlers.h"
#include "api/v1/version_ref.h"
#include "registry/filter.h"
#include "sql/row.h"

enum { DEPTH_MAX = 64, EDGES_MAX = 20000 };

struct edge {
	int32_t depth;
	const char *project, *model, *version, *state; /* what was made */
	const char *kind, *relation, *uri, *digest, *commit;
	const char *parent_project, *parent_model, *parent_version, *parent_state;
};

static const struct column edge_columns[] = {
	COLUMN(struct edge, depth, OID_INT4),
	COLUMN(struct edge, project, OID_TEXT),
	COLUMN(struct edge, model, OID_TEXT),
	COLUMN(struct edge, version, OID_TEXT),
	COLUMN(struct edge, state, OID_TEXT),
	COLUMN(struct edge, kind, OID_TEXT),
	NULLABLE(struct edge, relation, OID_TEXT),
	NULLABLE(struct edge, uri, OID_TEXT),
	NULLABLE(struct edge, digest, OID_TEXT),
	NULLABLE(struct edge, commit, OID_TEXT),
	NULLABLE(struct edge, parent_project, OID_TEXT),
	NULLABLE(struct edge, parent_model, OID_TEXT),
	NULLABLE(struct edge, parent_version, OID_TEXT),
	NULLABLE(struct edge, parent_state, OID_TEXT),
};

struct start {
	const char *start_project, *start_model, *start_version, *start_state, *start_reason;
};

static const struct column start_columns[] = {
	COLUMN(struct start, start_project, OID_TEXT),  COLUMN(struct start, start_model, OID_TEXT),
	COLUMN(struct start, start_version, OID_TEXT),  COLUMN(struct start, start_state, OID_TEXT),
	NULLABLE(struct start, start_reason, OID_TEXT),
};

static const char *const directions[] = {"up", "down", NULL};

struct lineage_ask {
	int direction;
	int64_t depth;
};

static void write_version(struct json_out *j, const char *project, const char *model,
			  const char *version, const char *state)
{
	jw_object(j);
	jw_key(j, "project"), jw_text(j, project);
	jw_key(j, "model"), jw_text(j, model);
	jw_key(j, "version"), jw_text(j, version);
	jw_key(j, "state"), jw_text(j, state);
	jw_end_object(j);
}

static void write_if(struct json_out *j, const char *key, const char *value)
{
	if (value)
		jw_key(j, key), jw_text(j, value);
}

/* A project that the caller may not read keeps its names to itself. */
static bool visible(const struct request *rq, const char *project)
{
	return roles_grant(rq->who.roles, project, ACCESS_READ);
}

static void write_edge(struct request *rq, struct json_out *j, const struct edge *e)
{
	jw_object(j);
	jw_key(j, "depth"), jw_int(j, e->depth);
	jw_key(j, "from");
	if (visible(rq, e->project))
		write_version(j, e->project, e->model, e->version, e->state);
	else
		jw_null(j);
	jw_key(j, "kind"), jw_text(j, e->kind);
	write_if(j, "relation", e->relation);
	write_if(j, "uri", e->uri);
	write_if(j, "digest", e->digest);
	write_if(j, "commit", e->commit);
	if (e->parent_version) {
		jw_key(j, "to");
		if (visible(rq, e->parent_project))
			write_version(j, e->parent_project, e->parent_model, e->parent_version,
				      e->parent_state);
		else
			jw_null(j);
	}
	jw_end_object(j);
}

static void shown(struct request *rq, const PGresult *res)
{
	const struct lineage_ask *ask = rq->state;
	struct json_out j = json_out_new(rq->arena);
	const char *outcome;
	struct start start;
	int n = PQntuples(res);

	if (!outcome_good(rq, res, &outcome) ||
	    reply_failed(rq, row_find(rq->arena, res, 0, COLUMNS(start_columns), &start)) ||
	    !version_ref_state(rq, start.start_state, start.start_reason))
		return;
	if (PQgetisnull(res, 0, PQfnumber(res, "kind")))
		n = 0;
	jw_object(&j);
	jw_key(&j, "version");
	write_version(&j, start.start_project, start.start_model, start.start_version,
		      start.start_state);
	jw_key(&j, "direction"), jw_text(&j, directions[ask->direction]);
	jw_key(&j, "depth"), jw_int(&j, ask->depth);
	jw_key(&j, "edges");
	jw_array(&j);
	for (int i = 0; i < n && i < EDGES_MAX; i++) {
		struct edge e;

		if (reply_failed(rq, row_find(rq->arena, res, i, COLUMNS(edge_columns), &e)))
			return;
		write_edge(rq, &j, &e);
	}
	jw_end_array(&j);
	jw_key(&j, "truncated"), jw_bool(&j, n > EDGES_MAX);
	jw_end_object(&j);
	reply_json(rq, 200, &j);
}

static struct problem ask_read(struct request *rq, struct lineage_ask *ask)
{
	const char *direction = request_query(rq, "direction"), *depth = request_query(rq, "depth");

	*ask = (struct lineage_ask){.direction = 0, .depth = 1};
	if (direction)
		TRY(filter_word(rq->arena, "direction", direction, directions, &ask->direction));
	if (depth)
		TRY(filter_int(rq->arena, "depth", depth, 1, DEPTH_MAX, &ask->depth));
	return NO_PROBLEM;
}

/* GET …/lineage?direction=up|down&depth=N: up is what the version was made from. */
void lineage_show(struct request *rq)
{
	struct lineage_ask *ask = rq->state = arena_alloc(rq->arena, sizeof(*ask));
	struct args *args = request_args(rq);

	if (reply_failed(rq, ask_read(rq, ask)) || reply_failed(rq, version_ref_args(rq)))
		return;
	arg_text(args, directions[ask->direction]);
	arg_int4(args, (int32_t)ask->depth);
	arg_int8(args, EDGES_MAX + 1);
	request_read(rq, STATEMENT_LINEAGE_GRAPH, shown);
}
