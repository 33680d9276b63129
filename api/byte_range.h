/* byte_range.h - byte ranges (RFC 9110 §14): one range, or the whole.
 *
 * Only a single "bytes" range is served in part. A list of ranges, another unit,
 * or what does not parse is passed over, as the RFC allows, and the whole is sent.
 */
#ifndef HALLMARK_API_BYTE_RANGE_H
#define HALLMARK_API_BYTE_RANGE_H

#include <stdint.h>

enum byte_range {
	RANGE_WHOLE,
	RANGE_PART,
	RANGE_OUTSIDE, /* 416 */
};

/* value may be NULL. first and length are set for PART. */
enum byte_range byte_range_read(const char *value, int64_t size, int64_t *first, int64_t *length);

#endif
