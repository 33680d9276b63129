/* Query filters: the first byte chooses the reader. Any text is read or refused with
 * valid text; what was read has names by the rules and finite numbers. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "registry/filter.h"
#include "registry/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = {"name", "created_at", NULL};

static void check_name(struct arena *a, name_rule *rule, const char *s)
{
	if (s && rule(a, NULL, s, strlen(s)).code != PROBLEM_NONE)
		abort();
}

static void check_metric(struct arena *a, const struct metric_name *m)
{
	check_name(a, name_metric, m->name);
	check_name(a, name_dataset, m->dataset);
	check_name(a, name_slice, m->slice);
}

static struct problem fuzz_metric(struct arena *a, const char *s)
{
	struct metric_filter f;

	TRY(filter_metric(a, "metric", s, &f));
	check_metric(a, &f.metric);
	if (!isfinite(f.value))
		abort();
	return NO_PROBLEM;
}

static struct problem fuzz_tag(struct arena *a, const char *s)
{
	struct tag_filter f;

	TRY(filter_tag(a, "tag", s, &f));
	check_name(a, name_tag, f.key);
	check_name(a, name_tag_value, f.value);
	return NO_PROBLEM;
}

static struct problem fuzz_sort(struct arena *a, const char *s)
{
	struct sort sort;

	TRY(filter_sort(a, "sort", s, keys, true, &sort));
	if (sort.key < -1 || sort.key > 1 || (sort.key == -1) != (sort.metric.name != NULL))
		abort();
	check_metric(a, &sort.metric);
	return NO_PROBLEM;
}

static struct problem fuzz_names(struct arena *a, const char *s)
{
	struct filter_list l;

	TRY(filter_names(a, "names", s, name_metric, 5, &l));
	if (l.n == 0 || l.n > 5)
		abort();
	for (size_t i = 0; i < l.n; i++)
		check_name(a, name_metric, l.items[i]);
	return NO_PROBLEM;
}

static struct problem fuzz_int(struct arena *a, const char *s)
{
	int64_t v = 0;

	TRY(filter_int(a, "depth", s, -7, 64, &v));
	if (v < -7 || v > 64)
		abort();
	return NO_PROBLEM;
}

static struct problem fuzz_time(struct arena *a, const char *s)
{
	int64_t v;

	return filter_time(a, "after", s, &v);
}

static struct problem (*const readers[])(struct arena *, const char *) = {
	fuzz_metric, fuzz_tag, fuzz_sort, fuzz_names, fuzz_int, fuzz_time,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct arena *a = arena_new(1 << 20);
	const char *s = arena_dup(a, (const char *)data + 1, size - 1);
	const struct problem p = readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](a, s);

	if (p.code != PROBLEM_NONE && !utf8_valid(p.detail, strlen(p.detail)))
		abort();
	arena_free(a);
	return 0;
}
