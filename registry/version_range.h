/* version_range.h - a version range: ^1.4, ~1.4.0, 1.x, >=1.2 <2.
 *
 * A range is comparators joined by spaces, all of which must hold, with the
 * meaning they have in npm (https://github.com/npm/node-semver#ranges). It sees
 * a prerelease only when one of its comparators names a prerelease of the same
 * major.minor.patch.
 *
 * A range becomes half-open intervals of precedence keys (registry/semver.h),
 * so PostgreSQL answers it from an index. Releases need one interval. So do the
 * prereleases of a core that a comparator names, and there are never more than
 * two such cores with anything in them: the comparators are joined by AND, so
 * what lies strictly between the lowest and the highest bound is never of a
 * core that a bound names.
 */
#ifndef HALLMARK_REGISTRY_VERSION_RANGE_H
#define HALLMARK_REGISTRY_VERSION_RANGE_H

#include <stddef.h>

#include "base/problem.h"
#include "registry/semver.h"
#include "sql/args.h"

enum { RANGE_COMPARATORS = 16, RANGE_KEYS = 6 };

/* Intervals, each a low key that is inside and a high one that is not; data is NULL where
 * one is open. The first is for releases, up to two more are for prereleases. */
struct version_range {
	struct bytes keys[RANGE_KEYS];
	size_t nkeys;
};

/* INVALID at where (see problem_at) says what to write instead, other forms of reference
 * (registry/reference.h) included. s ends with a NUL that len does not count. */
struct problem version_range_read(struct arena *a, const char *where, const char *s, size_t len,
				  struct version_range *out) MUST_CHECK;

#endif
