#include <string.h>

#include "api/condition.h"
#include "api/flight.h"
#include "api/loop.h"
#include "api/outcome.h"
#include "api/page.h"
#include "api/reply.h"
#include "api/v1/handlers.h"
#include "registry/name.h"
#include "registry/project.h"

static void show(struct request *rq, unsigned status, const struct project *p)
{
	struct json_out j = json_out_new(rq->arena);

	project_write(&j, p);
	reply_json(rq, status, &j);
}

static void shown(struct request *rq, const PGresult *res)
{
	struct project p;

	if (PQntuples(res) == 0)
		outcome_refused(rq, "no_project");
	else if (!reply_failed(rq, project_read(rq->arena, res, 0, &p)) &&
		 !reply_not_modified(rq, reply_version_tag(rq, p.row_version)))
		show(rq, 200, &p);
}

void project_show(struct request *rq)
{
	arg_text(request_args(rq), request_param(rq, "project"));
	request_read(rq, STATEMENT_PROJECTS_GET, shown);
}

static void answer_put(struct request *rq, const PGresult *res, const char *outcome)
{
	struct project p;

	if (reply_failed(rq, project_read(rq->arena, res, 0, &p)))
		return;
	bool created = outcome_is_created(rq, outcome);
	ticker_wake(&rq->loop->ticker);
	reply_etag(rq, reply_version_tag(rq, p.row_version));
	if (created)
		reply_header(rq, "Location",
			     arena_dup(rq->arena, rq->target.raw, rq->target.path_len));
	show(rq, created ? 201 : 200, &p);
}

static void put(struct request *rq, const PGresult *res)
{
	const char *outcome;

	if (outcome_good(rq, res, &outcome))
		answer_put(rq, res, outcome);
}

static void put_before(struct request *rq, const PGresult *res)
{
	answer_put(rq, res, "found");
}

static void read_put(struct request *rq)
{
	arg_text(request_args(rq), request_param(rq, "project"));
	request_read(rq, STATEMENT_PROJECTS_GET, put_before);
}

void project_put(struct request *rq)
{
	const char *name = request_param(rq, "project");
	struct args *args = request_args(rq);
	struct project_draft draft;
	struct condition match;
	bool create_only;

	if (reply_failed(rq, name_project(rq->arena, "project", name, strlen(name))) ||
	    reply_failed(rq, project_draft_read(rq->arena, rq->body, rq->body_len, &draft)) ||
	    reply_failed(rq, condition_of_change(rq, &match, &create_only)))
		return;
	arg_text(args, name);
	arg_text(args, draft.description ? draft.description : "");
	arg_match_versions(args, &match);
	arg_bool(args, create_only);
	request_args_actor(rq);
	request_write(rq, STATEMENT_PROJECTS_PUT, NULL, put, read_put);
}

/* Only those that the caller may read; a page may therefore be shorter than asked. */
static void listed(struct request *rq, const PGresult *res)
{
	const struct page *page = rq->state;
	struct json_out j = json_out_new(rq->arena), key = json_out_new(rq->arena);
	struct project p = {0};
	int n = PQntuples(res);

	page_open(&j);
	for (int i = 0; i < n && i < page->size; i++) {
		if (reply_failed(rq, project_read(rq->arena, res, i, &p)))
			return;
		if (roles_grant(rq->who.roles, p.name, ACCESS_READ))
			project_write(&j, &p);
	}
	jw_array(&key), jw_text(&key, p.name), jw_end_array(&key);
	page_close(rq, &j, n > page->size, jw_done(&key));
}

void project_list(struct request *rq)
{
	struct page *page = rq->state = arena_alloc(rq->arena, sizeof(*page));
	struct args *args = request_args(rq);

	if (reply_failed(rq, page_read(rq, page)))
		return;
	arg_text(args, page_after_text(page, 0, ""));
	arg_int8(args, page->size + 1);
	request_read(rq, STATEMENT_PROJECTS_LIST, listed);
}
