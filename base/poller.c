#include "base/poller.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timestamp.h"

enum { EVENTS = 256, FIRST_ROOM = 64 };

/* timers is a binary heap by moment: timers[1] is next, children of i are 2i, 2i+1. */
struct poller {
	int epoll;
	int count, room;
	struct timer **timers;
	int pending, next; /* events of the turn that are still to be called */
	struct epoll_event events[EVENTS];
};

struct poller *poller_new(void)
{
	struct poller *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->timers = calloc(FIRST_ROOM, sizeof(struct timer *));
	p->room = FIRST_ROOM;
	p->epoll = p->timers ? epoll_create1(EPOLL_CLOEXEC) : -1;
	if (p->epoll >= 0)
		return p;
	free(p->timers);
	free(p);
	return NULL;
}

void poller_free(struct poller *p)
{
	if (!p)
		return;
	close(p->epoll);
	free(p->timers);
	free(p);
}

bool poller_watch(struct poller *p, struct watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	if (w->events == events)
		return true;
	if (epoll_ctl(p->epoll, w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &e) != 0)
		return false;
	w->events = events;
	return true;
}

/* A watch that goes must not be called by an event of this same turn. */
void poller_unwatch(struct poller *p, struct watch *w)
{
	if (!w->events)
		return;
	epoll_ctl(p->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->events = 0;
	for (int i = p->next; i < p->pending; i++)
		if (p->events[i].data.ptr == w)
			p->events[i].data.ptr = NULL;
}

static void place(struct poller *p, int i, struct timer *t)
{
	p->timers[i] = t;
	t->place = i;
}

static void sift_up(struct poller *p, int i, struct timer *t)
{
	for (; i > 1 && p->timers[i / 2]->at > t->at; i /= 2)
		place(p, i, p->timers[i / 2]);
	place(p, i, t);
}

static void sift_down(struct poller *p, int i, struct timer *t)
{
	for (int child; (child = 2 * i) <= p->count; i = child) {
		if (child < p->count && p->timers[child + 1]->at < p->timers[child]->at)
			child++;
		if (p->timers[child]->at >= t->at)
			break;
		place(p, i, p->timers[child]);
	}
	place(p, i, t);
}

/* Timers keep deadlines; a process that cannot keep them is better restarted. */
static void make_room(struct poller *p)
{
	if (p->count + 1 < p->room)
		return;
	int more = p->room * 2;
	struct timer **timers = realloc(p->timers, (size_t)more * sizeof(struct timer *));
	if (!timers)
		log_out_of_memory("timers");
	p->timers = timers;
	p->room = more;
}

void poller_set(struct poller *p, struct timer *t, int64_t at)
{
	int64_t before = t->at;

	t->at = at;
	if (t->place && at >= before) {
		sift_down(p, t->place, t);
	} else if (t->place) {
		sift_up(p, t->place, t);
	} else {
		make_room(p);
		sift_up(p, ++p->count, t);
	}
}

void poller_cancel(struct poller *p, struct timer *t)
{
	int i = t->place;

	if (!i)
		return;
	t->place = 0;
	struct timer *last = p->timers[p->count--];
	if (last == t)
		return;
	if (i > 1 && p->timers[i / 2]->at > last->at)
		sift_up(p, i, last);
	else
		sift_down(p, i, last);
}

static int wait_ms(const struct poller *p, int64_t deadline)
{
	if (p->count && p->timers[1]->at < deadline)
		deadline = p->timers[1]->at;
	if (deadline == INT64_MAX)
		return -1;
	int64_t us = deadline - monotonic_us();
	if (us <= 0)
		return 0;
	return us > 3600000000 ? 3600000 : (int)((us + 999) / 1000);
}

void poller_turn(struct poller *p, int64_t deadline)
{
	int n = epoll_wait(p->epoll, p->events, EVENTS, wait_ms(p, deadline));

	p->pending = n < 0 ? 0 : n;
	for (p->next = 0; p->next < p->pending;) {
		struct epoll_event *e = &p->events[p->next++];
		struct watch *w = e->data.ptr;

		if (w)
			w->ready(w, e->events);
	}
	p->pending = p->next = 0;
	for (int64_t now = monotonic_us(); p->count && p->timers[1]->at <= now;) {
		struct timer *t = p->timers[1];

		poller_cancel(p, t);
		t->expired(t);
	}
}
