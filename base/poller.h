/* poller.h - one thread's epoll with its timers.
 *
 * Everything a thread waits for is a struct watch (a descriptor) or a struct
 * timer (a moment), each inside the struct of whoever waits. Nothing here is
 * shared between threads. Watches are level-triggered. A callback may add,
 * change or remove any watch or timer, its own included.
 */
#ifndef HALLMARK_BASE_POLLER_H
#define HALLMARK_BASE_POLLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct poller;

struct watch {
	int fd;
	uint32_t events; /* what is asked for now; set by poller_watch() */
	void (*ready)(struct watch *w, uint32_t events);
};

struct timer {
	int64_t at; /* monotonic_us() */
	void (*expired)(struct timer *t);
	int place; /* 0: not set */
};

struct poller *poller_new(void); /* NULL with errno set */
void poller_free(struct poller *p);

/* Asks for EPOLLIN and/or EPOLLOUT on w->fd; the first call adds the watch.
 * False with errno set when the kernel refuses. */
bool poller_watch(struct poller *p, struct watch *w, uint32_t events);
void poller_unwatch(struct poller *p, struct watch *w); /* before w->fd is closed */

void poller_set(struct poller *p, struct timer *t, int64_t at); /* sets or moves */
void poller_cancel(struct poller *p, struct timer *t);          /* nothing when not set */

/* Waits at most until the deadline (monotonic_us(); INT64_MAX: for ever), then
 * calls what is ready and what has expired. */
void poller_turn(struct poller *p, int64_t deadline);

#endif
