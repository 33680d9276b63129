/* route.h - the HTTP surface in one table: routing, authorisation, limits, docs.
 *
 * A pattern is literal segments and {names}; a last {name...} takes the rest of
 * the path. 404, 405 with Allow, 406, HEAD, OPTIONS, the access check, body limits,
 * unknown query parameters, metrics and the access log all follow from the row.
 * A test compares the table with api/openapi.yaml, both ways.
 */
#ifndef HALLMARK_API_ROUTE_H
#define HALLMARK_API_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/target.h"
#include "registry/role.h"

struct request;

enum method {
	METHOD_GET,
	METHOD_POST,
	METHOD_PUT,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_COUNT, /* the rest never stands in a row */
	METHOD_HEAD,
	METHOD_OPTIONS,
	METHOD_OTHER,
};
extern const char *const method_names[METHOD_COUNT];
enum method method_read(const char *name);

enum { ROUTE_PARAMS = 4, ROUTE_SEGMENTS = 16, ROUTE_QUERY = 20 };

/* How a row wants its body. */
enum body_kind {
	BODY_NONE,   /* a body is refused */
	BODY_JSON,   /* collected, at most the row's limit, then handle() */
	BODY_STREAM, /* begin() first, then piece() for every piece, then handle() */
};

struct route {
	enum method method;
	const char *pattern;
	enum access access;
	enum body_kind body;
	size_t max_body; /* 0: the service's setting for JSON, no limit here for streams */
	const char *query[ROUTE_QUERY]; /* parameters it knows; "name*" may come several times */
	/* What it answers with, the preferred first, NULL at the end (api/accept.h): 406 when the
	 * client takes none. NULL: nothing, or something that only the handler knows. */
	const char *const *media;
	void (*handle)(struct request *rq);
	void (*begin)(struct request *rq);
	/* Says how much it took. Less than all means that something is on its way: the rest is
	 * offered again after that. */
	size_t (*piece)(struct request *rq, const char *data, size_t size);
};

extern const struct route routes[];
extern const int route_count;

enum match { MATCH_NONE, MATCH_PATH, MATCH_FULL }; /* 404, 405, found */

/* Words of the path behind the row's {names}, in their order. */
struct match_result {
	enum match match;
	const struct route *route; /* MATCH_FULL; HEAD finds the GET row */
	unsigned allowed;          /* bit per enum method that the path knows */
	struct word params[ROUTE_PARAMS];
};

void routes_prepare(void); /* once, before the first match: splits the patterns */
struct match_result route_match(struct arena *a, enum method method, const struct target *t);

/* The place of a {name} among the row's parameters; -1 when it has none. */
int route_param(const struct route *r, const char *name);

#endif
