/* timestamp.h - moments as microseconds since 1970-01-01T00:00:00Z.
 *
 * Text is RFC 3339 (https://www.rfc-editor.org/rfc/rfc3339). PostgreSQL's
 * binary timestamptz counts from 2000-01-01; sql/row.c and sql/args.c convert.
 */
#ifndef HALLMARK_BASE_TIMESTAMP_H
#define HALLMARK_BASE_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TIMESTAMP_TEXT = 40 }; /* room for any timestamp_text() */

int64_t timestamp_now(void); /* the wall clock */
int64_t monotonic_us(void);  /* for deadlines: never goes back */

/* "2026-01-13T22:03:16.123456Z"; returns the length. */
size_t timestamp_text(int64_t micros, char buf[TIMESTAMP_TEXT]);

/* Reads a full RFC 3339 date-time with any offset and up to nine digits of
 * fraction (rounded down to microseconds). False when it is none, or outside
 * the years 0001 to 9999. A leap second :60 counts as the next second. */
bool timestamp_read(const char *s, int64_t *micros);

#endif
