#include "sql/lane.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/owner.h"
#include "base/timestamp.h"
#include "sql/row.h"

enum { CONNECT_US = 6 * 1000000, REACH_US = 600000, BINARY = 1, WHY = 512 };

static void on_connecting(struct watch *w, uint32_t events);
static void on_ready(struct watch *w, uint32_t events);
static void on_limit(struct timer *t);

#define LANE_OF(part, member) OWNER_OF(part, struct lane, member)

void lane_init(struct lane *lane, const struct lane_plan *plan, void *owner)
{
	*lane = (struct lane){.plan = plan, .owner = owner, .limit.expired = on_limit};
	lane->flight.link = lane->held.link = BY_TURN;
}

void lane_free(struct lane *lane)
{
	lane_close(lane);
	free(lane->shapes);
	lane->shapes = NULL;
}

/* Nobody knows whether what was answered counts. */
static void unhold(struct lane *lane)
{
	struct db_call *call;

	while ((call = lane->held.last)) {
		queue_remove(&lane->held, call);
		PQclear(call->result);
		call->result = NULL;
		queue_push_front(&lane->flight, call);
	}
}

void lane_close(struct lane *lane)
{
	unhold(lane);
	poller_cancel(lane->plan->poller, &lane->limit);
	poller_unwatch(lane->plan->poller, &lane->watch);
	PQclear(lane->result);
	PQfinish(lane->pg);
	if (lane->shapes)
		memset(lane->shapes, 0, LANE_SHAPES * sizeof(struct shape));
	lane->state = LANE_AWAY;
	lane->pg = NULL;
	lane->result = NULL;
	lane->doomed = NULL;
	lane->unit = lane->syncs = lane->skip = 0;
	lane->at_sync = lane->telling = lane->dirty = lane->unsent = false;
}

static const char *last_words(const struct lane *lane)
{
	const char *why = PQerrorMessage(lane->pg);

	return *why ? why : "the server closed the connection";
}

static const char not_sent[] = "libpq says why";

/* why is copied first: it may be the connection's own text. */
static void lose(struct lane *lane, const char *why)
{
	const enum lane_state was = lane->state;
	const bool unsent = lane->unsent;
	char copy[WHY];

	snprintf(copy, sizeof(copy), "%s", why == not_sent ? last_words(lane) : why);
	copy[strcspn(copy, "\n")] = '\0';
	lane_close(lane);
	lane->plan->lost(lane, was, unsent, copy);
}

void lane_doom(struct lane *lane, const char *why)
{
	if (!lane->doomed)
		lane->doomed = why;
}

/* ---- connecting and preparing ---------------------------------------------------- */

/* Whoever ends a commit's wait for its standby, by pg_cancel_backend(), lets it come back as
 * done, with a warning: after a failover it would be lost. So the lane is, and nobody is told
 * that it was done. Messages are translated, the name of the function is not. */
static bool is_not_replicated(const PGresult *notice)
{
	const char *function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);

	return function && strcmp(function, "SyncRepWaitForLSN") == 0;
}

static void on_notice(void *who, const PGresult *notice)
{
	char line[WHY];

	snprintf(line, sizeof(line), "%s", PQresultErrorMessage(notice));
	line[strcspn(line, "\n")] = '\0';
	log_line(LOG_INFO, "database_notice", LOG_TEXT("text", line));
	if (is_not_replicated(notice))
		lane_doom(who, "a commit was not waited for until its standby had it");
}

/* libpq may change its socket from one step to the next, and reuse the number. */
static void await(struct lane *lane, PostgresPollingStatusType want)
{
	lane->watch = (struct watch){.fd = PQsocket(lane->pg), .ready = on_connecting};
	if (!poller_watch(lane->plan->poller, &lane->watch,
			  want == PGRES_POLLING_READING ? EPOLLIN : EPOLLOUT))
		lose(lane, "epoll refuses the socket");
}

static void begin_anew(struct lane *lane, int host)
{
	assert(lane->state == LANE_AWAY && lane->flight.count == 0);
	lane->state = LANE_CONNECTING;
	lane->host = host;
	lane->history = 0;
	lane->late = lane->refused = lane->behind = lane->reached = false;
}

void lane_open(struct lane *lane, int host, bool hurry)
{
	const struct conninfo *info = &lane->plan->conninfo;

	begin_anew(lane, host);
	lane->pg = PQconnectStartParams(info->keywords, info->values[host], 0);
	if (!lane->pg) {
		lose(lane, "out of memory");
		return;
	}
	if (PQstatus(lane->pg) == CONNECTION_BAD) {
		lose(lane, last_words(lane));
		return;
	}
	PQsetNoticeReceiver(lane->pg, on_notice, lane);
	poller_set(lane->plan->poller, &lane->limit,
		   monotonic_us() + (hurry ? REACH_US : CONNECT_US));
	await(lane, PGRES_POLLING_WRITING);
}

/* One flush for all that is queued; the watch changes only when the socket is full or
 * has room again. */
static void push(struct lane *lane)
{
	const int left = PQflush(lane->pg);
	const uint32_t events = left > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;

	lane->unsent = left > 0;
	if (left < 0)
		lane_doom(lane, not_sent);
	else if (!poller_watch(lane->plan->poller, &lane->watch, events))
		lane_doom(lane, "epoll refuses the socket");
}

static bool sync_sent(PGconn *pg)
{
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
	return PQsendPipelineSync(pg) == 1; /* libpq 17 on: leaves the flush to us */
#else
	return PQpipelineSync(pg) == 1;
#endif
}

static void sync_unit(struct lane *lane)
{
	lane->unit = 0;
	lane->syncs++;
	if (!sync_sent(lane->pg))
		lane_doom(lane, not_sent);
}

static bool prepare(struct lane *lane, const struct statement *s)
{
	lane->skip++;
	return PQsendPrepare(lane->pg, s->name, s->sql, s->nparams, s->types) == 1;
}

static bool command(struct lane *lane, const char *sql)
{
	lane->skip++;
	return PQsendQueryParams(lane->pg, sql, 0, NULL, NULL, NULL, NULL, BINARY) == 1;
}

/* The cluster and the timeline, where the server tells them: managed ones may not. A primary's
 * checkpoints name a new timeline late, its log's files at once. */
static const char learn_history[] = "DO $$ BEGIN PERFORM set_config('hallmark.history',"
				    " (SELECT system_identifier FROM pg_control_system()) || '/' ||"
				    " substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), false);"
				    " EXCEPTION WHEN OTHERS THEN NULL; END $$";

#define SESSION "SELECT current_setting('hallmark.history', true) AS history"

/* Set once everything is prepared: the short limit is for a statement, and would hold
 * for the whole pipeline. Whether changes are taken was seen before read-only is set. */
static const char *const session[LANE_KINDS] = {
	[LANE_READ] = SESSION ", set_config('default_transaction_read_only', 'on', false),"
			      " set_config('statement_timeout', '250ms', false)",
	[LANE_SLOW] = SESSION ", set_config('default_transaction_read_only', 'on', false)",
	[LANE_WRITE] = SESSION,
	/* Who waits here makes others wait, and goes on alone. */
	[LANE_SHARED] = SESSION ", set_config('statement_timeout', '1s', false),"
				" set_config('lock_timeout', '100ms', false)",
};

/* What may share a transaction can also have one of its own. */
static bool runs_here(const struct lane_plan *plan, const struct statement *s)
{
	return s->lane == plan->kind || (s->lane == LANE_SHARED && plan->kind == LANE_WRITE);
}

static bool prepare_table(struct lane *lane)
{
	const struct lane_plan *plan = lane->plan;

	for (int i = 0; i < plan->ntable; i++)
		if (runs_here(plan, &plan->table[i]) && !prepare(lane, &plan->table[i]))
			return false;
	return command(lane, learn_history) && command(lane, session[plan->kind]);
}

/* NULL: it is what the lane is for. Every server from PostgreSQL 14 on reports both. */
static const char *wrong_server(struct lane *lane)
{
	const struct conninfo *info = &lane->plan->conninfo;
	const char *standby = PQparameterStatus(lane->pg, "in_hot_standby");
	const char *frozen = PQparameterStatus(lane->pg, "default_transaction_read_only");

	if (info->primary && standby && strcmp(standby, "on") == 0)
		return "the server is a standby";
	if (!info->changes || !frozen || strcmp(frozen, "on") != 0)
		return NULL;
	lane->refused = true;
	return "the server takes no changes";
}

static void begin_preparing(struct lane *lane)
{
	lane->state = LANE_PREPARING;
	lane->watch = (struct watch){.fd = PQsocket(lane->pg), .ready = on_ready};
	if (PQsetnonblocking(lane->pg, 1) != 0 || !PQenterPipelineMode(lane->pg) ||
	    !prepare_table(lane)) {
		lose(lane, last_words(lane));
		return;
	}
	sync_unit(lane);
	push(lane);
	if (lane->doomed)
		lose(lane, lane->doomed);
}

static void begin_session(struct lane *lane)
{
	const char *wrong = wrong_server(lane);

	if (wrong)
		lose(lane, wrong);
	else
		begin_preparing(lane);
}

/* Its first answer of any kind: from here on it is a matter of the server's. */
static void reach(struct lane *lane)
{
	if (!lane->reached)
		poller_set(lane->plan->poller, &lane->limit, monotonic_us() + CONNECT_US);
	lane->reached = true;
}

static void on_connecting(struct watch *w, uint32_t events)
{
	struct lane *lane = LANE_OF(w, watch);

	(void)events;
	reach(lane);
	poller_unwatch(lane->plan->poller, w);
	const PostgresPollingStatusType want = PQconnectPoll(lane->pg);
	if (want == PGRES_POLLING_FAILED)
		lose(lane, last_words(lane));
	else if (want == PGRES_POLLING_OK)
		begin_session(lane);
	else
		await(lane, want);
}

enum { CLUSTER = 32 };

static bool is_behind(uint64_t history, uint64_t newest)
{
	return history && history >> CLUSTER == newest >> CLUSTER && history < newest;
}

bool lane_is_behind(const struct lane *lane)
{
	const uint64_t newest = atomic_load(lane->plan->newest);

	return lane->history && newest && lane->history != newest;
}

/* Another cluster than before is the operator's will: it is taken for the right one. */
static bool is_newest(struct lane *lane)
{
	uint64_t newest = atomic_load(lane->plan->newest);

	while (lane->history && newest != lane->history) {
		if (is_behind(lane->history, newest))
			return false;
		if (atomic_compare_exchange_weak(lane->plan->newest, &newest, lane->history))
			break;
	}
	return true;
}

static void come_up(struct lane *lane)
{
	lane->behind = !is_newest(lane);
	if (lane->behind) {
		lane_doom(lane,
			  "the server was primary before a failover: it lacks what came after");
		return;
	}
	lane->state = LANE_UP;
	lane->up_since = monotonic_us();
	poller_cancel(lane->plan->poller, &lane->limit);
	lane->plan->up(lane);
}

/* ---- sending --------------------------------------------------------------------- */

static struct shape *shape_of(struct lane *lane, const struct statement *s)
{
	if (!lane->shapes)
		lane->shapes = calloc(LANE_SHAPES, sizeof(struct shape));
	return lane->shapes ? &lane->shapes[s->id % LANE_SHAPES] : NULL;
}

static bool forget(struct lane *lane, struct shape *shape)
{
	char sql[sizeof("DEALLOCATE ") + sizeof(shape->name) + 2];

	snprintf(sql, sizeof(sql), "DEALLOCATE \"%s\"", shape->name);
	return command(lane, sql);
}

/* True when the lane has, or is just being sent, what the call runs. */
static bool prepared(struct lane *lane, const struct statement *s)
{
	if (s->id < lane->plan->ntable)
		return true;
	struct shape *shape = shape_of(lane, s);
	if (!shape)
		return false;
	if (shape->name[0] && shape->id == s->id)
		return true;
	if (shape->name[0] && !forget(lane, shape))
		return false;
	shape->id = s->id;
	snprintf(shape->name, sizeof(shape->name), "%s", s->name);
	return prepare(lane, s);
}

void lane_send(struct lane *lane, struct db_call *call, int64_t now)
{
	const struct args *args = call->args;
	const struct statement *s = call->statement;

	call->sent = now;
	call->ends_unit = false;
	call->tries++;
	call->backend = PQbackendPID(lane->pg);
	queue_push(&lane->flight, call);
	lane->dirty = true;
	lane->unsent = true; /* until a flush leaves nothing */
	if (lane->doomed)
		return;
	if (!prepared(lane, s) || !PQsendQueryPrepared(lane->pg, s->name, s->nparams, args->value,
						       args->length, args->format, BINARY)) {
		lane_doom(lane, not_sent);
		return;
	}
	if (++lane->unit == lane->plan->unit) {
		call->ends_unit = true;
		sync_unit(lane);
	}
}

void lane_flush(struct lane *lane)
{
	lane->dirty = false;
	if (lane->unit > 0 && !lane->doomed) {
		lane->flight.last->ends_unit = true;
		sync_unit(lane);
	}
	if (!lane->doomed)
		push(lane);
	FAILPOINT(STATEMENT_SENT);
	if (lane->doomed)
		lose(lane, lane->doomed);
	else if (!lane->limit.place && lane->flight.first)
		poller_set(lane->plan->poller, &lane->limit,
			   lane->flight.first->sent + lane->plan->flight);
}

/* ---- answers --------------------------------------------------------------------- */

/* libpq's own errors carry no severity; the server's FATAL ends the connection. A field that is
 * not there, libpq had no memory for. */
static bool is_fatal(const PGresult *res)
{
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (PQresultStatus(res) != PGRES_FATAL_ERROR)
		return false;
	return !severity || !PQresultErrorField(res, PG_DIAG_SQLSTATE) ||
	       strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

static bool is_good(const PGresult *res)
{
	const ExecStatusType status = PQresultStatus(res);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* The first error is the one that tells: what follows it only says "aborted". */
static void keep(struct lane *lane, PGresult *res)
{
	if (lane->result && !is_good(lane->result)) {
		PQclear(res);
		return;
	}
	PQclear(lane->result);
	lane->result = res;
}

static void answer(struct lane *lane)
{
	struct db_call *call = lane->flight.first;
	PGresult *res = lane->result;

	lane->result = NULL;
	queue_remove(&lane->flight, call);
	lane->plan->answered(lane, call, res);
}

/* Kept until its unit's sync says whether it counts. */
static void hold(struct lane *lane)
{
	struct db_call *call = lane->flight.first;

	call->result = lane->result;
	lane->result = NULL;
	queue_remove(&lane->flight, call);
	queue_push(&lane->held, call);
}

/* One error, of a statement or of the commit, is the whole unit's; after a statement's
 * the last answer says "aborted". */
static void answer_together(struct lane *lane)
{
	const bool good = is_good(lane->result);
	struct db_call *call;

	hold(lane);
	while ((call = lane->held.first)) {
		PGresult *res = call->result;
		const bool own = good || PQresultStatus(res) == PGRES_FATAL_ERROR;

		call->result = NULL;
		queue_remove(&lane->held, call);
		if (!own)
			PQclear(res);
		lane->plan->answered(lane, call, own ? res : NULL);
	}
}

/* "7355608…/00000002": a number of 64 bits, and eight hexadecimal digits. */
static void read_history(struct lane *lane)
{
	const int column = row_column(lane->result, "history");

	if (column < 0 || PQntuples(lane->result) != 1 || PQgetisnull(lane->result, 0, column))
		return;
	char *timeline;
	const uint64_t cluster = strtoull(PQgetvalue(lane->result, 0, column), &timeline, 10);
	if (*timeline == '/')
		lane->history = (cluster ^ cluster >> CLUSTER) << CLUSTER |
				(uint32_t)strtoul(timeline + 1, NULL, 16);
}

/* A command that only made ready: the table's at the start, or for the call behind it. */
static void end_skipped(struct lane *lane)
{
	lane->skip--;
	if (lane->state == LANE_PREPARING)
		read_history(lane);
	if (is_good(lane->result)) {
		PQclear(lane->result);
		lane->result = NULL;
	} else if (lane->state == LANE_UP) {
		*shape_of(lane, lane->flight.first->statement) = (struct shape){0};
	}
	lane->at_sync = lane->skip == 0 && lane->state == LANE_PREPARING;
}

/* The results of one command are complete. */
static void end_command(struct lane *lane)
{
	if (lane->at_sync)
		return;
	if (lane->skip > 0) {
		end_skipped(lane);
		return;
	}
	if (!lane->flight.first) {
		lane_doom(lane, "an answer came to no question");
		return;
	}
	if (lane->flight.first->ends_unit)
		lane->at_sync = true;
	else if (lane->plan->together)
		hold(lane);
	else
		answer(lane);
}

static void end_preparing(struct lane *lane)
{
	if (!lane->result) {
		come_up(lane);
		return;
	}
	log_line(LOG_ERROR, "statements_refused",
		 LOG_TEXT("sqlstate", PQresultErrorField(lane->result, PG_DIAG_SQLSTATE)),
		 LOG_TEXT("why", PQresultErrorField(lane->result, PG_DIAG_MESSAGE_PRIMARY)));
	lane_doom(lane, "a statement cannot be prepared: is the schema this release's?");
}

static void end_unit(struct lane *lane)
{
	lane->syncs--;
	if (!lane->at_sync) {
		lane_doom(lane, "answers came out of step");
		return;
	}
	lane->at_sync = false;
	if (lane->state == LANE_PREPARING)
		end_preparing(lane);
	else if (lane->plan->together)
		answer_together(lane);
	else
		answer(lane);
}

/* False when libpq has nothing to tell, although it is not busy. */
static bool take(struct lane *lane, PGresult *res)
{
	const bool told = lane->telling;

	if (lane->doomed) { /* by a notice before it */
		PQclear(res);
		return false;
	}
	lane->telling = res && PQresultStatus(res) != PGRES_PIPELINE_SYNC;
	if (!res && !told)
		return false;
	if (!res) {
		end_command(lane);
	} else if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
		PQclear(res);
		end_unit(lane);
	} else if (is_fatal(res)) {
		log_line(LOG_DEBUG, "database_fatal", LOG_TEXT("why", PQresultErrorMessage(res)));
		PQclear(res);
		lane_doom(lane, "the server ended the connection");
	} else {
		keep(lane, res);
	}
	return true;
}

static void on_ready(struct watch *w, uint32_t events)
{
	struct lane *lane = LANE_OF(w, watch);

	if ((events & EPOLLOUT) && lane->unsent)
		push(lane);
	/* What came before the end of a connection still counts: read first, then judge. */
	const bool alive = PQconsumeInput(lane->pg) == 1;
	while (!lane->doomed && lane->syncs > 0 && !PQisBusy(lane->pg))
		if (!take(lane, PQgetResult(lane->pg)))
			break;
	if (lane->doomed)
		lose(lane, lane->doomed);
	else if (!alive || PQstatus(lane->pg) == CONNECTION_BAD)
		lose(lane, last_words(lane));
}

/* Set once for a whole flight and moved only here, not at each answer. */
static void on_limit(struct timer *t)
{
	struct lane *lane = LANE_OF(t, limit);

	if (lane->state != LANE_UP) {
		lose(lane, "the server does not answer in time");
		return;
	}
	if (!lane->flight.first)
		return;
	const int64_t due = lane->flight.first->sent + lane->plan->flight;
	if (due > monotonic_us()) {
		poller_set(lane->plan->poller, t, due);
		return;
	}
	lane->late = true;
	lose(lane, "a statement was not answered in time");
}

void lane_end(struct lane *lane, const char *why)
{
	lose(lane, why);
}
