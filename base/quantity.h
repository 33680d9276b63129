/* quantity.h - sizes and durations as people write them.
 *
 * A size is bytes: 4096, 64KiB, 1.5GiB (K, M, G and T mean the same binary
 * multiples). A duration is microseconds, written as seconds or with a unit:
 * 30, 0.5s, 250ms, 10m, 12h, 90d. At most six digits of a fraction, no sign.
 */
#ifndef HALLMARK_BASE_QUANTITY_H
#define HALLMARK_BASE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* False when the text is none, or too large for 63 bits. */
bool size_read(const char *s, int64_t *bytes);
bool duration_read(const char *s, int64_t *micros);

/* In the largest unit that divides it: 64KiB, 90d; read back as the same. */
char *size_text(struct arena *a, int64_t bytes);
char *duration_text(struct arena *a, int64_t micros);

#endif
