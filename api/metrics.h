/* metrics.h - what a loop counts.
 *
 * Each loop counts for itself; a scrape adds the loops up (api/exposition.h). Counters are written
 * by one thread and read by any, so they are relaxed atomics without a lock.
 */
#ifndef HALLMARK_API_METRICS_H
#define HALLMARK_API_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/problem.h"

struct route;

enum { METRIC_BUCKETS = 12, STATUS_CLASSES = 6 };

struct route_metrics {
	_Atomic uint64_t by_class[STATUS_CLASSES]; /* [2]: 2xx */
	_Atomic uint64_t buckets[METRIC_BUCKETS];  /* not cumulative; the last is +Inf */
	_Atomic uint64_t duration_us;
};

struct metrics {
	struct route_metrics *routes; /* one per route, and one for requests without */
	_Atomic uint64_t in_flight, connections, accepted, closed_slow;
	_Atomic uint64_t upload_bytes, download_bytes, signatures, auth_failures;
	_Atomic uint64_t db_ready, db_waiting, db_reconnects;
};

/* Upper edges; the last bucket has none. */
extern const int64_t metric_edges_us[METRIC_BUCKETS - 1];

struct problem metrics_open(struct arena *a, struct metrics *m) MUST_CHECK;
void metrics_close(struct metrics *m);
void metrics_request(struct metrics *m, const struct route *route, unsigned status, int64_t us);

/* Single writer: no locked instruction. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t v = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, v + n, memory_order_relaxed);
}
static inline void gauge_set(_Atomic uint64_t *gauge, uint64_t v)
{
	atomic_store_explicit(gauge, v, memory_order_relaxed);
}

#endif
