#include "api/stages.h"

#include <stdio.h>
#include <string.h>

#include "api/admit.h"
#include "api/body.h"
#include "api/caller.h"
#include "api/flight.h"
#include "api/guard.h"
#include "api/loop.h"
#include "api/reply.h"
#include "api/trace.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/timestamp.h"

/* --- begin and end --- */

struct beginning {
	struct arena *arena;
	const char *raw_target;
	struct request *rq;
};

static void begin(void *what)
{
	struct beginning *b = what;
	const size_t len = strnlen(b->raw_target, TARGET_MAX + 1);
	struct request *rq = arena_alloc(b->arena, sizeof(*rq));

	rq->raw_target = arena_dup(b->arena, b->raw_target, len);
	rq->arena = b->arena;
	b->rq = rq;
}

struct request *stages_begin(struct loop *loop, const char *raw_target, struct MHD_Connection *c)
{
	struct beginning b = {loop_arena(loop), raw_target, NULL};

	if (!b.arena)
		return NULL;
	if (!guard_began(b.arena, begin, &b)) {
		loop_arena_back(loop, b.arena);
		return NULL;
	}
	b.rq->loop = loop;
	b.rq->conn = c;
	b.rq->started_us = monotonic_us();
	loop->requests++;
	return b.rq;
}

static void account(struct request *rq)
{
	int64_t took = monotonic_us() - rq->started_us;

	metrics_request(&rq->loop->metrics, rq->route, rq->status, took);
	if (log_threshold < LOG_INFO)
		return;
	log_collect(&rq->loop->log, LOG_INFO, "request",
		    (const struct log_field[]){
			    LOG_TEXT("request_id", rq->id),
			    LOG_TEXT("trace_id", rq->trace_id),
			    LOG_TEXT("span_id", rq->span_id),
			    LOG_TEXT("method", rq->method < METHOD_COUNT ? method_names[rq->method]
					       : rq->method == METHOD_HEAD ? "HEAD"
									   : "OTHER"),
			    LOG_TEXT("route", rq->route ? rq->route->pattern : NULL),
			    LOG_INT("status", rq->status),
			    LOG_SECONDS("duration_s", took),
			    LOG_TEXT("principal", rq->who.principal),
			    {0},
		    });
}

void stages_end(struct request *rq)
{
	struct loop *loop = rq->loop;

	if (rq->began)
		account(rq);
	if (rq->response && !rq->prepared)
		MHD_destroy_response(rq->response);
	loop->requests--;
	loop_arena_back(loop, rq->arena);
}

/* --- the head --- */

static void refuse_method(struct request *rq, unsigned allowed)
{
	char list[80] = "";

	for (enum method m = 0; m < METHOD_COUNT; m++) {
		if (!(allowed & 1U << m))
			continue;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s%s",
			 *list ? ", " : "", method_names[m], m == METHOD_GET ? ", HEAD" : "");
	}
	snprintf(list + strlen(list), sizeof(list) - strlen(list), ", OPTIONS");
	const char *allow = arena_dup(rq->arena, list, strlen(list));
	reply_header(rq, "Allow", allow);
	if (rq->method == METHOD_OPTIONS)
		reply_empty(rq, 204);
	else
		reply_problem(rq, problem(rq->arena, PROBLEM_METHOD_NOT_ALLOWED,
					  "this resource knows %s", allow));
}

static void admitted(struct request *rq)
{
	rq->stage = rq->route->body == BODY_NONE ? STAGE_HANDLE : STAGE_BODY;
	if (rq->route->body == BODY_NONE)
		rq->route->handle(rq);
	else if (rq->route->begin)
		rq->route->begin(rq);
}

/* A project that the caller has no role in does not exist for the caller. */
static void authorise(struct request *rq)
{
	const char *project = request_param(rq, "project");
	enum access wanted = rq->route->access;

	if (roles_grant(rq->who.roles, project, wanted)) {
		admitted(rq);
		return;
	}
	if (project && !roles_grant(rq->who.roles, project, ACCESS_READ))
		reply_problem(rq, problem(rq->arena, PROBLEM_NOT_FOUND,
					  "there is no project \"%s\" that this token may see",
					  project));
	else
		reply_problem(rq, problem(rq->arena, PROBLEM_FORBIDDEN,
					  "the roles of %s do not allow this", rq->who.principal));
}

static void match(struct request *rq, const struct head *head)
{
	struct match_result m = route_match(rq->arena, rq->method, &rq->target);

	if (m.match == MATCH_NONE) {
		reply_problem(rq,
			      problem(rq->arena, PROBLEM_NOT_FOUND, "no resource has this path"));
		return;
	}
	if (m.match == MATCH_PATH || rq->method == METHOD_OPTIONS) {
		refuse_method(rq, m.allowed);
		return;
	}
	FAILPOINT(ROUTE_FOUND);
	rq->route = m.route;
	memcpy(rq->params, m.params, sizeof(rq->params));
	if (reply_failed(rq, admit_route(rq, head)))
		return;
	if (rq->route->access == ACCESS_OPEN)
		admitted(rq);
	else
		caller_find(rq, authorise);
}

static void open_request(struct request *rq)
{
	struct head head;

	FAILPOINT(HEAD_IN);
	rq->method = method_read(rq->now.method);
	struct problem p = admit_head(rq, rq->now.method, rq->now.version, &head);
	trace_begin(rq, head.traceparent);
	if (p.code != PROBLEM_NONE) {
		rq->close = true;
		reply_problem(rq, p);
		return;
	}
	body_announce(rq, &head);
	p = target_read(rq->arena, rq->raw_target, &rq->target);
	if (!reply_failed(rq, p))
		match(rq, &head);
}

/* --- what libmicrohttpd calls --- */

static void handle(struct request *rq)
{
	FAILPOINT(BODY_WHOLE);
	rq->stage = STAGE_HANDLE;
	rq->route->handle(rq);
}

static enum MHD_Result send_reply(struct request *rq)
{
	const enum MHD_Result queued = MHD_queue_response(rq->conn, rq->status, rq->response);

	FAILPOINT(REPLY_QUEUED);
	return queued;
}

/* libmicrohttpd makes its first call again when the connection was suspended in it.
 * A reply queued here closes the connection (it is taken as a word that the body is
 * not wanted), so the others wait for the last call. */
static enum MHD_Result head_call(struct request *rq, const char *method, const char *version)
{
	if (!rq->began) {
		rq->began = true;
		rq->now = (struct moment){.method = method, .version = version};
		guarded(rq, open_request);
	}
	if (rq->waiting)
		return request_pause(rq);
	rq->past_head = true;
	return rq->response && body_unwanted(rq) ? send_reply(rq) : MHD_YES;
}

/* Called by libmicrohttpd over and over: when the head is in, for each piece of the
 * body, when the body is whole, and after each resume. */
enum MHD_Result stages_access(struct request *rq, const char *method, const char *version,
			      const char *data, size_t *size)
{
	if (!rq->past_head)
		return head_call(rq, method, version);
	if (*size > 0)
		return body_take(rq, data, size);
	if (rq->stage == STAGE_BODY && !rq->response && !rq->waiting)
		guarded(rq, handle);
	if (rq->waiting) /* even with a reply: what is on its way still uses the request */
		return request_pause(rq);
	if (!rq->response)
		guarded(rq, reply_forgotten);
	return send_reply(rq);
}
