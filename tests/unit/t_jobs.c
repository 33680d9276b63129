#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/jobs.h"
#include "base/timestamp.h"
#include "tap.h"

static struct poller *poller;
static struct mailbox *mailbox;
static pthread_t loop;
static int done_count, done_elsewhere, done_out_of_order;

static bool turn_until(const int *count, int want)
{
	int64_t end = monotonic_us() + 10000000;

	while (*count < want && monotonic_us() < end)
		poller_turn(poller, end);
	return *count == want;
}

struct numbered {
	struct job job;
	int number, worked;
};

static void work(struct job *job)
{
	((struct numbered *)job)->worked++;
}

static void done(struct job *job)
{
	static int expected;
	const struct numbered *n = (struct numbered *)job;

	done_elsewhere += !pthread_equal(pthread_self(), loop);
	done_out_of_order += n->number != expected++;
	done_count++;
}

static void one_thread_keeps_the_order(void)
{
	static struct numbered all[1000];
	struct jobs *j = jobs_new(1);
	int unworked = 0;

	for (int i = 0; i < 1000; i++) {
		all[i] = (struct numbered){.job = {.work = work, .done = done}, .number = i};
		jobs_submit(j, mailbox, &all[i].job);
	}
	ok(turn_until(&done_count, 1000), "every job was done");
	for (int i = 0; i < 1000; i++)
		unworked += all[i].worked != 1;
	is_int(unworked, 0, "and worked once before");
	is_int(done_elsewhere, 0, "done() runs on the loop");
	is_int(done_out_of_order, 0, "in the order of submission");
	jobs_free(j);
}

static int tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	for (const struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

enum { TOGETHER = 6 };
static pthread_barrier_t barrier;

static void meet(struct job *job)
{
	(void)job;
	pthread_barrier_wait(&barrier);
}

static int met;

static void count_met(struct job *job)
{
	(void)job;
	met++;
}

static void threads_start_when_work_waits_up_to_the_limit(void)
{
	static struct job all[2 * TOGETHER];
	const int before = tasks();
	struct jobs *j = jobs_new(TOGETHER);

	is_int(tasks() - before, 1, "one thread to begin with");
	pthread_barrier_init(&barrier, NULL, TOGETHER);
	for (int i = 0; i < 2 * TOGETHER; i++) {
		all[i] = (struct job){.work = meet, .done = count_met};
		jobs_submit(j, mailbox, &all[i]);
	}
	/* With a thread too few this would wait for ever: six must be at the barrier at once. */
	ok(turn_until(&met, 2 * TOGETHER), "twelve jobs met, six at a time");
	is_int(tasks() - before, TOGETHER, "and not one thread more than allowed");
	jobs_free(j);
	for (int64_t end = monotonic_us() + 1000000; tasks() > before && monotonic_us() < end;)
		usleep(1000); /* the kernel lists a joined thread for a moment longer */
	is_int(tasks(), before, "all have ended");
	pthread_barrier_destroy(&barrier);
}

/* A woken thread counts as idle until it runs: the second job must not trust in it. */
static void two_jobs_never_share_one_idle_thread(void)
{
	static struct job pair[2];
	bool good = true;

	for (int i = 0; good && i < 30; i++) {
		struct jobs *j = jobs_new(2);

		usleep(1000); /* the first thread is idle by now */
		met = 0;
		pthread_barrier_init(&barrier, NULL, 2);
		for (int k = 0; k < 2; k++) {
			pair[k] = (struct job){.work = meet, .done = count_met};
			jobs_submit(j, mailbox, &pair[k]);
		}
		good = turn_until(&met, 2);
		if (!good)
			break; /* they will never meet now: nothing can be freed */
		jobs_free(j);
		pthread_barrier_destroy(&barrier);
	}
	ok(good, "two jobs that need each other met, thirty times");
}

static atomic_int freed;

static void free_yourself(struct job *job)
{
	free(job);
	atomic_fetch_add(&freed, 1);
}

static atomic_bool gate;

static void hold(struct job *job)
{
	(void)job;
	while (!atomic_load(&gate))
		usleep(100);
}

static void a_mailbox_knows_what_it_awaits(void)
{
	struct jobs *j = jobs_new(1);
	struct job held = {.work = hold, .done = count_met}, posted = {.done = count_met};

	met = 0;
	is_int(mailbox_awaits(mailbox), 0, "nothing was submitted");
	jobs_submit(j, mailbox, &held);
	mailbox_post(mailbox, &posted);
	ok(turn_until(&met, 1), "what was posted is done at once");
	is_int(mailbox_awaits(mailbox), 1, "the job still runs");
	atomic_store(&gate, true);
	ok(turn_until(&met, 2), "and ends");
	is_int(mailbox_awaits(mailbox), 0, "nobody posts any more");
	jobs_free(j);
	atomic_store(&gate, false);
}

static void *open_gate_later(void *arg)
{
	usleep(20000);
	atomic_store(&gate, true);
	return arg;
}

static void the_end_runs_what_nobody_waits_for_and_drops_the_rest(void)
{
	struct jobs *j = jobs_new(1);
	struct job held = {.work = hold};
	struct numbered dropped = {.job = {.work = work, .done = done}};
	pthread_t opener;

	jobs_submit(j, NULL, &held);
	jobs_submit(j, mailbox, &dropped.job);
	for (int i = 0; i < 10; i++) {
		struct job *job = calloc(1, sizeof(*job));

		job->work = free_yourself;
		jobs_submit(j, NULL, job);
	}
	pthread_create(&opener, NULL, open_gate_later, NULL);
	jobs_free(j);
	pthread_join(opener, NULL);
	is_int(atomic_load(&freed), 10, "jobs without done() were run");
	is_int(dropped.worked, 0, "the one with done() was not");
}

enum { POSTERS = 4, EACH = 20000 };
static int posted_done;

static void count_posted(struct job *job)
{
	(void)job;
	posted_done++;
}

static void *post_many(void *arg)
{
	struct job *jobs = arg;

	for (int i = 0; i < EACH; i++) {
		jobs[i].done = count_posted;
		mailbox_post(mailbox, &jobs[i]);
	}
	return NULL;
}

static void no_posted_job_is_lost(void)
{
	static struct job jobs[POSTERS][EACH];
	pthread_t thread[POSTERS];

	for (int i = 0; i < POSTERS; i++)
		pthread_create(&thread[i], NULL, post_many, jobs[i]);
	ok(turn_until(&posted_done, POSTERS * EACH), "80,000 from four threads all arrived");
	for (int i = 0; i < POSTERS; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < 3; i++)
		mailbox_post(mailbox, &jobs[0][i]);
	poller_turn(poller, 0);
	is_int(posted_done, POSTERS * EACH + 3, "one wake-up brings the whole batch");
}

struct chain {
	struct job job;
	struct jobs *jobs;
	int left, over;
};

static void again(struct job *job)
{
	struct chain *c = (struct chain *)job;

	if (c->left-- > 0)
		jobs_submit(c->jobs, mailbox, job);
	else
		c->over = 1;
}

static void nothing(struct job *job)
{
	(void)job;
}

static void done_may_submit_the_job_again(void)
{
	struct chain c = {
		.job = {.work = nothing, .done = again}, .jobs = jobs_new(2), .left = 5000};

	jobs_submit(c.jobs, mailbox, &c.job);
	ok(turn_until(&c.over, 1), "5,000 times one after the other");
	jobs_free(c.jobs);
}

static void a_senseless_pool_is_refused(void)
{
	static const int counts[] = {0, -1, JOBS_THREADS + 1};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		errno = 0;
		ok(!jobs_new(counts[i]) && errno == EINVAL, "%d threads", counts[i]);
	}
	jobs_free(NULL);
	mailbox_free(NULL);
}

int main(void)
{
	loop = pthread_self();
	poller = poller_new();
	mailbox = mailbox_new(poller);
	one_thread_keeps_the_order();
	threads_start_when_work_waits_up_to_the_limit();
	two_jobs_never_share_one_idle_thread();
	a_mailbox_knows_what_it_awaits();
	the_end_runs_what_nobody_waits_for_and_drops_the_rest();
	no_posted_job_is_lost();
	done_may_submit_the_job_again();
	a_senseless_pool_is_refused();
	mailbox_free(mailbox);
	poller_free(poller);
	return tap_done();
}
