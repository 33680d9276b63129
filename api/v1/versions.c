#include <string.h>

#include "api/condition.h"
#include "api/flight.h"
#include "api/loop.h"
#include "api/outcome.h"
#include "api/page.h"
#include "api/reply.h"
#include "api/v1/handlers.h"
#include "api/v1/version_ref.h"
#include "base/failpoint.h"
#include "base/text.h"
#include "base/uuid.h"
#include "registry/reference.h"
#include "registry/version.h"
#include "registry/version_query.h"
#include "sql/row.h"

static void show(struct request *rq, unsigned status, const struct version *v)
{
	struct json_out j = json_out_new(rq->arena);

	version_write(&j, v);
	reply_json(rq, status, &j);
}

/* --- GET --- */

static void show_found(struct request *rq, const struct version *v)
{
	if (version_ref_state(rq, v->state, v->reason) &&
	    !reply_not_modified(rq, reply_version_tag(rq, v->row_version)))
		show(rq, 200, v);
}

static void shown(struct request *rq, const PGresult *res)
{
	const char *outcome;
	struct version v;

	if (outcome_good(rq, res, &outcome) &&
	    !reply_failed(rq, version_read(rq->arena, res, 0, &v)))
		show_found(rq, &v);
}

static void show_any(struct request *rq)
{
	request_args(rq);
	if (!reply_failed(rq, version_ref_args(rq)))
		request_read(rq, STATEMENT_VERSIONS_GET, shown);
}

static struct problem read_named(struct request *rq, const PGresult *res, int row,
				 struct version *out)
{
	return version_read_of(rq->arena, res, row, request_param(rq, "project"),
			       request_param(rq, "model"), out);
}

/* An exact version is the hot path: one statement of two index look-ups. When it finds
 * nothing, the other one says why. */
static void shown_exact(struct request *rq, const PGresult *res)
{
	struct version v;

	if (PQntuples(res) == 0)
		show_any(rq);
	else if (!reply_failed(rq, read_named(rq, res, 0, &v)))
		show_found(rq, &v);
}

void version_show(struct request *rq)
{
	const char *text = request_param(rq, "version");
	struct args *args = request_args(rq);
	struct reference ref;

	if (reply_failed(rq, reference_read(rq->arena, "version", text, strlen(text), &ref)))
		return;
	if (ref.kind != REFERENCE_EXACT) {
		show_any(rq);
		return;
	}
	arg_text(args, request_param(rq, "project"));
	arg_text(args, request_param(rq, "model"));
	arg_bytes(args, ref.keys[0]);
	arg_text(args, ref.word);
	request_read(rq, STATEMENT_VERSIONS_GET_EXACT, shown_exact);
}

/* --- POST: a new draft --- */

struct fault_row {
	int32_t fault;
};

/* A parent that is not there, or not published: say which of the edges it was. */
static void refuse_parent(struct request *rq, const PGresult *res, bool missing)
{
	static const struct column columns[] = {NULLABLE(struct fault_row, fault, OID_INT4)};
	struct fault_row row = {0};

	if (reply_failed(rq, row_find(rq->arena, res, 0, COLUMNS(columns), &row)))
		return;
	reply_problem(
		rq, problem_at_pointer(rq->arena,
				       arena_printf(rq->arena, "/lineage/%d/version", row.fault),
				       missing ? "there is no such version that this token may see"
					       : "a parent must be published"));
}

static const char *location(struct request *rq, const char *version)
{
	return arena_printf(rq->arena, "%.*s/%s", (int)rq->target.path_len, rq->target.raw,
			    percent_text(rq->arena, version, strlen(version), ""));
}

static void created(struct request *rq, const PGresult *res)
{
	struct version v;
	const char *outcome;

	if (reply_failed(rq, outcome_read(rq, res, &outcome)))
		return;
	if (strcmp(outcome, "no_parent") == 0 || strcmp(outcome, "parent_not_published") == 0) {
		refuse_parent(rq, res, strcmp(outcome, "no_parent") == 0);
		return;
	}
	if (strcmp(outcome, "exists") == 0) {
		reply_problem(rq, problem(rq->arena, PROBLEM_CONFLICT,
					  "the model has this version already; build metadata does "
					  "not tell versions apart"));
		return;
	}
	if (outcome_refused(rq, outcome) || reply_failed(rq, version_read(rq->arena, res, 0, &v)))
		return;
	ticker_wake(&rq->loop->ticker);
	reply_etag(rq, reply_version_tag(rq, v.row_version));
	reply_header(rq, "Location", location(rq, v.version));
	show(rq, 201, &v);
}

static void read_created(struct request *rq)
{
	arg_uuid(request_args(rq), rq->state);
	request_read(rq, STATEMENT_VERSIONS_MADE, created);
}

/* Parents in projects that the caller may not read do not exist for the caller. */
static struct problem parents_visible(struct request *rq, const struct version_draft *d)
{
	for (size_t i = 0; i < d->nparents; i++)
		if (!roles_grant(rq->who.roles, d->parents[i].project, ACCESS_READ))
			return problem_at_pointer(
				rq->arena, d->parents[i].pointer,
				"there is no such version that this token may see");
	return NO_PROBLEM;
}

void version_create(struct request *rq)
{
	struct args *args = request_args(rq);
	unsigned char *id = arena_bytes(rq->arena, UUID_BYTES);
	struct version_draft d;

	if (reply_failed(rq, version_draft_read(rq->arena, rq->body, rq->body_len, &d)) ||
	    reply_failed(rq, parents_visible(rq, &d)))
		return;
	FAILPOINT(DRAFT_PARSED);
	uuid_new(id);
	arg_uuid(args, id);
	arg_text(args, request_param(rq, "project"));
	arg_text(args, request_param(rq, "model"));
	version_draft_args(args, &d);
	request_args_actor(rq);
	rq->state = id;
	request_mark_uuid(rq, id);
	request_write(rq, STATEMENT_VERSIONS_CREATE, request_param(rq, "model"), created,
		      read_created);
}

/* --- changes --- */

static void changed(struct request *rq, const PGresult *res)
{
	struct version v;
	const char *outcome;

	if (!outcome_good(rq, res, &outcome) ||
	    reply_failed(rq, version_read(rq->arena, res, 0, &v)))
		return;
	ticker_wake(&rq->loop->ticker);
	reply_etag(rq, reply_version_tag(rq, v.row_version));
	show(rq, 200, &v);
}

static void read_changed(struct request *rq)
{
	request_args(rq);
	if (!reply_failed(rq, version_ref_args(rq)))
		request_read(rq, STATEMENT_VERSIONS_GET, changed);
}

void version_patch(struct request *rq)
{
	struct args *args = request_args(rq);
	struct version_patch patch;
	struct condition match;

	if (reply_failed(rq, version_patch_read(rq->arena, rq->body, rq->body_len, &patch)) ||
	    reply_failed(rq, condition_of_change(rq, &match, NULL)) ||
	    reply_failed(rq, version_ref_args(rq)))
		return;
	arg_text(args, patch.description);
	arg_text(args, patch.params);
	arg_text(args, patch.tags);
	arg_match_versions(args, &match);
	request_args_actor(rq);
	request_write(rq, STATEMENT_VERSIONS_PATCH, request_param(rq, "model"), changed,
		      read_changed);
}

/* POST …/deprecate and …/yank: {"reason": "…"}. */
static void set_state(struct request *rq, const char *state)
{
	struct args *args = request_args(rq);
	struct reason_draft draft;
	struct condition match;

	if (reply_failed(rq, reason_draft_read(rq->arena, rq->body, rq->body_len, &draft)) ||
	    reply_failed(rq, condition_of_change(rq, &match, NULL)) ||
	    reply_failed(rq, version_ref_args(rq)))
		return;
	arg_text(args, state);
	arg_text(args, draft.reason);
	arg_match_versions(args, &match);
	request_args_actor(rq);
	request_write(rq, STATEMENT_VERSIONS_SET_STATE, request_param(rq, "model"), changed,
		      read_changed);
}

void version_deprecate(struct request *rq)
{
	set_state(rq, "deprecated");
}

void version_yank(struct request *rq)
{
	set_state(rq, "yanked");
}

/* DELETE of a draft; what was published stays. */
void version_discard(struct request *rq)
{
	struct args *args = request_args(rq);
	struct condition match;

	if (reply_failed(rq, condition_of_change(rq, &match, NULL)) ||
	    reply_failed(rq, version_ref_args(rq)))
		return;
	arg_match_versions(args, &match);
	request_args_actor(rq);
	request_write(rq, STATEMENT_VERSIONS_DISCARD, request_param(rq, "model"), outcome_deleted,
		      outcome_was_deleted);
}

/* --- the list --- */

struct version_ask {
	struct page page;
	unsigned char model_id[UUID_BYTES];
	struct args args;
	const struct statement *statement;
};

static void listed(struct request *rq, const PGresult *res)
{
	const struct page *page = &((const struct version_ask *)rq->state)->page;
	struct json_out j = json_out_new(rq->arena);
	int n = PQntuples(res), some = n < page->size ? n : page->size;

	page_open(&j);
	for (int i = 0; i < some; i++) {
		struct version v;

		if (reply_failed(rq, read_named(rq, res, i, &v)))
			return;
		version_write(&j, &v);
	}
	page_close(rq, &j, n > some, some ? query_key(rq->arena, res, some - 1) : "[]");
}

struct id_row {
	unsigned char id[UUID_BYTES];
};

static void model_known(struct request *rq, const PGresult *res)
{
	static const struct column columns[] = {COLUMN(struct id_row, id, OID_UUID)};
	struct version_ask *ask = rq->state;
	struct id_row row;

	if (PQntuples(res) == 0) {
		outcome_no_model(rq);
		return;
	}
	if (reply_failed(rq, row_find(rq->arena, res, 0, COLUMNS(columns), &row)))
		return;
	memcpy(ask->model_id, row.id, sizeof(row.id)); /* where the arguments point */
	*request_args(rq) = ask->args;
	request_statement(rq, ask->statement, listed);
}

/* The model is looked up first, for the planner must know which it is: of a model that a
 * subquery finds it can only think that it has as many versions as others have, and would
 * sort hundreds of thousands for a page. */
void version_list(struct request *rq)
{
	struct version_ask *ask = rq->state = arena_alloc(rq->arena, sizeof(*ask));
	struct args *args = request_args(rq);

	if (reply_failed(rq, page_read(rq, &ask->page)))
		return;
	arg_uuid(args, ask->model_id);
	if (reply_failed(rq, page_query(rq, &version_query, &ask->page, &ask->statement)))
		return;
	ask->args = *args;
	args = request_args(rq);
	arg_text(args, request_param(rq, "project"));
	arg_text(args, request_param(rq, "model"));
	request_read(rq, STATEMENT_MODELS_ID, model_known);
}
