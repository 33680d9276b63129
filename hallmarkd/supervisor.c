#include "hallmarkd/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/owner.h"
#include "base/timestamp.h"
#include "hallmarkd/announce.h"
#include "hallmarkd/control.h"
#include "hallmarkd/part.h"
#include "hallmarkd/postgres.h"
#include "hallmarkd/privilege.h"
#include "hallmarkd/relay.h"
#include "hallmarkd/sandbox.h"
#include "hallmarkd/signers.h"
#include "hallmarkd/state.h"

enum { MS = 1000, DATABASE_POLL = 5 * MS, DATABASE_LEAVES = 5 * 1000 * MS };

/* In the order they are stopped. */
enum part_id { PREPARE, SERVICE, SIGNER, OTHER_SIGNER, POSTGRES, PARTS };

struct supervisor {
	struct arena *arena;
	struct arena *scratch; /* reset after every use */
	struct settings *settings;
	const struct config *config;
	struct identity who;
	struct postgres pg;
	struct poller *poller;
	struct part parts[PARTS];
	struct signers signers;
	struct relay relay;
	struct watch signals, control;
	struct timer poll;
	int settings_fd;
	int prepared; /* the pipe that `prepare` says the signing key to */
	char key_id[32];
	bool database_found;   /* left behind by a supervisor before us */
	bool database_leaving; /* and on its way out */
	bool ready;            /* the service has been ready once */
	bool stopping, hurried;
	int status;
};

static struct part *part_of_child(struct child *c)
{
	return OWNER_OF(c, struct part, child);
}

static struct part *part_of_timer(struct timer *t)
{
	return OWNER_OF(t, struct part, timer);
}

static enum part_id id_of(const struct part *p)
{
	return (enum part_id)(p - p->s->parts);
}

/* ---- Stopping ---- */

static const struct {
	const char *name;
	int stop, kill;
} part_rows[PARTS] = {
	[PREPARE] = {"prepare", SIGTERM, SIGKILL},  [SERVICE] = {"service", SIGTERM, SIGKILL},
	[SIGNER] = {"signer", SIGTERM, SIGKILL},    [OTHER_SIGNER] = {"signer", SIGTERM, SIGKILL},
	[POSTGRES] = {"postgres", SIGINT, SIGQUIT},
};

static int64_t patience(const struct supervisor *s, enum part_id id)
{
	if (id == SERVICE)
		return s->config->drain_delay + s->config->drain_limit + 5LL * 1000 * MS;
	return (id == POSTGRES ? 60LL : 5LL) * 1000 * MS;
}

/* While it recovers from a crash, PostgreSQL that is asked for a fast shutdown may wait for its
 * checkpointer for ever. Nobody has a session then: an immediate one takes nothing from anybody,
 * and the next start recovers again. */
static int stop_signal(struct supervisor *s, enum part_id id)
{
	pid_t pid;

	if (id != POSTGRES)
		return part_rows[id].stop;
	const enum postgres_status status = postgres_status(s->scratch, &s->pg, &pid);
	arena_reset(s->scratch);
	return status == POSTGRES_READY ? part_rows[id].stop : part_rows[id].kill;
}

/* The first that still runs is asked to end; its end calls here again. */
static void stop_next(struct supervisor *s)
{
	for (int id = 0; id < PARTS; id++) {
		struct part *p = &s->parts[id];

		if (!p->child.pid)
			continue;
		child_signal(&p->child, stop_signal(s, (enum part_id)id));
		poller_set(s->poller, &p->timer, monotonic_us() + patience(s, (enum part_id)id));
		return;
	}
}

static void stop(struct supervisor *s, int status)
{
	if (s->stopping)
		return;
	s->stopping = true;
	s->status = status;
	poller_cancel(s->poller, &s->poll);
	for (int id = 0; id < PARTS; id++)
		poller_cancel(s->poller, &s->parts[id].timer);
	stop_next(s);
}

static void give_up(struct supervisor *s, const char *why)
{
	log_line(LOG_ERROR, "cannot_start", LOG_TEXT("why", why));
	stop(s, 1);
}

static void patience_ended(struct part *p)
{
	log_line(LOG_WARN, "killed", LOG_TEXT("process", p->child.name),
		 LOG_INT("pid", p->child.pid));
	child_signal(&p->child, part_rows[id_of(p)].kill);
}

static bool all_ended(const struct supervisor *s)
{
	for (int id = 0; id < PARTS; id++) {
		if (s->parts[id].child.pid)
			return false;
	}
	return true;
}

/* ---- Service ---- */

static void close_control(struct supervisor *s)
{
	if (s->control.fd < 0)
		return;
	poller_unwatch(s->poller, &s->control);
	close(s->control.fd);
	s->control.fd = -1;
}

static void service_spoke(struct watch *w, uint32_t events)
{
	struct supervisor *s = OWNER_OF(w, struct supervisor, control);
	int heard = control_hear(w->fd);

	(void)events;
	if (heard < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (heard <= 0) {
		close_control(s);
		return;
	}
	log_line(LOG_INFO, "ready", LOG_TEXT("listen", s->config->listen));
	if (!s->ready)
		announce(s->config, s->key_id);
	s->ready = true;
	FAILPOINT(SERVICE_READY);
}

static void start_service(struct supervisor *s)
{
	int pair[2], fds[2] = {s->settings_fd};

	if (!control_pair(pair)) {
		part_start_later(&s->parts[SERVICE]);
		return;
	}
	fds[1] = pair[1];
	bool good = part_start(&s->parts[SERVICE], "service", fds, 2, 0);
	FAILPOINT(SERVICE_STARTED);
	close(pair[1]);
	s->control = (struct watch){.fd = pair[0], .ready = service_spoke};
	if (!good || !poller_watch(s->poller, &s->control, EPOLLIN)) {
		close_control(s);
		child_signal(&s->parts[SERVICE].child, SIGKILL);
		if (!good)
			part_start_later(&s->parts[SERVICE]);
		return;
	}
	signers_renew(&s->signers);
}

static void service_ended(struct part *p)
{
	struct supervisor *s = p->s;

	FAILPOINT(SERVICE_ENDED);
	close_control(s);
	if (!s->ready) {
		give_up(s, "the service ended before it was ready");
		return;
	}
	signers_dropped(&s->signers);
	part_start_later(p);
}

/* ---- Prepare ---- */

static void start_prepare(struct supervisor *s)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0) {
		give_up(s, strerror(errno));
		return;
	}
	s->prepared = ends[0];
	if (!part_start(&s->parts[PREPARE], "prepare", &s->settings_fd, 1, ends[1]))
		give_up(s, strerror(errno));
	close(ends[1]);
}

static void prepare_ended(struct part *p, int status)
{
	struct supervisor *s = p->s;
	ssize_t n = read(s->prepared, s->key_id, sizeof(s->key_id) - 1);

	close(s->prepared);
	FAILPOINT(PREPARED);
	s->key_id[n > 0 ? n : 0] = '\0';
	s->key_id[strcspn(s->key_id, "\n")] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_TRY_AGAIN)
		part_start_later(p);
	else if (status == 0)
		start_service(s);
	else
		stop(s, 1); /* it has said why */
}

/* ---- PostgreSQL ---- */

static void start_postgres(struct supervisor *s)
{
	struct part *p = &s->parts[POSTGRES];
	struct child_plan plan = {0};
	struct problem why = postgres_plan(s->scratch, &s->pg, &plan);

	if (why.code != PROBLEM_NONE) {
		give_up(s, why.detail);
	} else if ((plan.err = relay_open(&s->relay, s->poller)) < 0 ||
		   !child_start(&p->child, &plan)) {
		log_line(LOG_ERROR, "start_failed", LOG_TEXT("process", "postgres"),
			 LOG_TEXT("why", strerror(errno)));
		part_start_later(p);
	}
	if (plan.err > 0)
		close(plan.err);
	FAILPOINT(DATABASE_STARTED);
	arena_reset(s->scratch);
}

/* For one of them that does not, see stop_signal(). */
static void let_leave(struct supervisor *s)
{
	struct part *p = &s->parts[POSTGRES];

	s->database_leaving = true;
	child_signal(&p->child, SIGINT);
	poller_set(s->poller, &p->timer, monotonic_us() + DATABASE_LEAVES);
}

/* Takes over one that a supervisor before us left behind, or starts one. */
static void begin_postgres(struct supervisor *s)
{
	struct part *p = &s->parts[POSTGRES];
	pid_t pid;
	enum postgres_status status = postgres_status(s->scratch, &s->pg, &pid);

	arena_reset(s->scratch);
	if (status == POSTGRES_AWAY || !child_adopt(&p->child, pid)) {
		start_postgres(s);
		return;
	}
	log_line(LOG_INFO, "database_adopted", LOG_INT("pid", pid));
	s->database_found = true;
	FAILPOINT(DATABASE_ADOPTED);
	if (status == POSTGRES_STOPPING)
		let_leave(s);
}

static void poll_database(struct timer *t)
{
	struct supervisor *s = OWNER_OF(t, struct supervisor, poll);
	pid_t pid;
	enum postgres_status status = postgres_status(s->scratch, &s->pg, &pid);

	arena_reset(s->scratch);
	if (status == POSTGRES_STOPPING && s->database_found && !s->database_leaving)
		let_leave(s);
	if (status == POSTGRES_READY && !s->database_leaving && pid == s->parts[POSTGRES].child.pid)
		start_prepare(s);
	else
		poller_set(s->poller, t, monotonic_us() + DATABASE_POLL);
}

static void postgres_ended(struct part *p)
{
	struct supervisor *s = p->s;

	FAILPOINT(DATABASE_ENDED);
	relay_close(&s->relay);
	if (s->database_found) {
		s->database_found = s->database_leaving = false;
		start_postgres(s);
	} else if (s->poll.place) {
		give_up(s, "PostgreSQL ended before it was ready; what it said stands above");
	} else {
		part_start_later(p);
	}
}

/* ---- What the parts have in common ---- */

static void part_ended(struct child *c, int status)
{
	struct part *p = part_of_child(c);
	struct supervisor *s = p->s;
	enum part_id id = id_of(p);
	bool expected = s->stopping || id == PREPARE || signers_retired(&s->signers, p);

	poller_cancel(s->poller, &p->timer);
	log_line(expected ? LOG_DEBUG : LOG_WARN, "ended", LOG_TEXT("process", c->name),
		 LOG_INT("status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
		 LOG_INT("signal", status != -1 && WIFSIGNALED(status) ? WTERMSIG(status) : 0));
	if (s->stopping) {
		if (id == POSTGRES)
			relay_close(&s->relay);
		stop_next(s);
		return;
	}
	switch (id) {
	case PREPARE:
		prepare_ended(p, status);
		return;
	case SERVICE:
		service_ended(p);
		return;
	case SIGNER:
	case OTHER_SIGNER:
		signers_ended(&s->signers, p, s->parts[SERVICE].child.pid != 0);
		return;
	case POSTGRES:
		postgres_ended(p);
		return;
	case PARTS:
		return;
	}
}

static void start_signer(struct supervisor *s)
{
	signers_renew(&s->signers);
}

static void part_due(struct timer *t)
{
	struct part *p = part_of_timer(t);
	static void (*const starts[PARTS])(struct supervisor * s) = {
		[PREPARE] = start_prepare,     [SERVICE] = start_service,   [SIGNER] = start_signer,
		[OTHER_SIGNER] = start_signer, [POSTGRES] = start_postgres,
	};

	if (p->s->stopping || (id_of(p) == POSTGRES && p->s->database_leaving))
		patience_ended(p);
	else
		starts[id_of(p)](p->s);
}

/* ---- Signals ---- */

static void asked_to_stop(struct supervisor *s)
{
	if (!s->stopping) {
		log_line(LOG_INFO, "stopping");
		stop(s, 0);
	} else if (!s->hurried) {
		s->hurried = true;
		child_signal(&s->parts[SERVICE].child, SIGKILL);
	}
}

static void signal_came(struct watch *w, uint32_t events)
{
	struct supervisor *s = OWNER_OF(w, struct supervisor, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(w->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo != SIGHUP)
		asked_to_stop(s);
	else if (!s->stopping && s->parts[SERVICE].child.pid)
		signers_renew(&s->signers);
}

static bool watch_signals(struct supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return false;
	s->signals = (struct watch){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
				    .ready = signal_came};
	return s->signals.fd >= 0 && poller_watch(s->poller, &s->signals, EPOLLIN);
}

/* ---- The whole ---- */

/* What the children read: the settings as they are in force, the passwords included,
 * in memory that has no name. */
static bool write_settings(struct supervisor *s)
{
	s->settings_fd = memfd_create("settings", MFD_CLOEXEC);
	int copy = fcntl(s->settings_fd, F_DUPFD_CLOEXEC, 0);
	FILE *f = copy < 0 ? NULL : fdopen(copy, "w");

	if (!f)
		return false;
	s->signers.settings_fd = s->settings_fd;
	settings_write(s->settings, f);
	return fclose(f) == 0;
}

/* As root this makes and gives away the state folder, and then root is gone. */
static struct problem settle_in(struct supervisor *s)
{
	struct arena *a = s->arena;
	const struct config *c = s->config;

	TRY(identity_find(a, c, &s->who));
	TRY(state_make(a, c->state, &s->who));
	TRY(identity_become(a, &s->who));
	TRY(sandbox_supervisor(a));
	TRY(state_lock(a, c->state));
	FAILPOINT(STATE_LOCKED);
	if (!c->embedded)
		return NO_PROBLEM;
	TRY(postgres_locate(a, c, &s->who, &s->pg));
	TRY(postgres_find(a, c, &s->pg));
	TRY(postgres_init(a, &s->pg));
	settings_replace(s->settings, "database_url", s->pg.conninfo);
	return NO_PROBLEM;
}

static void run(struct supervisor *s)
{
	if (s->config->embedded) {
		begin_postgres(s);
		poll_database(&s->poll);
	} else {
		start_prepare(s);
	}
	while (!s->stopping || !all_ended(s))
		poller_turn(s->poller, INT64_MAX);
}

static int report(const char *why)
{
	log_line(LOG_ERROR, "cannot_start", LOG_TEXT("why", why));
	return 1;
}

static int begin_and_run(struct supervisor *s)
{
	struct problem p = settle_in(s);

	if (p.code != PROBLEM_NONE)
		return report(p.detail);
	if (!watch_signals(s) || !write_settings(s))
		return report(strerror(errno));
	run(s);
	log_line(LOG_INFO, "stopped");
	return s->status;
}

int supervise(struct arena *a, struct settings *settings, const struct config *c)
{
	struct supervisor s = {.arena = a,
			       .scratch = arena_new(1 << 20),
			       .settings = settings,
			       .config = c,
			       .poller = poller_new(),
			       .control = {.fd = -1},
			       .poll = {.expired = poll_database}};

	for (int id = 0; id < PARTS; id++)
		s.parts[id] = (struct part){
			.s = &s,
			.timer = {.expired = part_due},
			.child = {.poller = s.poller,
				  .name = part_rows[id].name,
				  .ended = part_ended},
		};
	s.signers = (struct signers){
		.poller = s.poller,
		.seats = {&s.parts[SIGNER], &s.parts[OTHER_SIGNER]},
		.control = &s.control,
		.loops = c->loops,
	};
	int status = s.scratch && s.poller ? begin_and_run(&s) : report(strerror(errno));
	poller_free(s.poller);
	arena_free(s.scratch);
	return status;
}
