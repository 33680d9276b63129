#include <string.h>

#include "api/openapi.h"
#include "api/reply.h"
#include "api/v1/handlers.h"

/* GET /openapi.json: api/openapi.yaml as it was when the service was built. */
void openapi_show(struct request *rq)
{
	reply_header(rq, "Cache-Control", "no-cache");
	reply_text(rq, 200, "application/json", openapi_json, openapi_json_len);
}

static void write_kind(struct json_out *j, const struct problem_kind *k)
{
	jw_object(j);
	jw_key(j, "type"), jw_text(j, arena_printf(j->arena, "/problems/%s", k->type));
	jw_key(j, "title"), jw_text(j, k->title);
	jw_key(j, "status"), jw_int(j, k->status);
	jw_end_object(j);
}

/* GET /problems/{type}: where the "type" of a problem leads. */
void problem_show(struct request *rq)
{
	const char *type = request_param(rq, "type");

	for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
		if (strcmp(problem_kinds[i].type, type) != 0)
			continue;
		struct json_out j = json_out_new(rq->arena);

		write_kind(&j, &problem_kinds[i]);
		reply_json(rq, 200, &j);
		return;
	}
	reply_problem(rq, problem(rq->arena, PROBLEM_NOT_FOUND, "there is no such problem type"));
}

/* GET /problems: all of them. */
void problem_list(struct request *rq)
{
	struct json_out j = json_out_new(rq->arena);

	jw_object(&j);
	jw_key(&j, "items");
	jw_array(&j);
	for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++)
		write_kind(&j, &problem_kinds[i]);
	jw_end_array(&j);
	jw_end_object(&j);
	reply_json(rq, 200, &j);
}
