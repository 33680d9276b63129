/* admit.h - what libmicrohttpd lets through and we do not.
 *
 * libmicrohttpd 0.9.75 accepts messages that other software frames differently
 * (request smuggling), even in its strict mode. Before anything else looks at
 * a request, its head is held against RFC 9112: the method and the field names
 * are tokens, values hold no control characters and stand in one line, there is exactly one Host,
 * which could be one, at most one Content-Length and one Transfer-Encoding and never both, the only
 * transfer coding is "chunked" on HTTP/1.1, and at most one Authorization. A refusal closes the
 * connection: where the frame is a lie nothing behind it can be trusted.
 *
 * One shape cannot be seen: a head that ends with ":" alone between a bare LF and a CRLF, whichever
 * comes first. What stands behind is read as the body, or as the next request. A client gains
 * nothing by it that it could not say plainly. Requests of others are within its reach only
 * through a proxy that sends on, in one head, a bare LF (RFC 9112 §2.1 has CRLF) and a field
 * without a name (§5 has none).
 */
#ifndef HALLMARK_API_ADMIT_H
#define HALLMARK_API_ADMIT_H

#include "api/request.h"

/* What the head said, for what comes after. */
struct head {
	int hosts, lengths, codings, parents, authorizations;
	bool bad_name, bad_value, folded, cut_short;
	bool accepts;     /* an Accept header, or several */
	const char *last; /* where the last value ends */
	const char *host, *coding;
	const char *length;
	const char *expect;
	const char *traceparent; /* NULL unless there is exactly one */
	bool chunked;
	int64_t content_length; /* -1: none said */
};

struct problem admit_head(struct request *rq, const char *method, const char *version,
			  struct head *head) MUST_CHECK;

/* Query, body, and what the client accepts, against the route's row. Sets rq->media. */
struct problem admit_route(struct request *rq, const struct head *head) MUST_CHECK;

#endif
