#include "api/service.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/listen.h"
#include "api/loop.h"
#include "api/probes.h"
#include "api/route.h"
#include "base/timestamp.h"
#include "base/uuid.h"

enum { SWEEP_ARENA = 1024 * 1024 };

struct threads {
	pthread_t ids[LOOPS_MAX];
};
static struct threads threads;

static struct problem open_parts(struct arena *a, const struct service_options *o,
				 struct service *s)
{
	int probe;

	s->options = *o;
	s->started_at = timestamp_now();
	uuid_new(s->replica);
	signal(SIGPIPE, SIG_IGN);
	TRY(store_open(a, &o->storage, &s->store));
	s->jobs = jobs_new(o->jobs);
	if (!s->jobs)
		return problem(a, PROBLEM_INTERNAL, "out of memory");
	TRY(listen_open(a, o->listen, false, &probe));
	close(probe);
	routes_prepare();
	while (s->nloops < o->loops && s->nloops < LOOPS_MAX) {
		TRY(loop_open(a, s, s->nloops, &s->loops[s->nloops]));
		s->nloops++;
	}
	return o->probes ? probes_open(a, s, o->probes, &s->probes) : NO_PROBLEM;
}

struct problem service_open(struct arena *a, const struct service_options *o, struct service **out)
{
	struct service *s = calloc(1, sizeof(*s));

	if (!s)
		return problem(a, PROBLEM_INTERNAL, "out of memory");
	struct problem p = open_parts(a, o, s);
	if (p.code == PROBLEM_NONE)
		*out = s;
	else
		service_close(s);
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
	loop_run(loop);
	return NULL;
}

void service_start(struct service *s)
{
	for (int i = 0; i < s->nloops; i++)
		if (pthread_create(&threads.ids[i], NULL, run, s->loops[i]) != 0)
			abort(); /* at start: the supervisor tries again */
	sweep_start(s);
}

bool service_ready(const struct service *s)
{
	for (int i = 0; i < s->nloops; i++)
		if (!atomic_load(&s->loops[i]->ready))
			return false;
	return !atomic_load(&s->draining);
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

void service_signer_socket(struct service *s, int loop, int fd)
{
	struct new_socket *n = calloc(1, sizeof(*n));

	if (!n)
		abort(); /* without a signer nothing can be stored: start again */
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

void service_drain(struct service *s)
{
	const struct timespec delay = {s->options.drain_delay_us / 1000000,
				       s->options.drain_delay_us % 1000000 * 1000};

	atomic_store(&s->draining, true);
	nanosleep(&delay, NULL);
	atomic_store(&s->closing, true);
	wake_loops(s);
	for (int i = 0; i < s->nloops; i++)
		pthread_join(threads.ids[i], NULL);
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

bool service_close(struct service *s)
{
	if (!all_idle(s))
		return false;
	probes_close(s->probes);
	jobs_free(s->jobs); /* what runs still posts to a loop */
	for (int i = 0; i < s->nloops; i++)
		loop_close(s->loops[i]);
	if (s->store)
		s->store->ops->close(s->store);
	free(s);
	return true;
}
