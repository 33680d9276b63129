/* origin.h - where a server is: "http(s)://host[:port][/prefix]", one spelling for each.
 *
 * Credentials are kept and signatures are trusted by origin, so two spellings of one
 * server must be the same text.
 */
#ifndef HALLMARK_BASE_ORIGIN_H
#define HALLMARK_BASE_ORIGIN_H

#include "base/problem.h"

/* Checks and normalises: lower case scheme and host, no final slash, no default port.
 * INVALID says what is wrong with it, and never repeats a password. */
MUST_CHECK struct problem origin_read(struct arena *a, const char *text, const char **origin);

#endif
