#include "base/jobs.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STACK = 256 * 1024 };

/* Posted jobs are a stack that threads push to and the loop takes whole. */
struct mailbox {
	struct watch watch;
	struct poller *poller;
	_Atomic(struct job *) posted;
	atomic_int awaits;
};

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t work_waits;
	struct job *first, **end; /* waiting, oldest first */
	int waiting, idle;        /* jobs; threads */
	int threads, limit;
	bool stop;
	pthread_t thread[];
};

/* The eventfd is read before the stack is taken: a job pushed in between finds
 * the stack empty and writes again, so no wake-up is ever lost. */
static void mailbox_ready(struct watch *w, uint32_t events)
{
	struct mailbox *m = (struct mailbox *)w;
	struct job *batch = NULL;
	uint64_t count;

	(void)events;
	(void)!read(w->fd, &count, sizeof(count));
	for (struct job *j = atomic_exchange(&m->posted, NULL), *next; j; j = next) {
		next = j->next;
		j->next = batch; /* turns the stack round: first come, first served */
		batch = j;
	}
	for (struct job *next; batch; batch = next) {
		next = batch->next; /* done() may free the job or submit it again */
		if (batch->home)
			atomic_fetch_sub(&m->awaits, 1);
		batch->done(batch);
	}
}

struct mailbox *mailbox_new(struct poller *p)
{
	struct mailbox *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->poller = p;
	m->watch = (struct watch){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
				  .ready = mailbox_ready};
	if (m->watch.fd >= 0 && poller_watch(p, &m->watch, EPOLLIN))
		return m;
	int saved = errno;
	if (m->watch.fd >= 0)
		close(m->watch.fd);
	free(m);
	errno = saved;
	return NULL;
}

void mailbox_free(struct mailbox *m)
{
	if (!m)
		return;
	poller_unwatch(m->poller, &m->watch);
	close(m->watch.fd);
	free(m);
}

int mailbox_awaits(const struct mailbox *m)
{
	return atomic_load(&m->awaits);
}

/* Puts it on the stack. Only the first job of a batch finds the stack empty, and only it pays a
 * system call. */
static void push(struct mailbox *m, struct job *job)
{
	static const uint64_t one = 1;
	struct job *top = atomic_load_explicit(&m->posted, memory_order_relaxed);

	do
		job->next = top;
	while (!atomic_compare_exchange_weak(&m->posted, &top, job));
	if (!top)
		(void)!write(m->watch.fd, &one, sizeof(one));
}

void mailbox_post(struct mailbox *m, struct job *job)
{
	job->home = NULL; /* nobody submitted it */
	push(m, job);
}

static struct job *take_waiting(struct jobs *j)
{
	while (!j->first && !j->stop) {
		j->idle++;
		pthread_cond_wait(&j->work_waits, &j->lock);
		j->idle--;
	}
	struct job *job = j->first;
	if (job) {
		j->first = job->next;
		j->waiting--;
		if (!j->first)
			j->end = &j->first;
	}
	return job;
}

static void run(struct job *job, bool stop)
{
	if (!job->done) {
		job->work(job); /* may have freed it */
	} else if (!stop) {
		job->work(job);
		push(job->home, job);
	}
}

static void *thread_main(void *arg)
{
	struct jobs *j = arg;
	struct job *job;

	pthread_mutex_lock(&j->lock);
	while ((job = take_waiting(j))) {
		bool stop = j->stop;

		pthread_mutex_unlock(&j->lock);
		run(job, stop);
		pthread_mutex_lock(&j->lock);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

/* Signals are the loops' business: pool threads block them all. */
static int start_thread(struct jobs *j)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int error = pthread_attr_init(&attr);

	if (error)
		return error;
	pthread_attr_setstacksize(&attr, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&j->thread[j->threads], &attr, thread_main, j);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!error)
		j->threads++;
	return error;
}

struct jobs *jobs_new(int threads)
{
	if (threads < 1 || threads > JOBS_THREADS) {
		errno = EINVAL;
		return NULL;
	}
	struct jobs *j = calloc(1, sizeof(*j) + (size_t)threads * sizeof(j->thread[0]));
	if (!j)
		return NULL;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->work_waits, NULL);
	j->end = &j->first;
	j->limit = threads;
	int error = start_thread(j);
	if (error) {
		jobs_free(j);
		errno = error;
		return NULL;
	}
	return j;
}

void jobs_free(struct jobs *j)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	j->stop = true;
	pthread_cond_broadcast(&j->work_waits);
	int threads = j->threads;
	pthread_mutex_unlock(&j->lock);
	for (int i = 0; i < threads; i++)
		pthread_join(j->thread[i], NULL);
	pthread_cond_destroy(&j->work_waits);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

/* A thread that was woken counts as idle until it runs: comparing with all that
 * waits keeps a second job from waiting behind the first for a thread that is
 * already taken. A thread that cannot be started is no loss, one always runs. */
void jobs_submit(struct jobs *j, struct mailbox *home, struct job *job)
{
	job->home = home;
	job->next = NULL;
	if (job->done)
		atomic_fetch_add(&home->awaits, 1);
	pthread_mutex_lock(&j->lock);
	*j->end = job;
	j->end = &job->next;
	j->waiting++;
	if (j->waiting > j->idle && j->threads < j->limit && !j->stop)
		start_thread(j);
	bool wake = j->idle > 0;
	pthread_mutex_unlock(&j->lock);
	if (wake)
		pthread_cond_signal(&j->work_waits);
}
