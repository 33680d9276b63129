#include "api/reply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/condition.h"
#include "api/loop.h"
#include "api/trace.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/text.h"

void reply_header(struct request *rq, const char *name, const char *value)
{
	if (rq->nheaders < REPLY_HEADERS)
		rq->headers[rq->nheaders++] = (struct reply_header){name, value};
}

void reply_etag(struct request *rq, const char *tag)
{
	const size_t len = strlen(tag);
	char *quoted = arena_bytes(rq->arena, len + 3);

	quoted[0] = quoted[len + 1] = '"';
	memcpy(quoted + 1, tag, len);
	quoted[len + 2] = '\0';
	reply_header(rq, "ETag", quoted);
}

const char *reply_version_tag(struct request *rq, int64_t row_version)
{
	char *tag = arena_bytes(rq->arena, TEXT_INT);

	text_int(row_version, tag);
	return tag;
}

bool reply_not_modified(struct request *rq, const char *tag)
{
	struct condition match, none;
	struct arena *a = rq->arena;

	reply_etag(rq, tag);
	if (reply_failed(rq,
			 condition_read(a, "If-Match", request_header(rq, "If-Match"), &match)) ||
	    reply_failed(rq, condition_read(a, "If-None-Match", request_header(rq, "If-None-Match"),
					    &none)))
		return true;
	if (match.given && !condition_is(&match, tag)) {
		reply_problem(rq, problem(a, PROBLEM_PRECONDITION_FAILED,
					  "it is not what If-Match names any more"));
		return true;
	}
	if (!condition_names(&none, tag))
		return false;
	reply_empty(rq, 304);
	return true;
}

/* False without memory. A value that no field can have is the handler's fault, not that of
 * memory: such a header is left out. */
static bool add(struct MHD_Response *r, const char *name, const char *value)
{
	errno = 0;
	return MHD_add_response_header(r, name, value) == MHD_YES || errno != ENOMEM;
}

/* False without memory: an answer that lacks a header may say something else. */
static bool add_headers(const struct request *rq, struct MHD_Response *response)
{
	char parent[TRACE_PARENT];
	bool good = true;

	for (int i = 0; i < rq->nheaders && good; i++)
		good = add(response, rq->headers[i].name, rq->headers[i].value);
	if (*rq->id && good) {
		trace_parent(rq, parent);
		good = add(response, "X-Request-Id", rq->id) &&
		       add(response, "traceparent", parent);
	}
	if (rq->close || atomic_load_explicit(&rq->loop->service->closing, memory_order_relaxed))
		good = good && add(response, "Connection", "close");
	return good;
}

/* The one way out: a reply is made once; the first one stands. Nothing here takes memory
 * from the arena: a full one would leave, and nobody would have the response. */
static void reply_with(struct request *rq, unsigned status, struct MHD_Response *response)
{
	if (rq->response || !response || !add_headers(rq, response)) {
		if (response)
			MHD_destroy_response(response);
		reply_full(rq);
		return;
	}
	rq->status = status;
	rq->response = response;
	FAILPOINT(REPLY_MADE);
}

void reply_text(struct request *rq, unsigned status, const char *type, const char *text, size_t len)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(len, (void *)text, MHD_RESPMEM_PERSISTENT);

	reply_header(rq, "Content-Type", type);
	reply_header(rq, "X-Content-Type-Options", "nosniff");
	reply_with(rq, status, r);
}

void reply_json(struct request *rq, unsigned status, struct json_out *j)
{
	jw_done(j);
	reply_text(rq, status, "application/json", j->text, j->len);
}

void reply_empty(struct request *rq, unsigned status)
{
	reply_with(rq, status,
		   MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT));
}

/* Never asked: a HEAD has no body. */
static ssize_t no_bytes(void *who, uint64_t at, char *buffer, size_t room)
{
	(void)who, (void)at, (void)buffer, (void)room;
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

void reply_head(struct request *rq, unsigned status, int64_t len)
{
	reply_with(rq, status,
		   MHD_create_response_from_callback((uint64_t)len, 1, no_bytes, NULL, NULL));
}

void reply_fd(struct request *rq, unsigned status, int fd, int64_t offset, int64_t len)
{
	struct MHD_Response *r =
		MHD_create_response_from_fd_at_offset64((uint64_t)len, fd, (uint64_t)offset);

	if (!r)
		close(fd);
	reply_with(rq, status, r);
}

static void write_error(struct json_out *j, const struct problem_error *e)
{
	jw_object(j);
	if (e->pointer)
		jw_key(j, "pointer"), jw_text(j, e->pointer);
	if (e->parameter)
		jw_key(j, "parameter"), jw_text(j, e->parameter);
	if (e->header)
		jw_key(j, "header"), jw_text(j, e->header);
	jw_key(j, "detail"), jw_text(j, e->detail);
	jw_end_object(j);
}

/* RFC 9457. instance names this request in our logs. */
static void write_problem(struct json_out *j, const struct request *rq, struct problem p,
			  const struct problem_kind *kind)
{
	jw_object(j);
	jw_key(j, "type"), jw_text(j, arena_printf(rq->arena, "/problems/%s", kind->type));
	jw_key(j, "title"), jw_text(j, kind->title);
	jw_key(j, "status"), jw_int(j, kind->status);
	if (p.detail)
		jw_key(j, "detail"), jw_text(j, p.detail);
	jw_key(j, "instance"), jw_text(j, arena_printf(rq->arena, "urn:request:%s", rq->id));
	if (p.errors) {
		jw_key(j, "errors");
		jw_array(j);
		for (const struct problem_error *e = p.errors; e; e = e->next)
			write_error(j, e);
		jw_end_array(j);
	}
	jw_end_object(j);
}

/* What went wrong inside is for the log; the client gets words of its own. */
static struct problem for_client(const struct request *rq, struct problem p)
{
	if (p.code != PROBLEM_INTERNAL)
		return p;
	log_line(LOG_ERROR, "internal", LOG_TEXT("request_id", rq->id),
		 LOG_TEXT("route", rq->route ? rq->route->pattern : NULL),
		 LOG_TEXT("why", p.detail));
	return (struct problem){.code = PROBLEM_INTERNAL,
				.detail = "the log has the reason under this request's id"};
}

void reply_problem(struct request *rq, struct problem p)
{
	const struct problem_kind *kind = &problem_kinds[p.code];
	struct json_out j = json_out_new(rq->arena);

	write_problem(&j, rq, for_client(rq, p), kind);
	rq->refusal = jw_done(&j);
	if (kind->status == 503)
		reply_header(rq, "Retry-After", "1");
	if (kind->status == 401)
		reply_header(rq, "WWW-Authenticate", "Bearer realm=\"hallmark\"");
	reply_text(rq, kind->status, "application/problem+json", j.text, j.len);
}

bool reply_failed(struct request *rq, struct problem p)
{
	if (p.code == PROBLEM_NONE)
		return false;
	reply_problem(rq, p);
	return true;
}

void reply_forgotten(struct request *rq)
{
	log_line(LOG_ERROR, "handler_without_reply",
		 LOG_TEXT("route", rq->route ? rq->route->pattern : NULL),
		 LOG_TEXT("request_id", rq->id));
	reply_problem(rq, problem(rq->arena, PROBLEM_INTERNAL, "no reply was made"));
}

/* --- the 503s that need no memory --- */

#define PREPARED(type, title, detail)                                                              \
	"{\"type\":\"/problems/" type "\",\"title\":\"" title                                      \
	"\",\"status\":503,\"detail\":\"" detail "\"}"

static const char *const prepared[] = {
	[REPLY_FULL] = PREPARED("busy", "The service cannot take this right now",
				"there is not the memory for this request, or it needs more than "
				"one may have; try again in a second"),
	[REPLY_UNSURE] = PREPARED("outcome-unknown", "The database went away during the change",
				  "there is not the memory for an answer; the change may have been "
				  "made: read the resource to find out"),
};

static struct MHD_Response *prepare(const char *text)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);

	if (r && MHD_add_response_header(r, "Content-Type", "application/problem+json") &&
	    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff") &&
	    MHD_add_response_header(r, "Retry-After", "1"))
		return r;
	if (r)
		MHD_destroy_response(r);
	return NULL;
}

bool reply_prepare(struct loop *loop)
{
	for (int i = 0; i < REPLY_PREPARED; i++)
		if (!(loop->prepared[i] = prepare(prepared[i])))
			return false;
	return true;
}

void reply_prepared_end(struct loop *loop)
{
	for (int i = 0; i < REPLY_PREPARED; i++)
		if (loop->prepared[i])
			MHD_destroy_response(loop->prepared[i]);
}

void reply_full(struct request *rq)
{
	if (rq->response)
		return;
	const int which = rq->changed ? REPLY_UNSURE : REPLY_FULL;
	rq->status = 503;
	rq->refusal = prepared[which];
	rq->prepared = true;
	rq->response = rq->loop->prepared[which];
}
