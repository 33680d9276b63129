#include "api/condition.h"

#include <string.h>

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t");
}

/* "7" between quotes: digits without a leading zero that fit. */
static bool tag_version(const char *s, size_t len, int64_t *out)
{
	int64_t v = 0;

	if (len == 0 || len > 18 || s[0] == '0')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (s[i] - '0');
	}
	*out = v;
	return true;
}

static struct problem malformed(struct arena *a, const char *header)
{
	return problem_at_header(a, header, "want \"*\" or a list of quoted entity tags");
}

static struct problem tags_read(struct arena *a, const char *header, const char *s,
				struct condition *out)
{
	bool strong_only = header[3] == 'M'; /* If-Match */

	for (;;) {
		bool weak = strncmp(s, "W/", 2) == 0;
		const char *tag = weak ? s + 2 : s,
			   *end = *tag == '"' ? strchr(tag + 1, '"') : NULL;
		int64_t v;

		if (!end)
			return malformed(a, header);
		if (out->n == CONDITION_MAX)
			return problem_at_header(a, header, "at most %d entity tags are taken",
						 CONDITION_MAX);
		if (!(weak && strong_only) && tag_version(tag + 1, (size_t)(end - tag - 1), &v))
			out->versions[out->n++] = v;
		s = skip_space(end + 1);
		if (*s == '\0')
			return NO_PROBLEM;
		if (*s != ',')
			return malformed(a, header);
		s = skip_space(s + 1);
	}
}

struct problem condition_read(struct arena *a, const char *header, const char *value,
			      struct condition *out)
{
	*out = (struct condition){.given = value != NULL};
	if (!value)
		return NO_PROBLEM;
	value = skip_space(value);
	if (strcmp(value, "*") == 0) {
		out->versions[out->n++] = -1;
		return NO_PROBLEM;
	}
	return tags_read(a, header, value, out);
}

bool condition_names(const struct condition *c, int64_t version)
{
	for (int i = 0; i < c->n; i++)
		if (c->versions[i] == -1 || c->versions[i] == version)
			return true;
	return false;
}

void arg_condition(struct args *args, const struct condition *c)
{
	if (c->given)
		arg_int8_array(args, c->versions, (size_t)c->n);
	else
		arg_null(args);
}
