#include <string.h>

#include "api/flight.h"
#include "api/outcome.h"
#include "api/reply.h"
#include "api/v1/handlers.h"
#include "api/v1/version_ref.h"
#include "base/uuid.h"
#include "registry/filter.h"
#include "sql/row.h"

enum { DEPTH_MAX = 64, EDGES_MAX = 20000 };

struct edge {
	int32_t depth;
	unsigned char version_id[UUID_BYTES], parent_id[UUID_BYTES]; /* nil: no parent */
	const char *kind, *relation, *uri, *digest, *commit;
};

static const struct column edge_columns[] = {
	COLUMN(struct edge, depth, OID_INT4),       COLUMN(struct edge, version_id, OID_UUID),
	NULLABLE(struct edge, parent_id, OID_UUID), COLUMN(struct edge, kind, OID_TEXT),
	NULLABLE(struct edge, relation, OID_TEXT),  NULLABLE(struct edge, uri, OID_TEXT),
	NULLABLE(struct edge, digest, OID_TEXT),    NULLABLE(struct edge, commit, OID_TEXT),
};

/* A version that an edge names, or a model of one; id first, to be found by it. */
struct node {
	unsigned char id[UUID_BYTES], model_id[UUID_BYTES];
	const char *version, *state, *reason;
	const char *project, *model;
};

static const struct column version_columns[] = {
	COLUMN(struct node, id, OID_UUID),
	COLUMN(struct node, model_id, OID_UUID),
	COLUMN(struct node, version, OID_TEXT),
	COLUMN(struct node, state, OID_TEXT),
};
static const struct column model_columns[] = {
	COLUMN(struct node, id, OID_UUID),
	COLUMN(struct node, project, OID_TEXT),
	COLUMN(struct node, model, OID_TEXT),
};
static const struct column start_columns[] = {
	COLUMN(struct node, version, OID_TEXT),  COLUMN(struct node, state, OID_TEXT),
	NULLABLE(struct node, reason, OID_TEXT), COLUMN(struct node, project, OID_TEXT),
	COLUMN(struct node, model, OID_TEXT),
};

/* Nodes by id: open addressing, at most half full. */
struct nodes {
	const struct node **places;
	size_t mask;
};

static const char *const directions[] = {"up", "down", NULL};

struct lineage_ask {
	int direction;
	int64_t depth;
};

static const struct node **place_of(const struct nodes *nodes, const unsigned char *id)
{
	size_t at;

	memcpy(&at, id + UUID_BYTES - sizeof(at), sizeof(at)); /* the random end of a UUIDv7 */
	for (at &= nodes->mask; nodes->places[at]; at = (at + 1) & nodes->mask)
		if (memcmp(nodes->places[at]->id, id, UUID_BYTES) == 0)
			break;
	return &nodes->places[at];
}

static struct problem node_read(struct arena *a, const PGresult *res, int row, bool is_version,
				struct node *out)
{
	*out = (struct node){0};
	return is_version ? row_find(a, res, row, COLUMNS(version_columns), out)
			  : row_find(a, res, row, COLUMNS(model_columns), out);
}

/* The rows behind those of the edges. */
static struct problem nodes_read(struct arena *a, const PGresult *res, int first, struct nodes *out)
{
	const int n = PQntuples(res), model_id = row_column(res, "model_id");
	size_t room = 16;

	while (room < 2 * (size_t)(n - first))
		room *= 2;
	out->mask = room - 1;
	out->places = arena_array(a, const struct node *, room);
	for (size_t i = 0; i < room; i++)
		out->places[i] = NULL;
	for (int i = first; i < n; i++) {
		struct node *node = arena_alloc(a, sizeof(*node));

		TRY(node_read(a, res, i, !PQgetisnull(res, i, model_id), node));
		*place_of(out, node->id) = node;
	}
	return NO_PROBLEM;
}

static void write_version(struct json_out *j, const struct node *version, const struct node *model)
{
	jw_object(j);
	jw_key(j, "project"), jw_text(j, model->project);
	jw_key(j, "model"), jw_text(j, model->model);
	jw_key(j, "version"), jw_text(j, version->version);
	jw_key(j, "state"), jw_text(j, version->state);
	jw_end_object(j);
}

/* null for a version whose project the caller may not read: it keeps its names to itself. */
static void write_named(struct request *rq, struct json_out *j, const struct nodes *nodes,
			const unsigned char *id)
{
	const struct node *version = *place_of(nodes, id);
	const struct node *model = version ? *place_of(nodes, version->model_id) : NULL;

	if (model && roles_grant(rq->who.roles, model->project, ACCESS_READ))
		write_version(j, version, model);
	else
		jw_null(j);
}

static void write_if(struct json_out *j, const char *key, const char *value)
{
	if (value)
		jw_key(j, key), jw_text(j, value);
}

static void write_edge(struct request *rq, struct json_out *j, const struct nodes *nodes,
		       const struct edge *e)
{
	static const unsigned char nil[UUID_BYTES];

	jw_object(j);
	jw_key(j, "depth"), jw_int(j, e->depth);
	jw_key(j, "from"), write_named(rq, j, nodes, e->version_id);
	jw_key(j, "kind"), jw_text(j, e->kind);
	write_if(j, "relation", e->relation);
	write_if(j, "uri", e->uri);
	write_if(j, "digest", e->digest);
	write_if(j, "commit", e->commit);
	if (memcmp(e->parent_id, nil, sizeof(nil)) != 0)
		jw_key(j, "to"), write_named(rq, j, nodes, e->parent_id);
	jw_end_object(j);
}

/* Row 0 is the version that was asked for; edges stand in rows 1 to n. */
static int count_edges(const PGresult *res)
{
	const int depth = row_column(res, "depth");
	int n = 0;

	while (n + 1 < PQntuples(res) && !PQgetisnull(res, n + 1, depth))
		n++;
	return n;
}

static struct problem write_edges(struct request *rq, struct json_out *j, const PGresult *res,
				  int n)
{
	struct nodes nodes;

	TRY(nodes_read(rq->arena, res, 1 + n, &nodes));
	jw_array(j);
	for (int i = 0; i < n && i < EDGES_MAX; i++) {
		struct edge e = {0};

		TRY(row_find(rq->arena, res, 1 + i, COLUMNS(edge_columns), &e));
		write_edge(rq, j, &nodes, &e);
	}
	jw_end_array(j);
	return NO_PROBLEM;
}

static void shown(struct request *rq, const PGresult *res)
{
	const struct lineage_ask *ask = rq->state;
	struct json_out j = json_out_new(rq->arena);
	const char *outcome;
	struct node start;
	const int n = count_edges(res);

	if (!outcome_good(rq, res, &outcome) ||
	    reply_failed(rq, row_find(rq->arena, res, 0, COLUMNS(start_columns), &start)) ||
	    !version_ref_state(rq, start.state, start.reason))
		return;
	jw_object(&j);
	jw_key(&j, "version"), write_version(&j, &start, &start);
	jw_key(&j, "direction"), jw_text(&j, directions[ask->direction]);
	jw_key(&j, "depth"), jw_int(&j, ask->depth);
	jw_key(&j, "edges");
	if (reply_failed(rq, write_edges(rq, &j, res, n)))
		return;
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
