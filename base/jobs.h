/* jobs.h - a pool of threads for what blocks: storage and hashing.
 *
 * A loop fills a struct job, submits it with its own mailbox and goes on;
 * work() runs on a pool thread, then done() on the loop that owns the mailbox.
 * The job belongs to whoever made it and must live until done() is called.
 * Jobs of one mailbox may run at the same time and end in any order.
 */
#ifndef HALLMARK_BASE_JOBS_H
#define HALLMARK_BASE_JOBS_H

#include "base/poller.h"

struct jobs;
struct mailbox;

struct job {
	void (*work)(struct job *job);
	void (*done)(struct job *job);
	struct mailbox *home;
	struct job *next;
};

struct jobs *jobs_new(int threads); /* NULL with errno set */
void jobs_free(struct jobs *j);     /* waits for what runs; what waits is dropped */
void jobs_submit(struct jobs *j, struct mailbox *home, struct job *job);

/* One per loop: wakes it through an eventfd in its poller. */
struct mailbox *mailbox_new(struct poller *p); /* NULL with errno set */
void mailbox_free(struct mailbox *m);

/* Any thread may post: done() is then called on the mailbox's loop, work() never. */
void mailbox_post(struct mailbox *m, struct job *job);

#endif
