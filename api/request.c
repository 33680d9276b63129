#include "api/request.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "api/admit.h"
#include "api/loop.h"
#include "api/reply.h"
#include "api/trace.h"
#include "base/draft.h"
#include "base/json_memory.h"
#include "base/owner.h"
#include "base/timestamp.h"

/* How much of a refused body is still read, so that a client which writes first and
 * reads later hears the refusal instead of a broken pipe. libmicrohttpd takes no reply
 * in the middle of a body: an upload that fails there is read on for longer (and see
 * last_words). */
enum { POLITE_BYTES = 256 * 1024, POLITE_UPLOAD_BYTES = 64 * 1024 * 1024 };

/* --- leaving a handler whose arena is full --- */

/* Each thread's own: a job may begin before the handler that submitted it has returned. */
static _Thread_local jmp_buf *escape;

static void leave(void *who)
{
	(void)who;
	longjmp(*escape, 1); /* NOLINT(cert-err52-cpp): out of an arena of any depth */
}

/* False when the arena was full and fn was left. */
static bool ran(struct request *rq, request_fn *fn)
{
	jmp_buf here;
	jmp_buf *const outer = escape;
	struct arena *const json = json_use_arena(rq->arena);
	bool left = false;

	escape = &here;
	if (setjmp(here) == 0) /* NOLINT(cert-err52-cpp) */
		fn(rq);
	else
		left = true;
	escape = outer;
	json_use_arena(json);
	return !left;
}

static void guarded(struct request *rq, request_fn *fn)
{
	if (!ran(rq, fn))
		reply_full(rq);
}

/* --- begin and end --- */

struct request *request_new(struct loop *loop, const char *raw_target, struct MHD_Connection *c)
{
	struct arena *arena = loop_arena(loop);

	if (!arena)
		return NULL;
	/* The arena is empty here and its limit far above: this cannot leave. */
	struct request *rq = arena_alloc(arena, sizeof(*rq));
	rq->loop = loop;
	rq->arena = arena;
	rq->conn = c;
	rq->raw_target = arena_dup(arena, raw_target, strnlen(raw_target, TARGET_MAX + 1));
	rq->started_us = monotonic_us();
	arena_on_full(arena, leave, rq);
	loop->requests++;
	return rq;
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

void request_free(struct request *rq)
{
	struct loop *loop = rq->loop;

	if (rq->began)
		account(rq);
	if (rq->response && rq->response != loop->full)
		MHD_destroy_response(rq->response);
	loop->requests--;
	loop_arena_back(loop, rq->arena);
}

/* --- what was asked --- */

const char *request_param(const struct request *rq, const char *name)
{
	int i = route_param(rq->route, name);

	return i < 0 ? NULL : rq->params[i].text;
}

const char *request_query(const struct request *rq, const char *name)
{
	return target_query(&rq->target, name);
}

const char *request_header(const struct request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->conn, MHD_HEADER_KIND, name);
}

struct problem request_json(struct request *rq, json_t **out)
{
	return draft_parse(rq->arena, rq->body ? rq->body : "", rq->body_len, out);
}

/* --- what is on its way --- */

void request_wait(struct request *rq)
{
	rq->waiting = true;
}

/* libmicrohttpd calls request_access() again for a resumed connection, which
 * then finds the reply, or goes on with the body. */
static void wake(struct request *rq)
{
	if (!rq->suspended || rq->waiting)
		return;
	rq->suspended = false;
	rq->loop->daemon_ready = true;
	MHD_resume_connection(rq->conn);
}

static void forgot(struct request *rq)
{
	log_line(LOG_ERROR, "handler_without_reply",
		 LOG_TEXT("route", rq->route ? rq->route->pattern : NULL),
		 LOG_TEXT("request_id", rq->id));
	reply_problem(rq, problem(rq->arena, PROBLEM_INTERNAL, "no reply was made"));
}

void request_continue(struct request *rq, request_fn *then)
{
	rq->waiting = false;
	if (!rq->response) /* the handler that submitted it may have been left since */
		guarded(rq, then);
	if (rq->stage == STAGE_HANDLE && !rq->waiting && !rq->response)
		guarded(rq, forgot);
	wake(rq);
}

struct args *request_args(struct request *rq)
{
	rq->args = args_new(rq->arena);
	return &rq->args;
}

void request_args_actor(struct request *rq)
{
	arg_text(&rq->args, rq->who.principal);
	arg_text(&rq->args, rq->id);
}

static void rows_deliver(struct request *rq)
{
	if (!reply_failed(rq, rq->now.problem))
		rq->on_rows(rq, rq->now.res);
}

static void on_statement(struct db_call *call, const PGresult *res, struct problem p)
{
	struct request *rq = OWNER_OF(call, struct request, call);

	rq->now = (struct moment){.res = res, .problem = p};
	request_continue(rq, rows_deliver);
}

static void submit(struct request *rq, const struct statement *s, uint64_t key,
		   request_rows_fn *on_rows)
{
	rq->on_rows = on_rows;
	rq->call = (struct db_call){
		.statement = s, .args = &rq->args, .key = key, .done = on_statement};
	rq->waiting = true;
	db_submit(rq->loop->db, &rq->call);
}

void request_read(struct request *rq, enum statement_id id, request_rows_fn *on_rows)
{
	submit(rq, &statements[id], 0, on_rows);
}

void request_statement(struct request *rq, const struct statement *s, request_rows_fn *on_rows)
{
	submit(rq, s, 0, on_rows);
}

/* FNV-1a: only says which writes may wait for each other. */
static uint64_t key_of(const char *project, const char *busy_on)
{
	uint64_t h = 14695981039346656037U;

	for (const char *p = project ? project : ""; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211U;
	h = (h ^ '/') * 1099511628211U;
	for (const char *p = busy_on; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211U;
	return h ? h : 1;
}

void request_write(struct request *rq, enum statement_id id, const char *busy_on,
		   request_rows_fn *on_rows)
{
	const char *project = request_param(rq, "project");

	submit(rq, &statements[id], busy_on ? key_of(project, busy_on) : 0, on_rows);
}

static void on_job_work(struct job *job)
{
	struct request *rq = OWNER_OF(job, struct request, job);

	rq->job_left = !ran(rq, rq->on_work);
}

static void job_deliver(struct request *rq)
{
	if (rq->job_left)
		reply_full(rq);
	else
		rq->on_done(rq);
}

static void on_job_done(struct job *job)
{
	struct request *rq = OWNER_OF(job, struct request, job);

	request_continue(rq, job_deliver);
}

void request_job(struct request *rq, request_fn *work, request_fn *done)
{
	rq->on_work = work;
	rq->on_done = done;
	rq->job = (struct job){.work = on_job_work, .done = on_job_done};
	rq->waiting = true;
	jobs_submit(rq->loop->service->jobs, rq->loop->mailbox, &rq->job);
}

/* --- the stages --- */

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

	rq->method = method_read(rq->now.method);
	struct problem p = admit_head(rq, rq->now.method, rq->now.version, &head);
	trace_begin(rq, head.traceparent);
	if (p.code != PROBLEM_NONE) {
		rq->close = true;
		reply_problem(rq, p);
		return;
	}
	rq->content_length = head.content_length;
	rq->long_body = head.chunked || head.content_length > POLITE_BYTES;
	p = target_read(rq->arena, rq->raw_target, &rq->target);
	if (!reply_failed(rq, p))
		match(rq, &head);
}

static void take_json(struct request *rq, const char *data, size_t size)
{
	size_t limit = rq->route->max_body ? rq->route->max_body
					   : (size_t)rq->loop->service->options.max_body;

	if (size > limit - rq->body_len) {
		reply_problem(rq, problem(rq->arena, PROBLEM_TOO_LARGE,
					  "at most %zu bytes of body are taken here", limit));
		return;
	}
	if (rq->body_room - rq->body_len < size + 1) {
		size_t room = (rq->body_len + size) * 2 + 1;
		char *body = arena_bytes(rq->arena, room);

		if (rq->body_len)
			memcpy(body, rq->body, rq->body_len);
		rq->body = body;
		rq->body_room = room;
	}
	memcpy((char *)rq->body + rq->body_len, data, size);
	rq->body_len += size;
	((char *)rq->body)[rq->body_len] = '\0';
}

static void take_stream(struct request *rq, const char *data, size_t size)
{
	const int64_t limit = rq->loop->service->options.max_upload;

	if (rq->body_total + (int64_t)size > limit) {
		reply_problem(rq, problem(rq->arena, PROBLEM_TOO_LARGE,
					  "at most %lld bytes are taken here", (long long)limit));
		return;
	}
	rq->taken = rq->route->piece(rq, data, size);
}

static void take_piece(struct request *rq)
{
	const struct moment piece = rq->now;

	if (rq->route->body == BODY_STREAM)
		take_stream(rq, piece.data, piece.size);
	else
		take_json(rq, piece.data, piece.size);
}

static void handle(struct request *rq)
{
	rq->stage = STAGE_HANDLE;
	rq->route->handle(rq);
}

static enum MHD_Result pause_if_waiting(struct request *rq)
{
	if (rq->waiting && !rq->suspended) {
		rq->suspended = true;
		MHD_suspend_connection(rq->conn);
	}
	return MHD_YES;
}

static enum MHD_Result send_reply(struct request *rq)
{
	return MHD_queue_response(rq->conn, rq->status, rq->response);
}

/* A client that waits for our word sends no body before it: the refusal costs nothing.
 * A body of any length would cost more than a new connection. */
static bool body_unwanted(const struct request *rq)
{
	const char *expect = request_header(rq, "Expect");

	return rq->close || rq->long_body || (expect && strcasecmp(expect, "100-continue") == 0);
}

/* libmicrohttpd takes no reply in the middle of a body. A refusal that is made there is
 * written past it, to a client that has heard nothing yet, and the connection ends. */
static void last_words(struct request *rq)
{
	struct arena *a = rq->arena;

	if (!rq->peer || !rq->refusal)
		return;
	const char *words = arena_printf(a,
					 "HTTP/1.1 %u %s\r\nConnection: close\r\n"
					 "Content-Type: application/problem+json\r\n"
					 "X-Content-Type-Options: nosniff\r\nX-Request-Id: %s\r\n"
					 "Content-Length: %zu\r\n\r\n%s",
					 rq->status, MHD_get_reason_phrase_for(rq->status), rq->id,
					 strlen(rq->refusal), rq->refusal);
	if (send(rq->peer->fd, words, strlen(words), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_line(LOG_DEBUG, "refusal_unheard", LOG_TEXT("request_id", rq->id));
}

static size_t polite_bytes(const struct request *rq)
{
	bool uploads = rq->stage == STAGE_BODY && rq->route->body == BODY_STREAM;

	return uploads ? POLITE_UPLOAD_BYTES : POLITE_BYTES;
}

static enum MHD_Result body_piece(struct request *rq, const char *data, size_t *size)
{
	if (rq->response) {
		rq->body_total += (int64_t)*size;
		rq->dropped += *size;
		*size = 0;
		if (rq->dropped <= polite_bytes(rq))
			return MHD_YES;
		guarded(rq, last_words);
		return MHD_NO;
	}
	rq->now = (struct moment){.data = data, .size = *size};
	rq->taken = *size;
	guarded(rq, take_piece);
	rq->body_total += (int64_t)rq->taken;
	*size -= rq->taken;
	return pause_if_waiting(rq);
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
		return pause_if_waiting(rq);
	rq->past_head = true;
	return rq->response && body_unwanted(rq) ? send_reply(rq) : MHD_YES;
}

/* Called by libmicrohttpd over and over: when the head is in, for each piece of the
 * body, when the body is whole, and after each resume. */
enum MHD_Result request_access(struct request *rq, const char *method, const char *version,
			       const char *data, size_t *size)
{
	if (!rq->past_head)
		return head_call(rq, method, version);
	if (*size > 0)
		return body_piece(rq, data, size);
	if (rq->stage == STAGE_BODY && !rq->response && !rq->waiting)
		guarded(rq, handle);
	if (rq->waiting) /* even with a reply: what is on its way still uses the request */
		return pause_if_waiting(rq);
	if (!rq->response)
		guarded(rq, forgot);
	return send_reply(rq);
}
