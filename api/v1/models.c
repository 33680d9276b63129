#include <string.h>

#include "api/condition.h"
#include "api/flight.h"
#include "api/loop.h"
#include "api/outcome.h"
#include "api/page.h"
#include "api/reply.h"
#include "api/v1/empty_list.h"
#include "api/v1/handlers.h"
#include "base/uuid.h"
#include "registry/model.h"
#include "registry/model_query.h"
#include "registry/name.h"

static void show(struct request *rq, unsigned status, const struct model *m)
{
	struct json_out j = json_out_new(rq->arena);

	model_write(&j, m);
	reply_json(rq, status, &j);
}

static void shown(struct request *rq, const PGresult *res)
{
	struct model m;

	if (PQntuples(res) == 0)
		outcome_no_model(rq);
	else if (!reply_failed(rq, model_read(rq->arena, res, 0, &m)) &&
		 !reply_not_modified(rq, reply_version_tag(rq, m.row_version)))
		show(rq, 200, &m);
}

void model_show(struct request *rq)
{
	struct args *args = request_args(rq);

	arg_text(args, request_param(rq, "project"));
	arg_text(args, request_param(rq, "model"));
	request_read(rq, STATEMENT_MODELS_GET, shown);
}

/* --- changes --- */

static void answer_change(struct request *rq, const PGresult *res, const char *outcome)
{
	struct model m;

	if (reply_failed(rq, model_read(rq->arena, res, 0, &m)))
		return;
	bool created = outcome_is_created(rq, outcome);
	ticker_wake(&rq->loop->ticker);
	reply_etag(rq, reply_version_tag(rq, m.row_version));
	if (created)
		reply_header(rq, "Location",
			     arena_dup(rq->arena, rq->target.raw, rq->target.path_len));
	show(rq, created ? 201 : 200, &m);
}

static void changed(struct request *rq, const PGresult *res)
{
	const char *outcome;

	if (outcome_good(rq, res, &outcome))
		answer_change(rq, res, outcome);
}

static void changed_before(struct request *rq, const PGresult *res)
{
	if (PQntuples(res) == 0)
		outcome_no_model(rq);
	else
		answer_change(rq, res, "found");
}

/* Under its new name when the change has given it one. */
static void read_changed(struct request *rq)
{
	const char *name = rq->state;
	struct args *args = request_args(rq);

	arg_text(args, request_param(rq, "project"));
	arg_text(args, name ? name : request_param(rq, "model"));
	request_read(rq, STATEMENT_MODELS_GET, changed_before);
}

void model_put(struct request *rq)
{
	const char *name = request_param(rq, "model");
	struct args *args = request_args(rq);
	unsigned char *id = arena_bytes(rq->arena, UUID_BYTES);
	struct model_draft draft;
	struct condition match;
	bool create_only;

	if (reply_failed(rq, name_model(rq->arena, "model", name, strlen(name))) ||
	    reply_failed(rq, model_draft_read(rq->arena, rq->body, rq->body_len, &draft)) ||
	    reply_failed(rq, condition_of_change(rq, &match, &create_only)))
		return;
	uuid_new(id);
	arg_uuid(args, id);
	arg_text(args, request_param(rq, "project"));
	arg_text(args, name);
	arg_text(args, draft.description ? draft.description : "");
	arg_text(args, draft.card ? draft.card : "");
	arg_text(args, draft.tags ? draft.tags : "{}");
	arg_match_versions(args, &match);
	arg_bool(args, create_only);
	request_args_actor(rq);
	request_mark_uuid(rq, id);
	request_write(rq, STATEMENT_MODELS_PUT, name, changed, read_changed);
}

void model_patch(struct request *rq)
{
	struct args *args = request_args(rq);
	struct model_patch patch;
	struct condition match;

	if (reply_failed(rq, model_patch_read(rq->arena, rq->body, rq->body_len, &patch)) ||
	    reply_failed(rq, condition_of_change(rq, &match, NULL)))
		return;
	arg_text(args, request_param(rq, "project"));
	arg_text(args, request_param(rq, "model"));
	arg_text(args, patch.name);
	arg_text(args, patch.description);
	arg_text(args, patch.card);
	arg_text(args, patch.tags);
	arg_match_versions(args, &match);
	request_args_actor(rq);
	rq->state = (void *)patch.name;
	request_write(rq, STATEMENT_MODELS_PATCH, request_param(rq, "model"), changed,
		      read_changed);
}

void model_delete(struct request *rq)
{
	struct args *args = request_args(rq);
	struct condition match;

	if (reply_failed(rq, condition_of_change(rq, &match, NULL)))
		return;
	arg_text(args, request_param(rq, "project"));
	arg_text(args, request_param(rq, "model"));
	arg_match_versions(args, &match);
	request_args_actor(rq);
	request_write(rq, STATEMENT_MODELS_DELETE, request_param(rq, "model"), outcome_deleted,
		      outcome_was_deleted);
}

/* --- the list --- */

static void listed(struct request *rq, const PGresult *res)
{
	const struct page *page = rq->state;
	struct json_out j = json_out_new(rq->arena);
	int n = PQntuples(res), some = n < page->size ? n : page->size;

	if (n == 0) {
		empty_list_of_project(rq);
		return;
	}
	page_open(&j);
	for (int i = 0; i < some; i++) {
		struct model m;

		if (reply_failed(rq, model_read(rq->arena, res, i, &m)))
			return;
		model_write(&j, &m);
	}
	page_close(rq, &j, n > some, query_key(rq->arena, res, some - 1));
}

void model_list(struct request *rq)
{
	struct page *page = rq->state = arena_alloc(rq->arena, sizeof(*page));
	const struct statement *statement;

	if (reply_failed(rq, page_read(rq, page)))
		return;
	arg_text(request_args(rq), request_param(rq, "project"));
	if (!reply_failed(rq, page_query(rq, &model_query, page, &statement)))
		request_statement(rq, statement, listed);
}
