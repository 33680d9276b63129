#include <string.h>

#include "api/flight.h"
#include "api/outcome.h"
#include "api/reply.h"
#include "api/v1/handlers.h"
#include "api/v1/version_ref.h"
#include "base/json_in.h"
#include "base/text.h"
#include "registry/filter.h"
#include "registry/reference.h"
#include "registry/version.h"

enum { COMPARED_MAX = 20 };

/* One version of the comparison: its row, and its parts as trees. */
struct compared {
	struct version version;
	json_t *params, *metrics, *files;
};

struct comparison {
	int n;
	struct compared columns[COMPARED_MAX];
	struct json_out *out;
};

/* --- what is compared, a row for each thing that any version has --- */

static const char *series_id(struct arena *a, const json_t *m)
{
	return arena_printf(a, "%s\x1f%s\x1f%s", json_string_value(json_object_get(m, "name")),
			    json_string_value(json_object_get(m, "dataset")),
			    json_string_value(json_object_get(m, "slice")));
}

/* {id: value} of a list of objects. */
static json_t *by_id(struct arena *a, const json_t *list, const char *id_key, const char *value_key)
{
	json_t *out = json_object();
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *id = id_key ? json_string_value(json_object_get(one, id_key))
					: series_id(a, one);

		if (id)
			json_object_set(out, id, json_object_get(one, value_key));
	}
	return out;
}

static bool differs(const json_t *const *cells, int n)
{
	for (int i = 1; i < n; i++)
		if (!cells[0] != !cells[i] || (cells[0] && !json_equal(cells[0], cells[i])))
			return true;
	return false;
}

static void write_row_name(struct json_out *j, const char *id, bool series)
{
	const char *dataset = series ? strchr(id, '\x1f') : NULL;

	if (!dataset) {
		jw_key(j, "name"), jw_text(j, id);
		return;
	}
	const char *slice = strchr(dataset + 1, '\x1f');
	jw_key(j, "name"), jw_textn(j, id, (size_t)(dataset - id));
	if (slice > dataset + 1)
		jw_key(j, "dataset"), jw_textn(j, dataset + 1, (size_t)(slice - dataset) - 1);
	if (slice[1])
		jw_key(j, "slice"), jw_text(j, slice + 1);
}

static void write_row(struct comparison *c, json_t *const *tables, const char *id, bool series)
{
	const json_t *cells[COMPARED_MAX];
	struct json_out *j = c->out;

	for (int i = 0; i < c->n; i++)
		cells[i] = json_object_get(tables[i], id);
	jw_object(j);
	write_row_name(j, id, series);
	jw_key(j, "values");
	jw_array(j);
	for (int i = 0; i < c->n; i++) {
		if (cells[i])
			jw_tree(j, cells[i]);
		else
			jw_null(j);
	}
	jw_end_array(j);
	jw_key(j, "differs"), jw_bool(j, differs(cells, c->n));
	jw_end_object(j);
}

/* A row for each id of any version, in the order in which they are first met. */
static void write_table(struct comparison *c, const char *name, json_t *const *tables, bool series)
{
	json_t *seen = json_object();

	jw_key(c->out, name);
	jw_array(c->out);
	for (int i = 0; i < c->n; i++) {
		const char *id;
		json_t *ignored;

		json_object_foreach(tables[i], id, ignored)
		{
			if (json_object_get(seen, id))
				continue;
			json_object_set_new(seen, id, json_true());
			write_row(c, tables, id, series);
		}
	}
	jw_end_array(c->out);
}

static void write_tables(struct arena *a, struct comparison *c)
{
	json_t *params[COMPARED_MAX], *metrics[COMPARED_MAX], *files[COMPARED_MAX];

	for (int i = 0; i < c->n; i++) {
		params[i] = c->columns[i].params;
		metrics[i] = by_id(a, c->columns[i].metrics, NULL, "value");
		files[i] = by_id(a, c->columns[i].files, "path", "sha256");
	}
	write_table(c, "params", params, false);
	write_table(c, "metrics", metrics, true);
	write_table(c, "files", files, false);
}

/* --- request and reply --- */

struct parts_row {
	const char *params, *metrics, *files_json;
};

static struct problem column_read(struct request *rq, const PGresult *res, int row,
				  struct compared *out)
{
	struct parts_row parts = {0};
	static const struct column columns[] = {
		COLUMN(struct parts_row, params, OID_JSON),
		COLUMN(struct parts_row, metrics, OID_JSON),
		COLUMN(struct parts_row, files_json, OID_JSON),
	};

	TRY(version_read(rq->arena, res, row, &out->version));
	TRY(row_find(rq->arena, res, row, COLUMNS(columns), &parts));
	TRY(json_in(rq->arena, parts.params, strlen(parts.params), &out->params));
	TRY(json_in(rq->arena, parts.metrics, strlen(parts.metrics), &out->metrics));
	return json_in(rq->arena, parts.files_json, strlen(parts.files_json), &out->files);
}

static void compared(struct request *rq, const PGresult *res)
{
	const struct filter_list *names = rq->state;
	struct comparison *c = arena_alloc(rq->arena, sizeof(*c));
	struct json_out j = json_out_new(rq->arena);

	c->out = &j;
	for (c->n = 0; c->n < PQntuples(res) && c->n < COMPARED_MAX; c->n++) {
		const char *outcome = PQgetvalue(res, c->n, 0);
		struct compared *column = &c->columns[c->n];

		if (outcome_refused(rq, outcome) ||
		    reply_failed(rq, column_read(rq, res, c->n, column)) ||
		    !version_ref_alive(rq, names->items[c->n], column->version.state,
				       column->version.reason))
			return;
	}
	jw_object(&j);
	jw_key(&j, "versions");
	jw_array(&j);
	for (int i = 0; i < c->n; i++)
		version_write(&j, &c->columns[i].version);
	jw_end_array(&j);
	write_tables(rq->arena, c);
	jw_end_object(&j);
	reply_json(rq, 200, &j);
}

static struct problem no_rule(struct arena *a, const char *where, const char *s, size_t len)
{
	(void)a, (void)where, (void)s, (void)len;
	return NO_PROBLEM; /* reference_read() has the rules */
}

static struct problem refs_read(struct request *rq, struct filter_list *names, struct json_out *j)
{
	const char *list = request_query(rq, "versions");

	if (!list)
		return problem_at_parameter(rq->arena, "versions",
					    "name the versions to compare, such as 1.0.0,1.1.0");
	TRY(filter_names(rq->arena, "versions", list, no_rule, COMPARED_MAX, names));
	jw_array(j);
	for (size_t i = 0; i < names->n; i++) {
		struct reference ref;

		TRY(reference_read(rq->arena, "versions", names->items[i], strlen(names->items[i]),
				   &ref));
		reference_write(j, request_param(rq, "project"), request_param(rq, "model"), &ref);
	}
	jw_end_array(j);
	return NO_PROBLEM;
}

/* GET …/compare?versions=1.0.0,1.1.0: params, metrics and files side by side. */
void compare_show(struct request *rq)
{
	struct filter_list *names = rq->state = arena_alloc(rq->arena, sizeof(*names));
	struct json_out refs = json_out_new(rq->arena);

	if (reply_failed(rq, refs_read(rq, names, &refs)))
		return;
	arg_text(request_args(rq), jw_done(&refs));
	request_read(rq, STATEMENT_COMPARE_GET, compared);
}
