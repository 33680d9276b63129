/* quote.h - a client's text, made fit to stand in a message.
 *
 * What a message repeats may be long, may not be UTF-8, and may try to forge
 * lines or turn the reading direction in a terminal. The result is short valid
 * UTF-8 between double quotes: controls, bidirectional marks and bytes that are
 * no UTF-8 become \xNN, and what is longer than about 60 bytes ends in "…".
 */
#ifndef HALLMARK_BASE_QUOTE_H
#define HALLMARK_BASE_QUOTE_H

#include "base/arena.h"

const char *quote(struct arena *a, const char *s, size_t len);

#endif
