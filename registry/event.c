#include "registry/event.h"

#include <string.h>

static const struct column columns[] = {
	COLUMN(struct event, position, OID_INT8),
	NULLABLE(struct event, request_id, OID_TEXT),
	COLUMN(struct event, body, OID_TEXT),
};

struct problem event_read(struct arena *a, const PGresult *res, int row, struct event *out)
{
	*out = (struct event){0};
	TRY(row_find(a, res, row, COLUMNS(columns), out));
	const size_t len = strlen(out->body);
	if (len < 3 || out->body[0] != '{' || out->body[len - 1] != '}')
		return problem(a, PROBLEM_INTERNAL, "the body of event %lld is no object",
			       (long long)out->position);
	return NO_PROBLEM;
}

void event_write(struct json_out *j, const struct event *e)
{
	jw_object(j);
	jw_key(j, "position"), jw_int(j, e->position);
	jw_key(j, "request_id"), jw_text(j, e->request_id);
	jw_raw(j, e->body + 1, strlen(e->body) - 2);
	jw_end_object(j);
}
