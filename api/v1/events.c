#include "api/flight.h"
#include "api/page.h"
#include "api/reply.h"
#include "api/v1/empty_list.h"
#include "api/v1/handlers.h"
#include "registry/event.h"
#include "registry/event_query.h"

static void listed(struct request *rq, const PGresult *res)
{
	const struct page *page = rq->state;
	struct json_out j = json_out_new(rq->arena);
	int n = PQntuples(res), shown = n < page->size ? n : page->size;

	if (n == 0 && request_param(rq, "project")) {
		empty_list_of_project(rq);
		return;
	}
	page_open(&j);
	for (int i = 0; i < shown; i++) {
		struct event event;

		if (reply_failed(rq, event_read(rq->arena, res, i, &event)))
			return;
		event_write(&j, &event);
	}
	page_close(rq, &j, n > shown, shown ? query_key(rq->arena, res, shown - 1) : "[]");
}

/* GET /api/v1/events of the registry, or of one project; newest first. */
void event_list(struct request *rq)
{
	struct page *page = rq->state = arena_alloc(rq->arena, sizeof(*page));
	const char *project = request_param(rq, "project");
	struct args *args = request_args(rq);
	const struct statement *statement;

	if (reply_failed(rq, page_read(rq, page)))
		return;
	arg_text(args, project);
	arg_text(args, project);
	if (!reply_failed(rq, page_query(rq, &event_query, page, &statement)))
		request_statement(rq, statement, listed);
}
