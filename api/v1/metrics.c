#include <string.h>

#include "api/flight.h"
#include "api/loop.h"
#include "api/outcome.h"
#include "api/page.h"
#include "api/reply.h"
#include "api/v1/handlers.h"
#include "api/v1/version_ref.h"
#include "registry/filter.h"
#include "registry/metric.h"
#include "registry/name.h"
#include "sql/row.h"

enum { NAMES_MAX = 50 };

/* names=a,b as a text[]; NULL when all are wanted. */
static struct problem names_args(struct request *rq)
{
	const char *names = request_query(rq, "names");
	struct filter_list list;

	if (!names) {
		arg_null(&rq->args);
		return NO_PROBLEM;
	}
	TRY(filter_names(rq->arena, "names", names, name_metric, NAMES_MAX, &list));
	arg_text_array(&rq->args, list.items, list.n);
	return NO_PROBLEM;
}

/* --- GET …/versions/{version}/metrics: where each series stands now, or every point --- */

struct listing {
	struct page page;
	int view;
};

static const char *const views[] = {"current", "points", NULL};

static void listed(struct request *rq, const PGresult *res)
{
	const struct listing *l = rq->state;
	struct json_out j = json_out_new(rq->arena), key = json_out_new(rq->arena);
	struct metric m = {0};
	const char *outcome;
	int n = PQntuples(res), some;

	if (!outcome_good(rq, res, &outcome) || !version_ref_served(rq, res))
		return;
	if (row_null(res, 0, "name"))
		n = 0; /* the version is there, a metric is not */
	some = l->view == 1 && n > l->page.size ? l->page.size : n;
	page_open(&j);
	for (int i = 0; i < some; i++) {
		if (reply_failed(rq, metric_read(rq->arena, res, i, &m)))
			return;
		metric_write(&j, &m);
	}
	jw_array(&key), jw_text(&key, m.name), jw_int(&key, m.arrival), jw_end_array(&key);
	page_close(rq, &j, n > some, jw_done(&key));
}

void metric_list(struct request *rq)
{
	struct listing *l = rq->state = arena_alloc(rq->arena, sizeof(*l));
	const char *view = request_query(rq, "view");
	struct args *args = request_args(rq);

	if ((view && reply_failed(rq, filter_word(rq->arena, "view", view, views, &l->view))) ||
	    reply_failed(rq, page_read(rq, &l->page)) || reply_failed(rq, version_ref_args(rq)))
		return;
	if (l->view == 0) {
		if (request_query(rq, "names"))
			reply_problem(rq, problem_at_parameter(rq->arena, "names",
							       "goes with view=points"));
		else
			request_read(rq, STATEMENT_METRICS_CURRENT, listed);
		return;
	}
	if (reply_failed(rq, names_args(rq)))
		return;
	arg_text(args, page_after_text(&l->page, 0, ""));
	arg_int8(args, page_after_int(&l->page, 1, 0));
	arg_int8(args, l->page.size + 1);
	request_read(rq, STATEMENT_METRICS_LIST, listed);
}

/* --- POST …/versions/{version}/metrics: {"metrics": […]} --- */

static void tell_added(struct request *rq)
{
	const struct metric_list_draft *draft = rq->state;
	struct json_out j = json_out_new(rq->arena);

	ticker_wake(&rq->loop->ticker);
	jw_object(&j);
	jw_key(&j, "added"), jw_int(&j, (int64_t)draft->n);
	jw_end_object(&j);
	reply_json(rq, 201, &j);
}

static void added(struct request *rq, const PGresult *res)
{
	const char *outcome;

	if (outcome_good(rq, res, &outcome))
		tell_added(rq);
}

void metric_add(struct request *rq)
{
	struct metric_list_draft *draft = rq->state = arena_alloc(rq->arena, sizeof(*draft));
	struct args *args = request_args(rq);

	if (reply_failed(rq, metric_list_draft_read(rq->arena, rq->body, rq->body_len, draft)) ||
	    reply_failed(rq, version_ref_args(rq)))
		return;
	arg_text(args, draft->json);
	request_args_actor(rq);
	request_write(rq, STATEMENT_METRICS_ADD, request_param(rq, "model"), added, tell_added);
}

/* --- GET …/metrics?names=accuracy: the series over a model's versions --- */

struct series_row {
	const char *version, *state;
	int64_t ordinal, created_at, published_at;
};

static const struct column series_columns[] = {
	COLUMN(struct series_row, version, OID_TEXT),
	COLUMN(struct series_row, state, OID_TEXT),
	COLUMN(struct series_row, ordinal, OID_INT8),
	COLUMN(struct series_row, created_at, OID_TIMESTAMPTZ),
	NULLABLE(struct series_row, published_at, OID_TIMESTAMPTZ),
};

static void open_version(struct json_out *j, const struct series_row *v)
{
	jw_object(j);
	jw_key(j, "version"), jw_text(j, v->version);
	jw_key(j, "ordinal"), jw_int(j, v->ordinal);
	jw_key(j, "state"), jw_text(j, v->state);
	jw_key(j, "created_at"), jw_time(j, v->created_at);
	jw_key(j, "published_at"), jw_time(j, v->published_at);
	jw_key(j, "metrics");
	jw_array(j);
}

static void close_version(struct json_out *j)
{
	jw_end_array(j);
	jw_end_object(j);
}

/* Rows come version by version, a row for each of its series. */
static void series_shown(struct request *rq, const PGresult *res)
{
	const struct page *page = rq->state;
	struct json_out j = json_out_new(rq->arena), key = json_out_new(rq->arena);
	struct series_row v = {0};
	const char *outcome;
	int versions = 0, i = 0, n = PQntuples(res);
	int64_t last = 0;

	if (!outcome_good(rq, res, &outcome))
		return;
	if (row_null(res, 0, "ordinal"))
		n = 0;
	page_open(&j);
	for (; i < n; i++) {
		struct metric m;

		if (reply_failed(rq, row_find(rq->arena, res, i, COLUMNS(series_columns), &v)) ||
		    reply_failed(rq, metric_read(rq->arena, res, i, &m)))
			return;
		if (v.ordinal != last) {
			if (versions == page->size)
				break;
			if (versions++)
				close_version(&j);
			open_version(&j, &v);
			last = v.ordinal;
		}
		metric_write(&j, &m);
	}
	if (versions)
		close_version(&j);
	jw_array(&key), jw_int(&key, last), jw_end_array(&key);
	page_close(rq, &j, i < n, jw_done(&key));
}

void metric_series(struct request *rq)
{
	struct page *page = rq->state = arena_alloc(rq->arena, sizeof(*page));
	struct args *args = request_args(rq);

	if (reply_failed(rq, page_read(rq, page)))
		return;
	arg_text(args, request_param(rq, "project"));
	arg_text(args, request_param(rq, "model"));
	if (reply_failed(rq, names_args(rq)))
		return;
	arg_int8(args, page_after_int(page, 0, 0));
	arg_int8(args, page->size + 1);
	request_read(rq, STATEMENT_METRICS_SERIES, series_shown);
}
