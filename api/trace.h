/* trace.h - the ids by which a request is found again in logs elsewhere.
 *
 * X-Request-Id is taken from the client when it is 1-64 of [A-Za-z0-9._-], else
 * made. traceparent follows W3C Trace Context: the trace id is taken over, the
 * span id is our own; what is malformed starts a new trace and fails nothing.
 * Both go out with the reply and into the log.
 */
#ifndef HALLMARK_API_TRACE_H
#define HALLMARK_API_TRACE_H

#include <stdbool.h>

struct request;

/* traceparent: the header's value when there was exactly one, else NULL. */
void trace_begin(struct request *rq, const char *traceparent);
/* The traceparent that we answer with. */
enum { TRACE_PARENT = 56 };
void trace_parent(const struct request *rq, char s[TRACE_PARENT]);

/* The rules by themselves. trace_id is set only when the value is well-formed. */
bool trace_parent_read(const char *traceparent, char trace_id[33]);
bool trace_request_id_fits(const char *id);

#endif
