/* jobs.h - a pool of threads for what blocks: storage and hashing.
 *
 * A loop fills a struct job, submits it with its own mailbox and goes on;
 * work() runs on a pool thread, then done() on the loop that owns the mailbox.
 * The job belongs to whoever made it and must live until done() is called.
 * Jobs start in the order they were submitted; they run at the same time and
 * end in any order.
 *
 * A job without done() tells nobody of its end: its work() may free it.
 */
#ifndef HALLMARK_BASE_JOBS_H
#define HALLMARK_BASE_JOBS_H

#include "base/poller.h"

struct jobs;
struct mailbox;

struct job {
	void (*work)(struct job *job);
	void (*done)(struct job *job); /* NULL: see above */
	struct mailbox *home;
	struct job *next;
};

/* At most so many threads, 1 to JOBS_THREADS. One starts at once, the others
 * when work waits for them. NULL with errno set. */
enum { JOBS_THREADS = 256 };
struct jobs *jobs_new(int threads);

/* Waits for what runs. Of what still waits, jobs without done() are run and the
 * others dropped: their makers have gone. Comes before mailbox_free(). */
void jobs_free(struct jobs *j);

/* Any thread may submit. home is not used for a job without done(). */
void jobs_submit(struct jobs *j, struct mailbox *home, struct job *job);

/* One per loop: wakes it through an eventfd in its poller. */
struct mailbox *mailbox_new(struct poller *p); /* NULL with errno set */
void mailbox_free(struct mailbox *m);          /* once nobody can post any more */

/* Jobs submitted with this home whose done() has not been called. Asked on its loop. */
int mailbox_awaits(const struct mailbox *m);

/* Any thread may post: done() is then called on the mailbox's loop, work() never. */
void mailbox_post(struct mailbox *m, struct job *job);

#endif
