#include <string.h>

#include "api/condition.h"
#include "api/flight.h"
#include "api/loop.h"
#include "api/outcome.h"
#include "api/page.h"
#include "api/reply.h"
#include "api/v1/handlers.h"
#include "registry/alias.h"
#include "registry/name.h"
#include "registry/reference.h"
#include "sql/row.h"

/* The path's project, model and alias. */
static struct problem alias_args(struct request *rq)
{
	struct args *args = request_args(rq);
	const char *alias = request_param(rq, "alias");

	TRY(name_alias(rq->arena, "alias", alias, strlen(alias)));
	arg_text(args, request_param(rq, "project"));
	arg_text(args, request_param(rq, "model"));
	arg_text(args, alias);
	return NO_PROBLEM;
}

static bool alias_found(struct request *rq, const PGresult *res, const char **outcome,
			struct alias *out)
{
	return outcome_good(rq, res, outcome) &&
	       !reply_failed(rq, row_find(rq->arena, res, 0, alias_columns, alias_ncolumns, out));
}

static void show(struct request *rq, unsigned status, const struct alias *alias)
{
	struct json_out j = json_out_new(rq->arena);

	alias_write(&j, alias);
	reply_json(rq, status, &j);
}

static void shown(struct request *rq, const PGresult *res)
{
	struct alias alias;
	const char *outcome;

	if (alias_found(rq, res, &outcome, &alias) &&
	    !reply_not_modified(rq, reply_version_tag(rq, alias.row_version)))
		show(rq, 200, &alias);
}

void alias_show(struct request *rq)
{
	if (!reply_failed(rq, alias_args(rq)))
		request_read(rq, STATEMENT_ALIASES_GET, shown);
}

/* --- PUT {"version": "1.0.0"}: any reference; the alias then stays where it led --- */

static void put(struct request *rq, const PGresult *res)
{
	struct alias alias;
	const char *outcome;

	if (!alias_found(rq, res, &outcome, &alias))
		return;
	bool created = outcome_is_created(rq, outcome);
	ticker_wake(&rq->loop->ticker);
	reply_etag(rq, reply_version_tag(rq, alias.row_version));
	if (created)
		reply_header(rq, "Location",
			     arena_dup(rq->arena, rq->target.raw, rq->target.path_len));
	show(rq, created ? 201 : 200, &alias);
}

static void read_put(struct request *rq)
{
	if (!reply_failed(rq, alias_args(rq)))
		request_read(rq, STATEMENT_ALIASES_GET, put);
}

void alias_put(struct request *rq)
{
	struct alias_draft draft;
	struct reference ref;
	struct condition match;
	bool create_only;

	if (reply_failed(rq, alias_draft_read(rq->arena, rq->body, rq->body_len, &draft)) ||
	    reply_failed(rq, reference_read(rq->arena, "/version", draft.version,
					    strlen(draft.version), &ref)) ||
	    reply_failed(rq, condition_of_change(rq, &match, &create_only)) ||
	    reply_failed(rq, alias_args(rq)))
		return;
	reference_args(&rq->args, &ref);
	arg_match_versions(&rq->args, &match);
	arg_bool(&rq->args, create_only);
	request_args_actor(rq);
	request_write(rq, STATEMENT_ALIASES_PUT, request_param(rq, "model"), put, read_put);
}

void alias_delete(struct request *rq)
{
	struct condition match;

	if (reply_failed(rq, condition_of_change(rq, &match, NULL)) ||
	    reply_failed(rq, alias_args(rq)))
		return;
	arg_match_versions(&rq->args, &match);
	request_args_actor(rq);
	request_write(rq, STATEMENT_ALIASES_DELETE, request_param(rq, "model"), outcome_deleted,
		      outcome_was_deleted);
}

/* --- lists --- */

static void list(struct request *rq, const PGresult *res)
{
	const struct page *page = rq->state;
	struct json_out j = json_out_new(rq->arena), key = json_out_new(rq->arena);
	struct alias alias = {0};
	const char *outcome;
	int n = PQntuples(res);

	if (!outcome_good(rq, res, &outcome))
		return;
	if (row_null(res, 0, "alias"))
		n = 0; /* the model is there, an alias is not */
	page_open(&j);
	for (int i = 0; i < n && i < page->size; i++) {
		if (reply_failed(
			    rq, row_find(rq->arena, res, i, alias_columns, alias_ncolumns, &alias)))
			return;
		alias_write(&j, &alias);
	}
	jw_array(&key), jw_text(&key, alias.alias), jw_end_array(&key);
	page_close(rq, &j, n > page->size, jw_done(&key));
}

void alias_list(struct request *rq)
{
	struct page *page = rq->state = arena_alloc(rq->arena, sizeof(*page));
	struct args *args = request_args(rq);

	if (reply_failed(rq, page_read(rq, page)))
		return;
	arg_text(args, request_param(rq, "project"));
	arg_text(args, request_param(rq, "model"));
	arg_text(args, page_after_text(page, 0, ""));
	arg_int8(args, page->size + 1);
	request_read(rq, STATEMENT_ALIASES_LIST, list);
}

static void history(struct request *rq, const PGresult *res)
{
	const struct page *page = rq->state;
	struct json_out j = json_out_new(rq->arena), key = json_out_new(rq->arena);
	struct alias_move move = {0};
	const char *outcome;
	int n = PQntuples(res);

	if (!outcome_good(rq, res, &outcome))
		return;
	if (row_null(res, 0, "id"))
		n = 0;
	page_open(&j);
	for (int i = 0; i < n && i < page->size; i++) {
		if (reply_failed(rq, row_find(rq->arena, res, i, alias_move_columns,
					      alias_move_ncolumns, &move)))
			return;
		alias_move_write(&j, &move);
	}
	jw_array(&key), jw_int(&key, move.id), jw_end_array(&key);
	page_close(rq, &j, n > page->size, jw_done(&key));
}

void alias_history(struct request *rq)
{
	struct page *page = rq->state = arena_alloc(rq->arena, sizeof(*page));

	if (reply_failed(rq, page_read(rq, page)) || reply_failed(rq, alias_args(rq)))
		return;
	arg_int8(&rq->args, page_after_int(page, 0, INT64_MAX));
	arg_int8(&rq->args, page->size + 1);
	request_read(rq, STATEMENT_ALIASES_HISTORY, history);
}
