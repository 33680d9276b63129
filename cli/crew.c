#include "cli/crew.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/server.h"

enum { THREADS_MOST = 16, MEMBER_ARENA = 512 << 20, PROCESSORS_MOST = 8 };

struct crew {
	const struct cli *cli;
	size_t jobs;
	bool online;
	struct problem (*work)(struct crew_member *m, size_t job);
	void *who;
	atomic_size_t next;
	atomic_bool over;
	pthread_mutex_t lock; /* of the two below */
	struct arena *arena;
	struct problem first;
};

static const char *copy(struct arena *a, const char *s)
{
	return s ? arena_dup(a, s, strlen(s)) : NULL;
}

/* The problem must outlive the member's arena. */
static struct problem kept(struct arena *a, struct problem p)
{
	const struct problem_error **end = &p.errors;
	const struct problem_error *e = p.errors;

	p.detail = copy(a, p.detail);
	for (; e; e = e->next) {
		struct problem_error *mine = arena_alloc(a, sizeof(*mine));

		*mine = (struct problem_error){
			.pointer = copy(a, e->pointer),
			.parameter = copy(a, e->parameter),
			.header = copy(a, e->header),
			.detail = copy(a, e->detail),
		};
		*end = mine;
		end = &mine->next;
	}
	*end = NULL;
	return p;
}

static void report(struct crew *c, struct problem p)
{
	pthread_mutex_lock(&c->lock);
	if (c->first.code == PROBLEM_NONE)
		c->first = kept(c->arena, p);
	pthread_mutex_unlock(&c->lock);
	atomic_store(&c->over, true);
}

static void *member(void *who)
{
	struct crew *c = who;
	struct crew_member m = {.arena = arena_new(MEMBER_ARENA), .who = c->who};

	if (m.arena && c->online)
		m.http = server_another(c->cli);
	if (!m.arena || (c->online && !m.http))
		report(c,
		       (struct problem){.code = CLI_FAILED, .detail = "there is no memory left"});
	while (!atomic_load(&c->over)) {
		size_t job = atomic_fetch_add(&c->next, 1);

		if (job >= c->jobs)
			break;
		if (cli_stop) {
			report(c,
			       (struct problem){.code = CLI_INTERRUPTED, .detail = "interrupted"});
			break;
		}

		struct problem p = c->work(&m, job);

		if (p.code != PROBLEM_NONE)
			report(c, p);
		arena_reset(m.arena);
	}
	http_free(m.http);
	if (m.arena)
		arena_free(m.arena);
	return NULL;
}

struct problem crew_run(const struct cli *cli, int threads, bool online, size_t jobs,
			struct problem (*work)(struct crew_member *m, size_t job), void *who)
{
	struct crew c = {.cli = cli,
			 .jobs = jobs,
			 .online = online,
			 .work = work,
			 .who = who,
			 .arena = cli->arena};
	pthread_t thread[THREADS_MOST];
	int running = 0;

	if ((size_t)threads > jobs)
		threads = (int)jobs;
	if (threads > THREADS_MOST)
		threads = THREADS_MOST;
	pthread_mutex_init(&c.lock, NULL);
	while (running < threads && pthread_create(&thread[running], NULL, member, &c) == 0)
		running++;
	if (running == 0 && jobs)
		member(&c); /* no thread could be had: do it here */
	while (running > 0)
		pthread_join(thread[--running], NULL);
	pthread_mutex_destroy(&c.lock);
	return c.first;
}

int crew_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > PROCESSORS_MOST ? PROCESSORS_MOST : (int)n;
}
