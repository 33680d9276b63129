/* uuid.h - identifiers as RFC 9562 has them, version 7: ordered by time.
 *
 * 48 bits of milliseconds, 12 bits of the millisecond's fraction, 62 random
 * bits. Two made by one thread always compare in the order they were made.
 */
#ifndef HALLMARK_BASE_UUID_H
#define HALLMARK_BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>

enum { UUID_BYTES = 16, UUID_TEXT = 37 }; /* the text with its NUL */

void uuid_new(unsigned char uuid[UUID_BYTES]); /* any thread */
void uuid_text(const unsigned char uuid[UUID_BYTES], char text[UUID_TEXT]);

/* Reads "0192f0c1-2a3b-7c4d-8e5f-001122334455", either case, any version. */
bool uuid_read(const char *text, size_t len, unsigned char uuid[UUID_BYTES]);

#endif
