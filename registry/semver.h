/* semver.h - semantic versions as https://semver.org/spec/v2.0.0.html defines them.
 *
 * A version has at most SEMVER_MAX bytes; its numbers may have any number of
 * digits that fits. Build metadata is kept and has no part in the order.
 *
 * Order is decided once, here: semver_key() turns a version into bytes whose
 * plain byte order (memcmp, PostgreSQL's bytea) is the specification's
 * precedence. Two versions have the same key when they differ at most in build
 * metadata. With number = one byte, the count of its digits, then the digits:
 *
 *	key        = major minor patch ( FF | identifier+ 00 )
 *	identifier = 01 number | 02 ASCII 00
 *
 * so the key of a core, without what follows, sorts below everything that has
 * this core, and a release sorts above its prereleases.
 */
#ifndef HALLMARK_REGISTRY_SEMVER_H
#define HALLMARK_REGISTRY_SEMVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"
#include "sql/args.h"

enum { SEMVER_MAX = 255 };

enum semver_part { SEMVER_MAJOR, SEMVER_MINOR, SEMVER_PATCH, SEMVER_NUMBERS };

struct semver_text {
	const char *at; /* NULL: there is none */
	size_t len;
};

struct semver {
	const char *text; /* canonical, in the arena; a leading v is gone */
	struct semver_text numbers[SEMVER_NUMBERS]; /* these point into text */
	struct semver_text prerelease;              /* without its hyphen */
	struct semver_text build;                   /* without its plus sign */
};

/* Reads a full version; "v1.2.3" counts as "1.2.3". INVALID at where (see
 * problem_at) says what is wrong and what would be right. */
struct problem semver_read(struct arena *a, const char *where, const char *s, size_t len,
			   struct semver *out) MUST_CHECK;

/* Is this meant as a full version, be it right or wrong? "1.4.x" and "1.4" are not. */
bool semver_looks_full(struct semver_text s);

static inline bool semver_is_prerelease(const struct semver *v)
{
	return v->prerelease.at != NULL;
}

/* The precedence key, in the arena. */
struct bytes semver_key(struct arena *a, const struct semver *v);

/* The lowest key that any version with these three numbers could have. */
struct bytes semver_core_key(struct arena *a, const struct semver_text numbers[SEMVER_NUMBERS]);

/* Digits plus one, in the arena. */
struct semver_text semver_next_number(struct arena *a, struct semver_text number);

#endif
