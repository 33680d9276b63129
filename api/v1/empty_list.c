#include "api/v1/empty_list.h"

#include "api/flight.h"
#include "api/outcome.h"
#include "api/page.h"

static void reply_empty_page(struct request *rq)
{
	struct json_out j = json_out_new(rq->arena);

	page_open(&j);
	page_close(rq, &j, false, "[]");
}

static void project_asked(struct request *rq, const PGresult *res)
{
	if (PQntuples(res) == 0)
		outcome_refused(rq, "no_project");
	else
		reply_empty_page(rq);
}

void empty_list_of_project(struct request *rq)
{
	arg_text(request_args(rq), request_param(rq, "project"));
	request_read(rq, STATEMENT_PROJECTS_GET, project_asked);
}
