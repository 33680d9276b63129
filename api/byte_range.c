#include "api/byte_range.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Digits up to what fits; more digits than that mean "to the end". */
static bool number(const char **s, int64_t *out)
{
	const char *p = *s;
	int64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
			v = INT64_MAX / 16;
	if (p == *s)
		return false;
	*s = p;
	*out = v;
	return true;
}

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t");
}

/* "-500": the last so many bytes. */
static enum byte_range suffix(const char *s, int64_t size, int64_t *first, int64_t *length)
{
	int64_t n;

	if (!number(&s, &n) || *skip_space(s))
		return RANGE_WHOLE;
	if (n == 0 || size == 0)
		return RANGE_OUTSIDE;
	*length = n < size ? n : size;
	*first = size - *length;
	return RANGE_PART;
}

enum byte_range byte_range_read(const char *value, int64_t size, int64_t *first, int64_t *length)
{
	int64_t from, to = INT64_MAX;

	if (!value || strncasecmp(value, "bytes", 5) != 0)
		return RANGE_WHOLE;
	value = skip_space(value + 5);
	if (*value != '=')
		return RANGE_WHOLE;
	value = skip_space(value + 1);
	if (*value == '-')
		return suffix(value + 1, size, first, length);
	if (!number(&value, &from) || *value++ != '-')
		return RANGE_WHOLE;
	if (*value >= '0' && *value <= '9' && (!number(&value, &to) || to < from))
		return RANGE_WHOLE;
	if (*skip_space(value))
		return RANGE_WHOLE;
	if (from >= size)
		return RANGE_OUTSIDE;
	*first = from;
	*length = (to < size - 1 ? to : size - 1) - from + 1;
	return RANGE_PART;
}
