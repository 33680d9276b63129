/* plain_semver.h - precedence read off the specification, word for word.
 *
 * The yardstick for the keys of registry/semver: slow, obvious, and nothing in
 * common with them. Takes valid versions only.
 */
#ifndef HALLMARK_TESTS_PLAIN_SEMVER_H
#define HALLMARK_TESTS_PLAIN_SEMVER_H

#include <stdbool.h>
#include <string.h>

/* The next word up to one of the stops; *rest moves behind it. */
struct plain_word {
	const char *at;
	size_t len;
};

static inline struct plain_word plain_next(const char **rest, const char *stops)
{
	const struct plain_word w = {*rest, strcspn(*rest, stops)};

	*rest += w.len;
	return w;
}

static inline bool plain_numeric(struct plain_word w)
{
	return strspn(w.at, "0123456789") >= w.len;
}

static inline int plain_number(struct plain_word a, struct plain_word b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return memcmp(a.at, b.at, a.len);
}

static inline int plain_identifier(struct plain_word a, struct plain_word b)
{
	if (plain_numeric(a) && plain_numeric(b))
		return plain_number(a, b);
	if (plain_numeric(a) != plain_numeric(b))
		return plain_numeric(a) ? -1 : 1;
	const int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static inline int plain_prerelease(const char *a, const char *b)
{
	for (;;) {
		const int order = plain_identifier(plain_next(&a, ".+"), plain_next(&b, ".+"));
		const bool more_a = *a == '.', more_b = *b == '.';

		if (order)
			return order;
		if (!more_a || !more_b)
			return more_a - more_b;
		a++;
		b++;
	}
}

/* Below, equal to, above zero as section 11 orders a and b. */
static inline int plain_compare(const char *a, const char *b)
{
	for (int part = 0; part < 3; part++) {
		const int order = plain_number(plain_next(&a, ".-+"), plain_next(&b, ".-+"));

		if (order)
			return order;
		a += *a == '.';
		b += *b == '.';
	}
	if (*a != '-' || *b != '-')
		return (*b == '-') - (*a == '-');
	return plain_prerelease(a + 1, b + 1);
}

#endif
