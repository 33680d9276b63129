/* Whole requests, of somebody who may do everything: head, route, query and body as the service
 * itself reads them, up to what its handler asks the database, which is away. What is asked fits
 * the statement: so many parameters, each of its type, texts that PostgreSQL takes. What is
 * answered is a problem document, or JSON. */
#include <microhttpd.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/admit.h"
#include "api/flight.h"
#include "api/guard.h"
#include "api/loop.h"
#include "api/reply.h"
#include "api/trace.h"
#include "base/json_in.h"
#include "base/json_memory.h"
#include "base/log.h"
#include "base/utf8.h"
#include "sql/oid.h"
#include "tests/unit/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const unsigned char key[32] = "a key that no installation has";
static struct service service = {.options = {.max_body = 8192, .max_upload = 8192, .page_key = key},
				 .nloops = 1};
static struct loop loop = {.service = &service, .random = {1, 2}};
static struct roles everything;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	if (sodium_init() < 0 || !roles_add(&everything, "*", "admin"))
		abort();
	log_threshold = LOG_ERROR;
	routes_prepare();
	service.loops[0] = &loop;
	loop.poller = poller_new();
	loop.lists = list_cache_new(STATEMENT_COUNT, 64);
	return 0;
}

static void must(bool good)
{
	if (!good)
		abort();
}

/* ---- what is asked ---- */

static size_t width(unsigned type)
{
	switch (type) {
	case OID_BOOL:
		return 1;
	case OID_INT4:
		return 4;
	case OID_INT8:
	case OID_FLOAT8:
	case OID_TIMESTAMPTZ:
		return 8;
	case OID_UUID:
		return 16;
	default:
		return 0; /* any */
	}
}

static bool is_text(unsigned type)
{
	return type == OID_TEXT || type == OID_JSON || type == OID_JSONB;
}

static void check_array(const unsigned char *bytes, size_t len)
{
	must(len >= 12 && bytes[3] <= 1 && bytes[7] <= 1);
	must((len == 12) == (bytes[3] == 0));
}

static void check_parameter(struct arena *a, const struct args *args, int i, unsigned type)
{
	const char *value = args->value[i];
	json_t *tree;

	if (!value)
		return;
	must((args->format[i] == 0) == is_text(type));
	if (is_text(type)) {
		must(utf8_valid(value, strlen(value)));
		must(type == OID_TEXT ||
		     json_in(a, value, strlen(value), &tree).code == PROBLEM_NONE);
	} else if (width(type)) {
		must((size_t)args->length[i] == width(type));
	} else if (type != OID_BYTEA) {
		check_array((const unsigned char *)value, (size_t)args->length[i]);
	}
}

static void check_asked(struct request *rq)
{
	const struct statement *s = rq->call.statement;

	must(s && rq->call.args == &rq->args && s->nparams == rq->args.n);
	for (int i = 0; i < s->nparams; i++)
		check_parameter(rq->arena, &rq->args, i, s->types[i]);
}

/* ---- what is answered ---- */

static void check_answer(const struct request *rq)
{
	json_t *document;

	must(rq->response && rq->status >= 200 && rq->status < 600);
	must(rq->status != 500 && rq->nheaders <= REPLY_HEADERS);
	for (int i = 0; i < rq->nheaders; i++)
		must(!strpbrk(rq->headers[i].value, "\r\n"));
	if (!rq->refusal)
		return;
	must(json_in(rq->arena, rq->refusal, strlen(rq->refusal), &document).code == PROBLEM_NONE);
	must(json_integer_value(json_object_get(document, "status")) == rq->status);
	must(json_string_length(json_object_get(document, "detail")) > 0);
}

/* ---- from the head to the handler ---- */

struct input {
	struct request rq;
	const char *body;
	size_t body_len;
};

static void run(struct request *rq)
{
	rq->stage = STAGE_HANDLE;
	if (rq->route->body == BODY_STREAM)
		rq->route->begin(rq);
	else
		rq->route->handle(rq);
}

static void read_request(struct request *rq)
{
	struct head head;

	rq->method = method_read(rq->now.method);
	struct problem p = admit_head(rq, rq->now.method, rq->now.version, &head);
	trace_begin(rq, head.traceparent);
	if (reply_failed(rq, p) ||
	    reply_failed(rq, target_read(rq->arena, rq->raw_target, &rq->target)))
		return;
	const struct match_result m = route_match(rq->arena, rq->method, &rq->target);
	if (m.match != MATCH_FULL)
		return;
	rq->route = m.route;
	rq->content_length = head.content_length;
	memcpy(rq->params, m.params, sizeof(rq->params));
	if (!reply_failed(rq, admit_route(rq, &head)))
		run(rq);
}

static void begin(void *what)
{
	struct input *in = what;

	in->rq.body = in->body;
	in->rq.body_len = in->body_len;
	in->rq.who = (struct identity){.principal = "somebody", .roles = &everything};
}

static void look(struct MHD_Connection *conn, const char *target, const char *method,
		 const char *version, void *who)
{
	struct input *in = who;
	struct request *rq = &in->rq;
	const struct db_options nowhere = {.conninfo = "host=/nonexistent/socket dbname=none",
					   .table = statements,
					   .ntable = STATEMENT_COUNT};

	rq->conn = conn;
	rq->raw_target = target;
	rq->now = (struct moment){.method = method, .version = version};
	must(guard_began(rq->arena, begin, in));
	loop.db = db_open(loop.poller, &nowhere);
	must(loop.db != NULL);
	guarded(rq, read_request);
	if (rq->waiting)
		check_asked(rq);
	db_close(loop.db); /* answers what was asked */
	loop.db = NULL;
}

/* The body is what stands behind the head. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(16 << 20);
	struct input in = {.rq = {.arena = a, .loop = &loop}};
	struct exchange x = {.look = look, .who = &in};

	if (size > 16384)
		size = 16384;
	char *head = arena_dup(a, (const char *)data, size);
	const char *end = memmem(head, size, "\r\n\r\n", 4);
	size_t len = end ? (size_t)(end - head) + 4 : size;
	in.body = head + len;
	in.body_len = size - len;
	const bool looked = exchange(head, len, &x);
	must(!looked || !in.rq.waiting);
	if (in.rq.response) {
		check_answer(&in.rq);
		MHD_destroy_response(in.rq.response);
	}
	arena_free(a);
	return 0;
}
