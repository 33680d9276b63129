#include "registry/filter.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/quote.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "registry/name.h"

#define FAULT(...) problem_at_parameter(a, parameter, __VA_ARGS__)
#define QUOTED(s)  quote(a, (s), strlen(s))

/* ---- metrics --------------------------------------------------------------------- */

/* Longer signs first. */
static const struct {
	const char *sign;
	enum filter_op op;
} operators[] = {
	{"<=", FILTER_AT_MOST}, {">=", FILTER_AT_LEAST}, {"<", FILTER_LESS},
	{">", FILTER_GREATER},  {"=", FILTER_EQUAL},
};

/* The bytes at *s up to one of the stops, as text of their own; *s moves there. */
static const char *take(struct arena *a, const char **s, const char *stops)
{
	const size_t len = strcspn(*s, stops);
	const char *text = arena_dup(a, *s, len);

	*s += len;
	return text;
}

/* NAME[@DATASET]["["SLICE"]"], up to an operator or the end; *s moves there. */
static struct problem read_metric_name(struct arena *a, const char *parameter, const char **s,
				       struct metric_name *out)
{
	*out = (struct metric_name){.name = take(a, s, "@[<>=")};
	TRY(name_metric(a, parameter, out->name, strlen(out->name)));
	if (**s == '@') {
		++*s;
		out->dataset = take(a, s, "[<>=");
		TRY(name_dataset(a, parameter, out->dataset, strlen(out->dataset)));
	}
	if (**s != '[')
		return NO_PROBLEM;
	++*s;
	out->slice = take(a, s, "]");
	if (**s != ']')
		return FAULT("the slice %s lacks its ]", QUOTED(out->slice));
	++*s;
	return name_slice(a, parameter, out->slice, strlen(out->slice));
}

/* A JSON number or nearly so: no hexadecimal, no "inf", no spaces. */
static bool read_number(const char *s, double *out)
{
	char *end;

	if (*s == '\0' || strspn(s, "0123456789+-.eE") < strlen(s))
		return false;
	*out = strtod(s, &end);
	return *end == '\0' && isfinite(*out);
}

struct problem filter_metric(struct arena *a, const char *parameter, const char *s,
			     struct metric_filter *out)
{
	const char *at = s;
	const size_t n = sizeof(operators) / sizeof(operators[0]);
	size_t i = 0;

	TRY(read_metric_name(a, parameter, &at, &out->metric));
	while (i < n && !text_starts(at, strlen(at), operators[i].sign))
		i++;
	if (i == n)
		return FAULT("%s has no comparison; write NAME>NUMBER with one of < <= = >= >, "
			     "such as accuracy>0.9 or accuracy@val[en]>=0.9",
			     QUOTED(s));
	out->op = operators[i].op;
	at += strlen(operators[i].sign);
	if (!read_number(at, &out->value))
		return FAULT("%s is not a finite number to compare a metric with", QUOTED(at));
	return NO_PROBLEM;
}

/* ---- tags, times, words -------------------------------------------------------------- */

struct problem filter_tag(struct arena *a, const char *parameter, const char *s,
			  struct tag_filter *out)
{
	const char *at = s;

	*out = (struct tag_filter){.key = take(a, &at, "=")};
	TRY(name_tag(a, parameter, out->key, strlen(out->key)));
	if (*at == '\0')
		return NO_PROBLEM;
	out->value = at + 1;
	return name_tag_value(a, parameter, out->value, strlen(out->value));
}

struct problem filter_time(struct arena *a, const char *parameter, const char *s, int64_t *out)
{
	if (!timestamp_read(s, out))
		return FAULT("%s is not an RFC 3339 time; write one such as 2026-01-13T22:03:16Z",
			     QUOTED(s));
	return NO_PROBLEM;
}

static const char *joined(struct arena *a, const char *const *words)
{
	const char *text = words[0];

	for (size_t i = 1; words[i]; i++)
		text = arena_printf(a, "%s, %s", text, words[i]);
	return text;
}

static int find(const char *const *words, const char *s)
{
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], s) == 0)
			return i;
	}
	return -1;
}

struct problem filter_word(struct arena *a, const char *parameter, const char *s,
			   const char *const *words, int *out)
{
	*out = find(words, s);
	if (*out < 0)
		return FAULT("%s is not known here; write one of: %s", QUOTED(s), joined(a, words));
	return NO_PROBLEM;
}

struct problem filter_sort(struct arena *a, const char *parameter, const char *s,
			   const char *const *keys, bool by_metric, struct sort *out)
{
	static const char metric[] = "metric:";
	const char *at = s;

	*out = (struct sort){.key = -1, .descending = *s == '-'};
	at += out->descending;
	if (by_metric && text_starts(at, strlen(at), metric)) {
		at += sizeof(metric) - 1;
		TRY(read_metric_name(a, parameter, &at, &out->metric));
		if (*at)
			return FAULT("%s follows the metric's name; write metric:NAME", QUOTED(at));
		return NO_PROBLEM;
	}
	out->key = find(keys, at);
	if (out->key < 0)
		return FAULT("%s is no order here; write one of: %s%s, with - before it for "
			     "falling",
			     QUOTED(s), joined(a, keys), by_metric ? ", metric:NAME" : "");
	return NO_PROBLEM;
}

struct problem filter_int(struct arena *a, const char *parameter, const char *s, int64_t min,
			  int64_t max, int64_t *out)
{
	const char *digits = *s == '-' ? s + 1 : s;
	long long v = 0;

	errno = 0;
	if (*digits && strspn(digits, "0123456789") == strlen(digits))
		v = strtoll(s, NULL, 10);
	else
		errno = EINVAL;
	if (errno || v < min || v > max)
		return FAULT("%s is not an integer from %lld to %lld", QUOTED(s), (long long)min,
			     (long long)max);
	*out = v;
	return NO_PROBLEM;
}

/* ---- lists ------------------------------------------------------------------------------ */

static bool stands_before(const char *const *items, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(items[i], s) == 0)
			return true;
	}
	return false;
}

struct problem filter_names(struct arena *a, const char *parameter, const char *s,
			    struct problem (*rule)(struct arena *, const char *, const char *,
						   size_t),
			    size_t max, struct filter_list *out)
{
	const char **items = arena_array(a, const char *, max);
	const char *at = s;
	size_t n = 0;

	for (;; at++) {
		const char *item = take(a, &at, ",");

		TRY(rule(a, parameter, item, strlen(item)));
		if (n == max)
			return FAULT("there may be at most %zu of these, with commas between", max);
		if (stands_before(items, n, item))
			return FAULT("%s stands here twice", QUOTED(item));
		items[n++] = item;
		if (*at == '\0')
			break;
	}
	*out = (struct filter_list){items, n};
	return NO_PROBLEM;
}
