/* filter.h - the words of a list's query: filters, orders, small choices.
 *
 *	metric=accuracy>0.9             the current value, on any dataset
 *	metric=accuracy@val[en]>=0.9    on this dataset and slice; "@" and "[]" alone
 *	                                mean the value that has none
 *	tag=task        tag=task=embedding
 *	created_after=2026-01-13T22:03:16Z
 *	sort=name       sort=-created_at     sort=-metric:accuracy@val
 *
 * All are read here and nowhere turned into SQL text: what a client sends
 * reaches a statement as parameters only (sql/list.h). Problems name the
 * parameter and say what would be right.
 */
#ifndef HALLMARK_REGISTRY_FILTER_H
#define HALLMARK_REGISTRY_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/problem.h"

enum filter_op {
	FILTER_LESS,
	FILTER_AT_MOST,
	FILTER_EQUAL,
	FILTER_AT_LEAST,
	FILTER_GREATER,
};

/* Which value of a metric is meant: NULL is any, "" is the one without. */
struct metric_name {
	const char *name;
	const char *dataset;
	const char *slice;
};

struct metric_filter {
	struct metric_name metric;
	enum filter_op op;
	double value; /* finite */
};
struct problem filter_metric(struct arena *a, const char *parameter, const char *s,
			     struct metric_filter *out) MUST_CHECK;

struct tag_filter {
	const char *key;
	const char *value; /* NULL: any */
};
struct problem filter_tag(struct arena *a, const char *parameter, const char *s,
			  struct tag_filter *out) MUST_CHECK;

/* Microseconds since 1970, from RFC 3339. */
struct problem filter_time(struct arena *a, const char *parameter, const char *s,
			   int64_t *out) MUST_CHECK;

/* key is the place in keys[] (which ends with NULL); "metric:NAME" is key -1. */
struct sort {
	int key;
	bool descending;
	struct metric_name metric;
};
struct problem filter_sort(struct arena *a, const char *parameter, const char *s,
			   const char *const *keys, bool by_metric, struct sort *out) MUST_CHECK;

/* The place of s in words[] (which ends with NULL). */
struct problem filter_word(struct arena *a, const char *parameter, const char *s,
			   const char *const *words, int *out) MUST_CHECK;

struct problem filter_int(struct arena *a, const char *parameter, const char *s, int64_t min,
			  int64_t max, int64_t *out) MUST_CHECK;

/* "a,b,c": each a name by the rule, none twice, at most max of them. */
struct filter_list {
	const char *const *items;
	size_t n;
};
struct problem filter_names(struct arena *a, const char *parameter, const char *s,
			    struct problem (*rule)(struct arena *, const char *, const char *,
						   size_t),
			    size_t max, struct filter_list *out) MUST_CHECK;

#endif
