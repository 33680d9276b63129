#include "api/metrics.h"

#include <stdlib.h>

#include "api/route.h"

const int64_t metric_edges_us[METRIC_BUCKETS - 1] = {
	500, 1000, 2500, 5000, 10000, 25000, 100000, 500000, 1000000, 5000000, 30000000};

struct problem metrics_open(struct arena *a, struct metrics *m)
{
	m->routes = calloc((size_t)route_count + 1, sizeof(*m->routes));
	return m->routes ? NO_PROBLEM : problem(a, PROBLEM_INTERNAL, "out of memory");
}

void metrics_close(struct metrics *m)
{
	free(m->routes);
}

void metrics_request(struct metrics *m, const struct route *route, unsigned status, int64_t us)
{
	struct route_metrics *r = &m->routes[route ? route - routes : route_count];
	int bucket = 0;

	while (bucket < METRIC_BUCKETS - 1 && us > metric_edges_us[bucket])
		bucket++;
	counter_add(&r->by_class[status / 100 < STATUS_CLASSES ? status / 100 : 5], 1);
	counter_add(&r->buckets[bucket], 1);
	counter_add(&r->duration_us, (uint64_t)us);
}
