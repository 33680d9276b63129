#include "api/exposition.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api/loop.h"
#include "api/metrics.h"
#include "api/route.h"

#define ABOUT(name, type, help)                                                                    \
	{                                                                                          \
		"hallmark_" name, type, help                                                       \
	}
/* Every metric of ours; a test holds docs/metrics.md against what is served. */
static const struct {
	const char *name, *type, *help;
} abouts[] = {
	ABOUT("build_info", "gauge", "Always 1; the version is in the label."),
	ABOUT("start_time_seconds", "gauge", "When the service started, seconds since 1970."),
	ABOUT("http_requests_total", "counter",
	      "Requests answered, by route, method and status class."),
	ABOUT("http_request_duration_seconds", "histogram",
	      "From the request line to the last byte of the reply, by route and method."),
	ABOUT("http_requests_in_flight", "gauge", "Requests that are being worked on."),
	ABOUT("http_connections", "gauge", "Open client connections."),
	ABOUT("http_connections_total", "counter", "Client connections accepted."),
	ABOUT("http_slow_closed_total", "counter",
	      "Connections closed because the client sent or read too slowly."),
	ABOUT("auth_failures_total", "counter",
	      "Requests with a missing, unknown, expired or revoked token."),
	ABOUT("upload_bytes_total", "counter", "Bytes of artifacts received."),
	ABOUT("download_bytes_total", "counter", "Bytes of artifacts in replies."),
	ABOUT("signatures_total", "counter", "Signatures made for artifacts and versions."),
	ABOUT("db_ready", "gauge", "Loops that are connected to the database."),
	ABOUT("db_waiting", "gauge", "Statements that wait for a database connection."),
	ABOUT("db_reconnects_total", "counter", "Database connections opened again after a loss."),
};
#undef ABOUT

struct text {
	struct arena *arena;
	char *s;
	size_t len, room;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char line[512];
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line))
		return;
	if (t->room - t->len < (size_t)n + 1) {
		char *s = arena_bytes(t->arena, t->room * 2);

		memcpy(s, t->s, t->len);
		t->s = s;
		t->room *= 2;
	}
	memcpy(t->s + t->len, line, (size_t)n + 1);
	t->len += (size_t)n;
}

static void about(struct text *t, const char *name)
{
	for (size_t i = 0; i < sizeof(abouts) / sizeof(abouts[0]); i++)
		if (strcmp(abouts[i].name, name) == 0)
			add(t, "# HELP %s %s\n# TYPE %s %s\n", name, abouts[i].help, name,
			    abouts[i].type);
}

/* offset: of an _Atomic uint64_t in struct metrics. */
static uint64_t sum(const struct service *s, size_t offset)
{
	uint64_t total = 0;

	for (int i = 0; i < s->nloops; i++) {
		char *m = (char *)&s->loops[i]->metrics;

		total += atomic_load_explicit((_Atomic uint64_t *)(void *)(m + offset),
					      memory_order_relaxed);
	}
	return total;
}

static const struct {
	const char *name;
	size_t offset;
} sums[] = {
	{"hallmark_http_requests_in_flight", offsetof(struct metrics, in_flight)},
	{"hallmark_http_connections", offsetof(struct metrics, connections)},
	{"hallmark_http_connections_total", offsetof(struct metrics, accepted)},
	{"hallmark_http_slow_closed_total", offsetof(struct metrics, closed_slow)},
	{"hallmark_auth_failures_total", offsetof(struct metrics, auth_failures)},
	{"hallmark_upload_bytes_total", offsetof(struct metrics, upload_bytes)},
	{"hallmark_download_bytes_total", offsetof(struct metrics, download_bytes)},
	{"hallmark_signatures_total", offsetof(struct metrics, signatures)},
	{"hallmark_db_ready", offsetof(struct metrics, db_ready)},
	{"hallmark_db_waiting", offsetof(struct metrics, db_waiting)},
	{"hallmark_db_reconnects_total", offsetof(struct metrics, db_reconnects)},
};

struct route_sum {
	uint64_t by_class[STATUS_CLASSES], buckets[METRIC_BUCKETS], duration_us, count;
};

static struct route_sum route_sum(const struct service *s, int route)
{
	struct route_sum total = {0};

	for (int l = 0; l < s->nloops; l++) {
		struct route_metrics *r = &s->loops[l]->metrics.routes[route];

		for (int i = 0; i < STATUS_CLASSES; i++)
			total.by_class[i] +=
				atomic_load_explicit(&r->by_class[i], memory_order_relaxed);
		for (int i = 0; i < METRIC_BUCKETS; i++) {
			uint64_t n = atomic_load_explicit(&r->buckets[i], memory_order_relaxed);

			total.buckets[i] += n;
			total.count += n;
		}
		total.duration_us += atomic_load_explicit(&r->duration_us, memory_order_relaxed);
	}
	return total;
}

static const char *label_route(int i)
{
	return i < route_count ? routes[i].pattern : "none";
}

static const char *label_method(int i)
{
	return i < route_count ? method_names[routes[i].method] : "none";
}

static void add_requests(struct text *t, const struct service *s)
{
	about(t, "hallmark_http_requests_total");
	for (int i = 0; i <= route_count; i++) {
		struct route_sum r = route_sum(s, i);

		for (int c = 0; c < STATUS_CLASSES; c++)
			if (r.by_class[c])
				add(t,
				    "hallmark_http_requests_total{route=\"%s\",method=\"%s\","
				    "status=\"%dxx\"} %llu\n",
				    label_route(i), label_method(i), c,
				    (unsigned long long)r.by_class[c]);
	}
}

static void add_histogram(struct text *t, int i, const struct route_sum *r)
{
	static const char name[] = "hallmark_http_request_duration_seconds";
	uint64_t below = 0;

	for (int b = 0; b < METRIC_BUCKETS; b++) {
		char edge[32] = "+Inf";

		below += r->buckets[b];
		if (b < METRIC_BUCKETS - 1)
			snprintf(edge, sizeof(edge), "%g", (double)metric_edges_us[b] / 1e6);
		add(t, "%s_bucket{route=\"%s\",method=\"%s\",le=\"%s\"} %llu\n", name,
		    label_route(i), label_method(i), edge, (unsigned long long)below);
	}
	add(t, "%s_sum{route=\"%s\",method=\"%s\"} %.6f\n", name, label_route(i), label_method(i),
	    (double)r->duration_us / 1e6);
	add(t, "%s_count{route=\"%s\",method=\"%s\"} %llu\n", name, label_route(i), label_method(i),
	    (unsigned long long)r->count);
}

static void add_durations(struct text *t, const struct service *s)
{
	about(t, "hallmark_http_request_duration_seconds");
	for (int i = 0; i <= route_count; i++) {
		struct route_sum r = route_sum(s, i);

		if (r.count)
			add_histogram(t, i, &r);
	}
}

const char *exposition(const struct service *s, struct arena *a)
{
	struct text t = {.arena = a, .room = 16384};

	t.s = arena_bytes(a, t.room);
	about(&t, "hallmark_build_info");
	add(&t, "hallmark_build_info{version=\"%s\"} 1\n", HALLMARK_VERSION);
	about(&t, "hallmark_start_time_seconds");
	add(&t, "hallmark_start_time_seconds %.3f\n", (double)s->started_at / 1e6);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		about(&t, sums[i].name);
		add(&t, "%s %llu\n", sums[i].name, (unsigned long long)sum(s, sums[i].offset));
	}
	add_requests(&t, s);
	add_durations(&t, s);
	return t.s;
}
