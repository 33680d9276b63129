/* plain.h - runs of bytes that need no escape. */
#ifndef HALLMARK_BASE_PLAIN_H
#define HALLMARK_BASE_PLAIN_H

#include <stddef.h>

/* How many bytes at the start stand for themselves in a string of JSON (RFC 8259 §7) and do no
 * harm in a terminal: all but control characters, the quote, the backslash and DEL. */
size_t plain_run(const char *s, size_t len);

#endif
