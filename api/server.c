#include "api/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/daemon.h"
#include "api/listen.h"
#include "api/loop.h"
#include "api/probes.h"
#include "api/route.h"
#include "base/digest.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "base/uuid.h"

enum { SWEEP_ARENA = 1024 * 1024 };

struct server {
	struct service service;
	struct probes *probes;
	pthread_t threads[LOOPS_MAX]; /* of the loops */
};

static struct problem open_parts(struct arena *a, const struct service_options *o,
				 struct server *server)
{
	struct service *s = &server->service;
	int probe;

	s->options = *o;
	s->started_at = timestamp_now();
	uuid_new(s->replica);
	signal(SIGPIPE, SIG_IGN);
	if (!digest_prepare())
		return problem(a, PROBLEM_INTERNAL, "OpenSSL has no SHA-256: out of memory?");
	TRY(store_open(a, &o->storage, &s->store));
	s->jobs = jobs_new(o->jobs);
	if (!s->jobs)
		return problem(a, PROBLEM_INTERNAL, "out of memory");
	TRY(listen_open(a, o->listen, false, &probe));
	close(probe);
	routes_prepare();
	while (s->nloops < o->loops && s->nloops < LOOPS_MAX) {
		struct loop **loop = &s->loops[s->nloops];

		TRY(loop_open(a, s, s->nloops, loop));
		TRY(daemon_open(a, *loop));
		s->nloops++;
	}
	return o->probes ? probes_open(a, s, o->probes, &server->probes) : NO_PROBLEM;
}

struct problem server_open(struct arena *a, const struct service_options *o, struct server **out)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return problem(a, PROBLEM_INTERNAL, "out of memory");
	struct problem p = open_parts(a, o, server);
	if (p.code == PROBLEM_NONE)
		*out = server;
	else
		server_close(server);
	return p;
}

/* What uploads of a process that was killed have left in the store. */
struct sweep {
	struct job job;
	struct service *service;
};

static void sweep(struct job *job)
{
	struct sweep *s = (struct sweep *)job;
	struct store *store = s->service->store;
	struct arena *a = arena_new(SWEEP_ARENA);
	int64_t removed = 0;

	if (a && store->ops->sweep(store, a, &removed).code == PROBLEM_NONE && removed > 0)
		log_line(LOG_INFO, "swept", LOG_INT("uploads", removed));
	FAILPOINT(SWEPT);
	arena_free(a);
	free(s);
}

static void sweep_start(struct service *s)
{
	struct sweep *sweeping = calloc(1, sizeof(*sweeping));

	if (!sweeping)
		return; /* the next start sweeps */
	*sweeping = (struct sweep){.job.work = sweep, .service = s};
	jobs_submit(s->jobs, s->loops[0]->mailbox, &sweeping->job);
}

static void *run(void *loop)
{
	daemon_run(loop);
	return NULL;
}

void server_start(struct server *server)
{
	struct service *s = &server->service;

	for (int i = 0; i < s->nloops; i++) {
		int error = pthread_create(&server->threads[i], NULL, run, s->loops[i]);

		if (error == 0)
			continue;
		log_line(LOG_ERROR, "start", LOG_TEXT("why", "a loop got no thread"),
			 LOG_TEXT("error", strerror(error)));
		_exit(1); /* loops that run already are not stopped in order; the supervisor tries
			     again */
	}
	sweep_start(s);
}

struct new_socket {
	struct job job;
	struct loop *loop;
	int fd;
};

static void take_socket(struct job *job)
{
	struct new_socket *n = (struct new_socket *)job;

	signer_socket(n->loop->signer, n->fd);
	free(n);
}

bool server_ready(const struct server *server)
{
	return !service_unready(&server->service);
}

void server_signer_socket(struct server *server, int loop, int fd)
{
	struct service *s = &server->service;

	FAILPOINT(SIGNER_SOCKET_TAKEN);
	if (loop >= s->nloops) {
		close(fd);
		return;
	}
	struct new_socket *n = calloc(1, sizeof(*n));
	if (!n)
		log_out_of_memory("a signer"); /* without one nothing can be stored */
	*n = (struct new_socket){.job.done = take_socket, .loop = s->loops[loop], .fd = fd};
	mailbox_post(s->loops[loop]->mailbox, &n->job);
}

static void nothing(struct job *job)
{
	(void)job;
}

/* A loop that waits for events must hear of the flag; it may end without reading this. */
static void wake_loops(struct service *s)
{
	for (int i = 0; i < s->nloops; i++) {
		struct loop *loop = s->loops[i];

		loop->wake.done = nothing;
		mailbox_post(loop->mailbox, &loop->wake);
	}
}

void server_drain(struct server *server)
{
	struct service *s = &server->service;
	const struct timespec delay = {s->options.drain_delay_us / 1000000,
				       s->options.drain_delay_us % 1000000 * 1000};

	atomic_store(&s->draining, true);
	FAILPOINT(DRAINING);
	nanosleep(&delay, NULL);
	atomic_store(&s->closing, true);
	wake_loops(s);
	for (int i = 0; i < s->nloops; i++)
		pthread_join(server->threads[i], NULL);
}

static bool all_idle(const struct service *s)
{
	bool idle = true;

	for (int i = 0; i < s->nloops; i++) {
		if (!loop_busy(s->loops[i]))
			continue;
		log_line(LOG_WARN, "drain_cut", LOG_INT("requests", s->loops[i]->requests));
		idle = false;
	}
	return idle;
}

bool server_close(struct server *server)
{
	struct service *s = &server->service;

	if (!all_idle(s))
		return false;
	probes_close(server->probes);
	jobs_free(s->jobs); /* what runs still posts to a loop */
	for (int i = 0; i < s->nloops; i++) {
		daemon_close(s->loops[i]);
		loop_close(s->loops[i]);
	}
	if (s->store)
		s->store->ops->close(s->store);
	free(server);
	return true;
}
