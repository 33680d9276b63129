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

/* The versions first met at a depth, by place, and the edges that lead on from them, by place. */
struct step {
	int32_t depth;
	struct uuids ids, model_ids;
	struct texts versions, states;
	struct uuids made, parents; /* nil: no parent */
	struct texts kinds, relations, uris, digests, commits;
};

static const struct column step_columns[] = {
	COLUMN(struct step, depth, OID_INT4),
	COLUMN(struct step, ids, OID_UUID_ARRAY),
	COLUMN(struct step, model_ids, OID_UUID_ARRAY),
	COLUMN(struct step, versions, OID_TEXT_ARRAY),
	COLUMN(struct step, states, OID_TEXT_ARRAY),
	NULLABLE(struct step, made, OID_UUID_ARRAY),
	NULLABLE(struct step, parents, OID_UUID_ARRAY),
	NULLABLE(struct step, kinds, OID_TEXT_ARRAY),
	NULLABLE(struct step, relations, OID_TEXT_ARRAY),
	NULLABLE(struct step, uris, OID_TEXT_ARRAY),
	NULLABLE(struct step, digests, OID_TEXT_ARRAY),
	NULLABLE(struct step, commits, OID_TEXT_ARRAY),
};

struct models {
	struct uuids named_ids;
	struct texts projects, names;
};

static const struct column models_columns[] = {
	COLUMN(struct models, named_ids, OID_UUID_ARRAY),
	COLUMN(struct models, projects, OID_TEXT_ARRAY),
	COLUMN(struct models, names, OID_TEXT_ARRAY),
};

struct named {
	const char *version, *state, *reason;
	const char *project, *model;
};

static const struct column start_columns[] = {
	COLUMN(struct named, version, OID_TEXT),  COLUMN(struct named, state, OID_TEXT),
	NULLABLE(struct named, reason, OID_TEXT), COLUMN(struct named, project, OID_TEXT),
	COLUMN(struct named, model, OID_TEXT),
};

/* A version with its text, which every edge that names it repeats; or a model with the
 * beginning of its versions' texts. */
struct node {
	unsigned char id[UUID_BYTES];
	size_t at, len; /* among the texts; no length: there is no node */
};

/* Nodes by id: open addressing, at most half full. */
struct nodes {
	struct node *places;
	size_t mask;
	struct json_out texts;
};

static const char *const directions[] = {"up", "down", NULL};

struct lineage_ask {
	int direction;
	int64_t depth;
};

static struct node *place_of(const struct nodes *nodes, const unsigned char *id)
{
	size_t at;

	memcpy(&at, id + UUID_BYTES - sizeof(at), sizeof(at)); /* the random end of a UUIDv7 */
	for (at &= nodes->mask; nodes->places[at].len > 0; at = (at + 1) & nodes->mask)
		if (memcmp(nodes->places[at].id, id, UUID_BYTES) == 0)
			break;
	return &nodes->places[at];
}

/* Its text is what was written last. */
static void node_put(struct nodes *nodes, const unsigned char *id, size_t at)
{
	struct node *node = place_of(nodes, id);

	memcpy(node->id, id, UUID_BYTES);
	node->at = at;
	node->len = nodes->texts.len - at;
}

enum { TEXT = 128 }; /* about the length of a version's */

static struct nodes nodes_new(struct arena *a, size_t most)
{
	struct nodes nodes = {.texts = json_out_large(a, 16 + most * TEXT)};
	size_t room = 16;

	while (room < 2 * most)
		room *= 2;
	nodes.mask = room - 1;
	nodes.places = arena_array(a, struct node, room);
	return nodes;
}

static void begin_version(struct json_out *j, const char *project, const char *model)
{
	jw_object(j);
	jw_key(j, "project"), jw_text(j, project);
	jw_key(j, "model"), jw_text(j, model);
}

static void end_version(struct json_out *j, const char *version, const char *state)
{
	jw_key(j, "version"), jw_text(j, version);
	jw_key(j, "state"), jw_text(j, state);
	jw_end_object(j);
}

/* None for a project that the caller may not read: it keeps its names to itself. */
static void add_model(struct request *rq, struct nodes *nodes, const struct models *m, size_t i)
{
	struct json_out *j = &nodes->texts;
	const size_t at = j->len;

	if (!roles_grant(rq->who.roles, m->projects.v[i], ACCESS_READ))
		return;
	j->comma = false;
	begin_version(j, m->projects.v[i], m->names.v[i]);
	node_put(nodes, m->named_ids.v[i], at);
}

static void add_version(struct nodes *nodes, const struct step *s, size_t i)
{
	const struct node *model = place_of(nodes, s->model_ids.v[i]);
	struct json_out *j = &nodes->texts;
	const size_t at = j->len;

	if (model->len == 0)
		return;
	j->comma = false;
	jw_raw(j, j->text + model->at, model->len); /* where the texts move, they also stay */
	end_version(j, s->versions.v[i], s->states.v[i]);
	node_put(nodes, s->ids.v[i], at);
}

struct graph {
	struct step *steps;
	size_t nsteps, versions, edges;
	struct models models;
	struct nodes nodes;
};

static bool alike(size_t n, const size_t *others, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (others[i] != n)
			return false;
	return true;
}

static bool step_whole(const struct step *s)
{
	const size_t versions[] = {s->model_ids.n, s->versions.n, s->states.n};
	const size_t edges[] = {s->parents.n, s->kinds.n,   s->relations.n,
				s->uris.n,    s->digests.n, s->commits.n};

	return alike(s->ids.n, versions, sizeof(versions) / sizeof(versions[0])) &&
	       alike(s->made.n, edges, sizeof(edges) / sizeof(edges[0]));
}

/* Row 0 is the version that was asked for; the steps stand between it and the models. */
static struct problem steps_read(struct arena *a, const PGresult *res, struct graph *g)
{
	g->nsteps = (size_t)PQntuples(res) - 2;
	g->steps = arena_array(a, struct step, g->nsteps);
	for (size_t i = 0; i < g->nsteps; i++) {
		TRY(row_find(a, res, 1 + (int)i, COLUMNS(step_columns), &g->steps[i]));
		if (!step_whole(&g->steps[i]))
			return problem(a, PROBLEM_INTERNAL, "a step's arrays differ in length");
		g->versions += g->steps[i].ids.n;
		g->edges += g->steps[i].made.n;
	}
	return NO_PROBLEM;
}

static struct problem models_read(struct arena *a, const PGresult *res, struct models *m)
{
	TRY(row_find(a, res, PQntuples(res) - 1, COLUMNS(models_columns), m));
	if (m->projects.n != m->named_ids.n || m->names.n != m->named_ids.n)
		return problem(a, PROBLEM_INTERNAL, "the models' arrays differ in length");
	return NO_PROBLEM;
}

static struct problem graph_read(struct request *rq, const PGresult *res, struct graph *g)
{
	*g = (struct graph){0};
	TRY(steps_read(rq->arena, res, g));
	TRY(models_read(rq->arena, res, &g->models));
	g->nodes = nodes_new(rq->arena, g->versions + g->models.named_ids.n);
	for (size_t i = 0; i < g->models.named_ids.n; i++)
		add_model(rq, &g->nodes, &g->models, i);
	for (size_t s = 0; s < g->nsteps; s++)
		for (size_t i = 0; i < g->steps[s].ids.n; i++)
			add_version(&g->nodes, &g->steps[s], i);
	return NO_PROBLEM;
}

/* null for a version without a text. */
static void write_named(struct json_out *j, const struct nodes *nodes, const unsigned char *id)
{
	const struct node *node = place_of(nodes, id);

	if (node->len > 0)
		jw_raw(j, nodes->texts.text + node->at, node->len);
	else
		jw_null(j);
}

static void write_if(struct json_out *j, const char *key, const char *value)
{
	if (value)
		jw_key(j, key), jw_text(j, value);
}

static void write_edge(struct json_out *j, const struct nodes *nodes, const struct step *s,
		       size_t i)
{
	static const unsigned char nil[UUID_BYTES];
	const char *kind = s->kinds.v[i];

	jw_object(j);
	jw_key(j, "depth"), jw_int(j, s->depth + 1);
	jw_key(j, "from"), write_named(j, nodes, s->made.v[i]);
	jw_key(j, "kind"), jw_text(j, kind ? kind : "parent");
	write_if(j, "relation", s->relations.v[i]);
	write_if(j, "uri", s->uris.v[i]);
	write_if(j, "digest", s->digests.v[i]);
	write_if(j, "commit", s->commits.v[i]);
	if (memcmp(s->parents.v[i], nil, sizeof(nil)) != 0)
		jw_key(j, "to"), write_named(j, nodes, s->parents.v[i]);
	jw_end_object(j);
}

static void write_edges(struct json_out *j, const struct graph *g)
{
	size_t left = EDGES_MAX;

	jw_array(j);
	for (size_t s = 0; s < g->nsteps; s++)
		for (size_t i = 0; i < g->steps[s].made.n && left > 0; i++, left--)
			write_edge(j, &g->nodes, &g->steps[s], i);
	jw_end_array(j);
}

static void shown(struct request *rq, const PGresult *res)
{
	const struct lineage_ask *ask = rq->state;
	const char *outcome;
	struct named start;
	struct graph graph;

	if (!outcome_good(rq, res, &outcome) ||
	    reply_failed(rq, row_find(rq->arena, res, 0, COLUMNS(start_columns), &start)) ||
	    !version_ref_state(rq, start.state, start.reason) ||
	    reply_failed(rq, graph_read(rq, res, &graph)))
		return;
	struct json_out j = json_out_large(rq->arena, 1024 + graph.edges * 2 * TEXT);
	jw_object(&j);
	jw_key(&j, "version"), begin_version(&j, start.project, start.model);
	end_version(&j, start.version, start.state);
	jw_key(&j, "direction"), jw_text(&j, directions[ask->direction]);
	jw_key(&j, "depth"), jw_int(&j, ask->depth);
	jw_key(&j, "edges"), write_edges(&j, &graph);
	jw_key(&j, "truncated"), jw_bool(&j, graph.edges > EDGES_MAX);
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
