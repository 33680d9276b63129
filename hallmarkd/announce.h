/* announce.h - what `hallmarkd serve` tells the person who started it, on standard output. */
#ifndef HALLMARK_HALLMARKD_ANNOUNCE_H
#define HALLMARK_HALLMARKD_ANNOUNCE_H

#include "hallmarkd/config.h"

/* Four lines: where it serves, where the admin token lies, which key signs, what to
 * try next. */
void announce(const struct config *c, const char *key_id);

#endif
