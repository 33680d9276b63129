/* request.h - one HTTP request from its first line to its last byte.
 *
 * A handler reads the request, submits one statement (or job, or signature)
 * and returns; the callback it named turns the result into a reply. There is at
 * most one thing on its way per request, the connection is suspended meanwhile,
 * and everything the request holds lives in its arena.
 *
 *	static void show_reply(struct request *rq, const PGresult *res) { … reply_json(…); }
 *	void model_show(struct request *rq)
 *	{
 *		struct args *args = request_args(rq);
 *		arg_text(args, request_param(rq, "project"));
 *		request_read(rq, STATEMENT_MODELS_GET, show_reply);
 *	}
 *
 * A callback that neither replies nor submits anything is a bug, answered 500.
 * When the arena is full the handler is left at once and the reply is 503.
 */
#ifndef HALLMARK_API_REQUEST_H
#define HALLMARK_API_REQUEST_H

#include <jansson.h>
#include <libpq-fe.h>
#include <microhttpd.h>

#include "api/identity.h"
#include "api/route.h"
#include "api/target.h"
#include "base/jobs.h"
#include "base/json_out.h"
#include "base/problem.h"
#include "registry/signer.h"
#include "sql/db.h"

struct loop;
struct peer;

enum stage {
	STAGE_HEAD,   /* framing, route and identity are being looked at */
	STAGE_BODY,   /* admitted; the body is coming in */
	STAGE_HANDLE, /* the body is whole: the handler has run or is running */
};

enum { REPLY_HEADERS = 16, REQUEST_ID = 65 };

struct reply_header {
	const char *name, *value;
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
	struct word params[ROUTE_PARAMS];
	struct identity who;
	char id[REQUEST_ID]; /* X-Request-Id */
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

	/* What is on its way: one at a time. */
	struct args args;
	struct db_call call;
	request_rows_fn *on_rows;
	struct job job;
	request_fn *on_work, *on_done;
	bool job_left;                /* the arena was full in on_work() */
	struct request *next_waiting; /* of the keyring */
	void *state;                  /* the handler's own, in the arena */

	/* The answer. */
	unsigned status;
	struct MHD_Response *response; /* NULL until there is one */
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

/* --- what to do: each returns at once, the callback comes later --- */

struct args *request_args(struct request *rq); /* empty; for the next statement */
void request_read(struct request *rq, enum statement_id id, request_rows_fn *on_rows);
void request_statement(struct request *rq, const struct statement *s, request_rows_fn *on_rows);
/* busy_on: what others may wait for, such as the model's name; NULL: nothing. */
void request_write(struct request *rq, enum statement_id id, const char *busy_on,
		   request_rows_fn *on_rows);
/* work runs on a pool thread and may use the request and its arena, but not reply; done
 * runs on the loop. The handler touches neither after this. */
void request_job(struct request *rq, request_fn *work, request_fn *done);

/* For other things that call back: begin before they are submitted, and end in
 * their callback with the function that goes on. */
void request_wait(struct request *rq);
void request_continue(struct request *rq, request_fn *then);

/* Every write function's last two parameters: who does it, in which request. */
void request_args_actor(struct request *rq);

/* --- used by the loop --- */
struct request *request_new(struct loop *loop, const char *raw_target, struct MHD_Connection *c);
enum MHD_Result request_access(struct request *rq, const char *method, const char *version,
			       const char *data, size_t *size);
void request_free(struct request *rq);

#endif
