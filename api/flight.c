#include "api/flight.h"

#include "api/guard.h"
#include "api/loop.h"
#include "api/reply.h"
#include "base/failpoint.h"
#include "base/owner.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "base/uuid.h"
#include "sql/readback.h"

/* --- wait, and go on --- */

void request_wait(struct request *rq)
{
	rq->waiting = true;
}

enum MHD_Result request_pause(struct request *rq)
{
	if (rq->waiting && !rq->suspended) {
		rq->suspended = true;
		MHD_suspend_connection(rq->conn);
	}
	return MHD_YES;
}

/* libmicrohttpd calls stages_access() again for a resumed connection, which
 * then finds the reply, or goes on with the body. */
static void wake(struct request *rq)
{
	if (!rq->suspended || rq->waiting)
		return;
	rq->suspended = false;
	rq->loop->daemon_ready = true;
	MHD_resume_connection(rq->conn);
}

void request_continue(struct request *rq, request_fn *then)
{
	rq->waiting = false;
	if (!rq->response) /* the handler that submitted it may have been left since */
		guarded(rq, then);
	if (rq->stage == STAGE_HANDLE && !rq->waiting && !rq->response)
		guarded(rq, reply_forgotten);
	wake(rq);
}

/* --- statements --- */

struct args *request_args(struct request *rq)
{
	rq->args = args_new(rq->arena);
	rq->mark = NULL;
	return &rq->args;
}

void request_args_actor(struct request *rq)
{
	arg_text(&rq->args, rq->who.principal);
	arg_text(&rq->args, rq->id);
}

static void look_back(struct request *rq);

static void tell_unknown(struct request *rq, const char *detail)
{
	reply_problem(rq, problem(rq->arena, PROBLEM_OUTCOME_UNKNOWN, "%s", detail));
}

static const char made_unread[] = "the change was made, but the connection to the database broke "
				  "before its answer came; read "
				  "the resource to see it";

static void rows_deliver(struct request *rq)
{
	const struct problem p = rq->now.problem;

	if (p.code == PROBLEM_OUTCOME_UNKNOWN && rq->on_made)
		look_back(rq);
	else if (p.code != PROBLEM_NONE && rq->made)
		tell_unknown(rq, made_unread);
	else if (!reply_failed(rq, p))
		rq->on_rows(rq, rq->now.res);
}

static bool changes(const struct statement *s)
{
	return s->lane == LANE_WRITE || s->lane == LANE_SHARED;
}

static void on_statement(struct db_call *call, const PGresult *res, struct problem p)
{
	struct request *rq = OWNER_OF(call, struct request, call);

	rq->now = (struct moment){.res = res, .problem = p};
	if (p.code == PROBLEM_OUTCOME_UNKNOWN ||
	    (p.code == PROBLEM_NONE && changes(call->statement)))
		rq->changed = true;
	request_continue(rq, rows_deliver);
}

static void hand_in(struct request *rq)
{
	rq->waiting = true;
	db_submit(rq->loop->db, &rq->call);
	FAILPOINT(STATEMENT_QUEUED);
}

static void submit(struct request *rq, const struct statement *s, uint64_t key,
		   request_rows_fn *on_rows, request_fn *on_made)
{
	rq->on_rows = on_rows;
	rq->on_made = on_made;
	rq->call = (struct db_call){
		.statement = s, .args = &rq->args, .key = key, .done = on_statement};
	hand_in(rq);
}

void request_read(struct request *rq, enum statement_id id, request_rows_fn *on_rows)
{
	submit(rq, &statements[id], 0, on_rows, NULL);
}

void request_statement(struct request *rq, const struct statement *s, request_rows_fn *on_rows)
{
	submit(rq, s, 0, on_rows, NULL);
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

void request_mark(struct request *rq, const char *mark)
{
	rq->mark = mark;
}

void request_mark_bytes(struct request *rq, struct bytes mark)
{
	char *text = arena_bytes(rq->arena, 2 * mark.len + 1);

	hex_text(text, mark.data, mark.len);
	rq->mark = text;
}

void request_mark_uuid(struct request *rq, const unsigned char *uuid)
{
	char *text = arena_bytes(rq->arena, UUID_TEXT);

	uuid_text(uuid, text);
	rq->mark = text;
}

void request_write(struct request *rq, enum statement_id id, const char *busy_on,
		   request_rows_fn *on_rows, request_fn *on_made)
{
	const char *project = request_param(rq, "project");

	submit(rq, &statements[id], busy_on ? key_of(project, busy_on) : 0, on_rows, on_made);
}

/* --- a write whose answer was lost --- */

/* What the request had on its way when that happened, and who has found out. */
struct looking {
	struct readback readback;
	struct request *rq;
	enum readback_end end;
};

static void looked_back(struct request *rq)
{
	const struct looking *l = OWNER_OF(rq->readback, struct looking, readback);

	switch (l->end) {
	case READBACK_NOT_MADE:
		rq->outcome_unknown = false;
		hand_in(rq);
		break;
	case READBACK_MADE:
		rq->made = l->readback.kind;
		rq->on_made(rq);
		break;
	case READBACK_UNKNOWN:
		tell_unknown(rq, rq->now.problem.detail);
		break;
	}
}

static void on_looked_back(struct readback *r, enum readback_end end)
{
	struct looking *l = OWNER_OF(r, struct looking, readback);

	l->end = end;
	request_continue(l->rq, looked_back);
}

/* A write that is sent again may be lost again: all of it has one time limit. */
static void look_back(struct request *rq)
{
	struct looking *l;

	rq->outcome_unknown = true;
	if (!rq->readback) {
		l = arena_alloc(rq->arena, sizeof(*l));
		l->rq = rq;
		l->readback.until = monotonic_us() + READBACK_PATIENCE;
		rq->readback = &l->readback;
	}
	rq->readback->poller = rq->loop->poller;
	rq->readback->db = rq->loop->db;
	rq->readback->request_id = rq->id;
	rq->readback->unique = rq->own_id;
	rq->readback->mark = rq->mark;
	rq->readback->done = on_looked_back;
	request_wait(rq);
	readback_begin(rq->readback, &rq->call);
}

/* --- jobs --- */

static void on_job_work(struct job *job)
{
	struct request *rq = OWNER_OF(job, struct request, job);

	rq->job_left = !guard_ran(rq, rq->on_work);
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

/* --- signatures --- */

struct signing {
	struct sign_call call;
	struct request *rq;
	request_signed_fn *on_signed;
};

static void signature_deliver(struct request *rq)
{
	const struct signing *s = rq->signing;

	if (reply_failed(rq, rq->now.problem))
		return;
	counter_add(&rq->loop->metrics.signatures, 1);
	s->on_signed(rq, &s->call);
}

static void on_signature(struct sign_call *call, struct problem p)
{
	struct request *rq = OWNER_OF(call, struct signing, call)->rq;

	rq->now = (struct moment){.problem = p};
	request_continue(rq, signature_deliver);
}

void request_sign(struct request *rq, const struct sign_call *what, request_signed_fn *on_signed)
{
	const struct key *key = keyring_active(&rq->loop->keyring);

	if (!key) {
		reply_problem(rq,
			      problem(rq->arena, PROBLEM_UNAVAILABLE, "no signing key is active"));
		return;
	}
	struct signing *s = rq->signing = arena_alloc(rq->arena, sizeof(*s));
	*s = (struct signing){.call = *what, .rq = rq, .on_signed = on_signed};
	s->call.arena = rq->arena;
	s->call.key = key->public;
	s->call.done = on_signature;
	request_wait(rq);
	signer_submit(rq->loop->signer, &s->call);
}

static void renewed(struct request *rq)
{
	rq->on_done(rq);
}

static void on_renewed(struct keyring_wait *w)
{
	request_continue(OWNER_OF(w, struct request, renewal), renewed);
}

void request_renew_keys(struct request *rq, request_fn *then)
{
	rq->on_done = then;
	rq->renewal.done = on_renewed;
	request_wait(rq);
	keyring_renew(&rq->loop->keyring, &rq->renewal);
}
