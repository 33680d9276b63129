/* event.h - one change of state, as everyone who follows the registry sees it. */
#ifndef HALLMARK_REGISTRY_EVENT_H
#define HALLMARK_REGISTRY_EVENT_H

#include "base/json_out.h"
#include "sql/row.h"

struct event {
	int64_t position;       /* its place in the one order of all events, from 1 without gaps */
	const char *request_id; /* NULL when no request asked for it */
	const char *body;       /* a JSON object, made once by the function that made the change */
};

struct problem event_read(struct arena *a, const PGresult *res, int row,
			  struct event *out) MUST_CHECK;

/* {"position", "request_id", and the members of the body: "kind", "actor", "at", "project",
 * "subject", "before", "after"}. The body's bytes are in it as they are, but its braces. */
void event_write(struct json_out *j, const struct event *e);

#endif
