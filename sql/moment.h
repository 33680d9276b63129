/* moment.h - PostgreSQL's binary timestamptz counts microseconds from 2000-01-01.
 *
 * Its two ends stand for -infinity and infinity, which are no moments.
 */
#ifndef HALLMARK_SQL_MOMENT_H
#define HALLMARK_SQL_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#define MOMENT_2000 INT64_C(946684800000000) /* microseconds from 1970 */

static inline int64_t moment_to_wire(int64_t micros)
{
	return micros < INT64_MIN + MOMENT_2000 ? INT64_MIN : micros - MOMENT_2000;
}

static inline bool moment_from_wire(int64_t wire, int64_t *micros)
{
	return wire != INT64_MIN && !__builtin_add_overflow(wire, MOMENT_2000, micros);
}

#endif
