#include "sql/readback.h"

#include <stdio.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/owner.h"
#include "base/timestamp.h"
#include "sql/row.h"

enum { PAUSE = 50000, LONGEST_PAUSE = 1000000, THOUSANDS = 500, ARENA = 64 * 1024 };

struct made_row {
	int32_t backend;
	bool runs, whole;
	const char *kind;
	bool own;
};

static const struct column made_columns[] = {
	COLUMN(struct made_row, backend, OID_INT4), COLUMN(struct made_row, runs, OID_BOOL),
	COLUMN(struct made_row, whole, OID_BOOL),   NULLABLE(struct made_row, kind, OID_TEXT),
	COLUMN(struct made_row, own, OID_BOOL),
};

static void end(struct readback *r, enum readback_end end)
{
	static const char *const words[] = {"unknown", "made", "not made"};

	log_line(LOG_INFO, "outcome_read_back", LOG_TEXT("request_id", r->request_id),
		 LOG_TEXT("change", words[end]));
	FAILPOINT(OUTCOME_TOLD);
	arena_free(r->arena);
	r->done(r, end);
}

static void ask(struct readback *r)
{
	arena_reset(r->arena);
	r->args = args_new(r->arena);
	arg_text(&r->args, r->request_id);
	arg_text(&r->args, r->mark);
	arg_int4(&r->args, r->backend);
	arg_int8(&r->args, monotonic_us() - r->sent);
	arg_int4(&r->args, THOUSANDS);
	db_submit(r->db, &r->call);
	FAILPOINT(OUTCOME_ASKED);
}

static void on_pause(struct timer *t)
{
	struct readback *r = OWNER_OF(t, struct readback, timer);

	if (r->arena && monotonic_us() < r->until)
		ask(r);
	else
		end(r, READBACK_UNKNOWN);
}

static void ask_now(struct readback *r)
{
	poller_set(r->poller, &r->timer, monotonic_us());
}

/* Soon at first, then less and less often. */
static void ask_later(struct readback *r)
{
	poller_set(r->poller, &r->timer, monotonic_us() + r->pause);
	r->pause += r->pause / 8;
	if (r->pause > LONGEST_PAUSE)
		r->pause = LONGEST_PAUSE;
}

/* A snapshot is older than what the same statement sees of processes: only one taken after
 * the process was gone is sure to have all of its work. */
static void judge(struct readback *r, const struct made_row *row)
{
	if (row->kind && (r->unique || row->own)) {
		snprintf(r->kind, sizeof(r->kind), "%s", row->kind);
		end(r, READBACK_MADE);
	} else if (row->kind || !row->whole || row->backend != r->call.backend) {
		end(r, READBACK_UNKNOWN);
	} else if (r->gone) {
		end(r, READBACK_NOT_MADE);
	} else {
		r->gone = !row->runs;
		if (r->gone)
			ask_now(r);
		else
			ask_later(r);
	}
}

static void on_answer(struct db_call *call, const PGresult *res, struct problem p)
{
	struct readback *r = OWNER_OF(call, struct readback, call);
	struct made_row row;

	if (p.code == PROBLEM_NONE)
		p = row_find(r->arena, res, 0, COLUMNS(made_columns), &row);
	if (p.code == PROBLEM_NONE)
		judge(r, &row);
	else if (p.code == PROBLEM_INTERNAL) /* its reason was logged */
		end(r, READBACK_UNKNOWN);
	else
		ask_later(r);
}

void readback_begin(struct readback *r, const struct db_call *lost)
{
	r->backend = lost->backend;
	r->sent = lost->sent;
	r->gone = false;
	r->arena = arena_new(ARENA);
	r->timer = (struct timer){.expired = on_pause};
	r->call = (struct db_call){.statement = &statements[STATEMENT_EVENTS_MADE],
				   .args = &r->args,
				   .done = on_answer};
	r->pause = PAUSE;
	ask_now(r);
}

void readback_drop(struct readback *r)
{
	poller_cancel(r->poller, &r->timer);
	arena_free(r->arena);
}
