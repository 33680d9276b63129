#include "base/quantity.h"

#include <ctype.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit size_units[] = {
	{"B", 1},         {"", 1},
	{"K", 1LL << 10}, {"KiB", 1LL << 10},
	{"M", 1LL << 20}, {"MiB", 1LL << 20},
	{"G", 1LL << 30}, {"GiB", 1LL << 30},
	{"T", 1LL << 40}, {"TiB", 1LL << 40},
	{NULL, 0},
};

static const struct unit time_units[] = {
	{"us", 1},
	{"ms", 1000},
	{"", 1000000},
	{"s", 1000000},
	{"m", 60 * 1000000LL},
	{"h", 3600 * 1000000LL},
	{"d", 86400 * 1000000LL},
	{NULL, 0},
};

/* Digits with at most six of a fraction, in millionths; NULL when there are none. */
static const char *millionths(const char *s, int64_t *whole, int64_t *fraction)
{
	const char *start = s;
	int64_t place = 100000;

	*whole = *fraction = 0;
	for (; isdigit((unsigned char)*s); s++) {
		if (__builtin_mul_overflow(*whole, 10, whole) ||
		    __builtin_add_overflow(*whole, *s - '0', whole))
			return NULL;
	}
	if (s == start)
		return NULL;
	if (*s != '.')
		return s;
	for (start = ++s; isdigit((unsigned char)*s) && place; s++, place /= 10)
		*fraction += (*s - '0') * place;
	return s == start ? NULL : s;
}

static bool quantity_read(const char *s, const struct unit *units, int64_t *out)
{
	int64_t whole, fraction, part;
	const char *unit = millionths(s, &whole, &fraction);

	if (!unit)
		return false;
	while (units->name && strcmp(units->name, unit) != 0)
		units++;
	if (!units->name || __builtin_mul_overflow(whole, units->factor, out) ||
	    __builtin_mul_overflow(fraction, units->factor, &part))
		return false;
	return !__builtin_add_overflow(*out, part / 1000000, out);
}

bool size_read(const char *s, int64_t *bytes)
{
	return quantity_read(s, size_units, bytes);
}

bool duration_read(const char *s, int64_t *micros)
{
	return quantity_read(s, time_units, micros);
}

/* Units stand in rising order, the name to print last among equals. */
static char *quantity_text(struct arena *a, const struct unit *units, int64_t v)
{
	const struct unit *best = units;

	if (v == 0)
		return arena_printf(a, "0");
	for (const struct unit *u = units; u->name; u++) {
		if (v % u->factor == 0 && u->factor >= best->factor)
			best = u;
	}
	return arena_printf(a, "%" PRId64 "%s", v / best->factor, best->name);
}

char *size_text(struct arena *a, int64_t bytes)
{
	return quantity_text(a, size_units, bytes);
}

char *duration_text(struct arena *a, int64_t micros)
{
	return quantity_text(a, time_units, micros);
}
