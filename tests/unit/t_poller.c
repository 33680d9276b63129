#include <unistd.h>

#include "base/poller.h"
#include "base/timestamp.h"
#include "tap.h"

enum { TIMERS = 500 };

struct alarm {
	struct timer timer;
	int64_t wanted;
	bool rang;
};

static struct poller *poller;
static int64_t last;
static int rung, early, disordered;

/* Up to 20 ms, the same in every run. */
static int64_t some_delay(void)
{
	static uint32_t seed = 7;

	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % 20000;
}

static void ring(struct timer *t)
{
	struct alarm *a = (struct alarm *)t;

	rung++;
	a->rang = true;
	early += monotonic_us() < a->wanted;
	disordered += a->wanted < last;
	last = a->wanted;
}

static void timers_ring_in_order_whatever_was_moved(void)
{
	static struct alarm alarms[TIMERS];
	int64_t now = monotonic_us();
	int kept = 0, wrong = 0;

	for (int i = 0; i < TIMERS; i++) {
		alarms[i] = (struct alarm){.timer.expired = ring, .wanted = now + some_delay()};
		poller_set(poller, &alarms[i].timer, alarms[i].wanted);
	}
	for (int i = 0; i < TIMERS; i += 3) { /* moved both ways */
		alarms[i].wanted = now + some_delay();
		poller_set(poller, &alarms[i].timer, alarms[i].wanted);
	}
	for (int i = 0; i < TIMERS; i += 7)
		poller_cancel(poller, &alarms[i].timer);
	poller_cancel(poller, &alarms[0].timer);
	while (monotonic_us() < now + 30000)
		poller_turn(poller, now + 30000);
	for (int i = 0; i < TIMERS; i++) {
		kept += i % 7 != 0;
		wrong += alarms[i].rang != (i % 7 != 0);
	}
	is_int(rung, kept, "as many as were not cancelled");
	is_int(wrong, 0, "exactly those");
	is_int(early, 0, "none before its moment");
	is_int(disordered, 0, "in the order of their moments");
}

static int ticks;

static void tick_again(struct timer *t)
{
	if (++ticks < 5)
		poller_set(poller, t, monotonic_us() + 1000);
}

static void a_timer_may_set_itself_again(void)
{
	struct timer t = {.expired = tick_again};

	poller_set(poller, &t, 0);
	for (int64_t end = monotonic_us() + 50000; ticks < 5 && monotonic_us() < end;)
		poller_turn(poller, end);
	is_int(ticks, 5, "five times");
	is_int(t.place, 0, "then it is not set");
}

static void a_turn_ends_at_its_deadline(void)
{
	int64_t start = monotonic_us();

	poller_turn(poller, start + 5000);
	int64_t took = monotonic_us() - start;
	ok(took >= 5000 && took < 1000000, "waited the 5 ms asked for, took %lld µs",
	   (long long)took);
	poller_turn(poller, 0);
	ok(monotonic_us() - start < 1000000, "a past deadline does not wait");
}

struct end {
	struct watch watch;
	struct end *other; /* unwatched by whichever is called first */
	int calls;
	uint32_t seen;
};

static void called(struct watch *w, uint32_t events)
{
	struct end *e = (struct end *)w;

	e->calls++;
	e->seen |= events;
	if (e->other)
		poller_unwatch(poller, &e->other->watch);
}

static void watches_see_what_they_asked_for(void)
{
	int fd[2] = {-1, -1};
	struct end reads = {.watch.ready = called}, writes = {.watch.ready = called};

	ok(pipe(fd) == 0, "a pipe");
	reads.watch.fd = fd[0];
	writes.watch.fd = fd[1];
	ok(poller_watch(poller, &reads.watch, EPOLLIN), "watch the reading end");
	ok(poller_watch(poller, &writes.watch, EPOLLOUT), "watch the writing end");
	poller_turn(poller, 0);
	ok(reads.calls == 0 && writes.calls == 1, "only room to write so far");
	ok(write(fd[1], "x", 1) == 1, "one byte");
	poller_unwatch(poller, &writes.watch);
	poller_turn(poller, 0);
	poller_turn(poller, 0);
	ok(reads.calls == 2 && reads.seen == EPOLLIN, "level-triggered: called until it is read");
	is_int(writes.calls, 1, "an unwatched end is silent");
	poller_unwatch(poller, &reads.watch);
	poller_unwatch(poller, &reads.watch);
	struct end bad = {.watch = {.fd = -1, .ready = called}};
	ok(!poller_watch(poller, &bad.watch, EPOLLIN), "no descriptor is refused");
	close(fd[0]);
	close(fd[1]);
}

static void an_unwatched_one_is_not_called_in_the_same_turn(void)
{
	int one[2] = {-1, -1}, two[2] = {-1, -1};
	struct end a = {.watch.ready = called}, b = {.watch.ready = called};

	ok(pipe(one) == 0 && pipe(two) == 0 && write(one[1], "x", 1) == 1 &&
		   write(two[1], "x", 1) == 1,
	   "two pipes with something in each");
	a.watch.fd = one[0];
	b.watch.fd = two[0];
	a.other = &b;
	b.other = &a;
	poller_watch(poller, &a.watch, EPOLLIN);
	poller_watch(poller, &b.watch, EPOLLIN);
	poller_turn(poller, 0);
	is_int(a.calls + b.calls, 1, "the first ended the second");
	poller_unwatch(poller, &a.watch);
	poller_unwatch(poller, &b.watch);
	close(one[0]), close(one[1]), close(two[0]), close(two[1]);
}

int main(void)
{
	poller = poller_new();
	timers_ring_in_order_whatever_was_moved();
	a_timer_may_set_itself_again();
	a_turn_ends_at_its_deadline();
	watches_see_what_they_asked_for();
	an_unwatched_one_is_not_called_in_the_same_turn();
	poller_free(poller);
	poller_free(NULL);
	return tap_done();
}
