/* request.h - one HTTP request: what was asked, where it stands, what it waits for, its answer.
 *
 * Everything that it holds lives in its arena. Handlers read what was asked through
 * the functions below; what they do next is in api/flight.h (ask the database, run a
 * job) and api/reply.h (answer).
 */
#ifndef HALLMARK_API_REQUEST_H
#define HALLMARK_API_REQUEST_H

#include <jansson.h>
#include <libpq-fe.h>
#include <microhttpd.h>

#include "api/keyring.h"
#include "api/route.h"
#include "api/target.h"
#include "base/jobs.h"
#include "base/json_out.h"
#include "base/problem.h"
#include "registry/role.h"
#include "sql/db.h"

struct loop;
struct peer;
struct readback;
struct signing;

enum stage {
	STAGE_HEAD,   /* framing, route and identity are being looked at */
	STAGE_BODY,   /* admitted; the body is coming in */
	STAGE_HANDLE, /* the body is whole: the handler has run or is running */
};

enum { REPLY_HEADERS = 16, REQUEST_ID = 65 };

struct reply_header {
	const char *name, *value;
};

/* Who asks. */
struct identity {
	const char *principal; /* NULL: nobody */
	const struct roles *roles;
};

typedef void request_fn(struct request *rq);
typedef void request_rows_fn(struct request *rq, const PGresult *res);

/* What a guarded call is about; set just before it, looked at only there. */
struct moment {
	const char *method, *version;
	const PGresult *res;
	struct problem problem;
	const char *data;
	size_t size;
};

struct request {
	struct loop *loop;
	struct MHD_Connection *conn;
	struct peer *peer;
	struct arena *arena;

	/* What was asked. */
	enum method method;
	const char *raw_target;
	struct target target;
	const struct route *route; /* NULL until matched */
	const char *media;         /* which of its media types the client takes best */
	struct word params[ROUTE_PARAMS];
	struct identity who;
	char id[REQUEST_ID]; /* X-Request-Id */
	bool own_id;         /* made here, so that no other request has it */
	char trace_id[33], span_id[17];
	const char *body; /* BODY_JSON: whole at STAGE_HANDLE, NUL after it */
	size_t body_len, body_room;
	int64_t content_length; /* announced, -1 when not */
	int64_t body_total;     /* bytes of the body that have come in, whatever became of them */

	/* Where it stands. */
	enum stage stage;
	bool began;     /* libmicrohttpd has made its first call */
	bool past_head; /* and will not make it again */
	bool waiting;   /* something is on its way that will call back */
	bool suspended; /* libmicrohttpd leaves the connection alone */
	int phase;      /* the watchdog's: 1 body, 2 reply */
	bool close;     /* nothing after this request may be read from the connection */
	size_t taken;   /* of the piece of the body that was handed on */
	bool long_body; /* announced, or of unknown length */
	size_t dropped; /* body bytes read only so that the client hears the refusal */
	int64_t started_us;
	struct moment now;

	/* What is on its way: one at a time (api/flight.h). */
	struct args args;
	struct db_call call;
	request_rows_fn *on_rows;
	request_fn *on_made; /* of a write; NULL: it is none */
	const char *mark;    /* what only this write leaves; NULL: nothing */
	const char *made;    /* its answer was lost: the kind of its event, such as model.created */
	struct readback *readback;
	bool outcome_unknown; /* a write may have been made, whatever the answer is */
	struct job job;
	request_fn *on_work, *on_done;
	bool job_left;           /* the arena was full in on_work() */
	struct signing *signing; /* what is being signed */
	bool changed;            /* a statement of those that change something was answered */
	struct keyring_wait renewal;
	void *state; /* the handler's own, in the arena */

	/* The answer. */
	unsigned status;
	struct MHD_Response *response; /* NULL until there is one */
	bool prepared;                 /* it is the loop's (api/reply.h) */
	const char *refusal;           /* the document of a problem */
	int nheaders;
	struct reply_header headers[REPLY_HEADERS];
};

/* --- what was asked --- */

/* A {name} of the route's pattern, decoded; the name must be the route's. */
const char *request_param(const struct request *rq, const char *name);
const char *request_query(const struct request *rq, const char *name); /* NULL: absent */
const char *request_header(const struct request *rq, const char *name);

/* The body as JSON, in the arena; a problem says where it is broken. */
struct problem request_json(struct request *rq, json_t **out) MUST_CHECK;

#endif
