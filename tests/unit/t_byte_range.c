/* Byte ranges (RFC 9110 section 14). */
#include "tap.h"

#include "api/byte_range.h"

static const struct {
	const char *value;
	int64_t size;
	enum byte_range kind;
	int64_t first, length;
} rows[] = {
	{NULL, 100, RANGE_WHOLE, 0, 0},
	{"", 100, RANGE_WHOLE, 0, 0},
	{"bytes=0-0", 100, RANGE_PART, 0, 1},
	{"bytes=0-", 100, RANGE_PART, 0, 100},
	{"bytes=0-99", 100, RANGE_PART, 0, 100},
	{"bytes=0-100", 100, RANGE_PART, 0, 100},
	{"bytes=10-19", 100, RANGE_PART, 10, 10},
	{"bytes=99-", 100, RANGE_PART, 99, 1},
	{"bytes=99-99", 100, RANGE_PART, 99, 1},
	{"bytes=00010-0019", 100, RANGE_PART, 10, 10},
	{"bytes=100-", 100, RANGE_OUTSIDE, 0, 0},
	{"bytes=100-200", 100, RANGE_OUTSIDE, 0, 0},
	{"bytes=-1", 100, RANGE_PART, 99, 1},
	{"bytes=-100", 100, RANGE_PART, 0, 100},
	{"bytes=-101", 100, RANGE_PART, 0, 100},
	{"bytes=-0", 100, RANGE_OUTSIDE, 0, 0},
	{"bytes=0-", 0, RANGE_OUTSIDE, 0, 0},
	{"bytes=-1", 0, RANGE_OUTSIDE, 0, 0},
	{"BYTES=1-2", 100, RANGE_PART, 1, 2},
	{"bytes = 1-2", 100, RANGE_PART, 1, 2},
	{"bytes=1-2\t", 100, RANGE_PART, 1, 2},
	{"bytes=0-9223372036854775807", 100, RANGE_PART, 0, 100},
	{"bytes=0-9223372036854775808", 100, RANGE_PART, 0, 100},
	{"bytes=0-99999999999999999999999999999999", 100, RANGE_PART, 0, 100},
	{"bytes=-99999999999999999999999999999999", 100, RANGE_PART, 0, 100},
	{"bytes=9223372036854775807-", 100, RANGE_OUTSIDE, 0, 0},
	{"bytes=99999999999999999999999999999999-", 100, RANGE_OUTSIDE, 0, 0},
	{"bytes=0-9223372036854775807", INT64_MAX, RANGE_PART, 0, INT64_MAX},
	{"bytes=-9223372036854775807", INT64_MAX, RANGE_PART, 0, INT64_MAX},
	{"bytes=2-1", 100, RANGE_WHOLE, 0, 0},
	{"bytes=1-2,4-5", 100, RANGE_WHOLE, 0, 0},
	{"bytes=-1,-2", 100, RANGE_WHOLE, 0, 0},
	{"bytes=1-2,", 100, RANGE_WHOLE, 0, 0},
	{"bytes=,1-2", 100, RANGE_WHOLE, 0, 0},
	{"bytes=1", 100, RANGE_WHOLE, 0, 0},
	{"bytes=-", 100, RANGE_WHOLE, 0, 0},
	{"bytes=--1", 100, RANGE_WHOLE, 0, 0},
	{"bytes=1--2", 100, RANGE_WHOLE, 0, 0},
	{"bytes=+1-2", 100, RANGE_WHOLE, 0, 0},
	{"bytes=1-+2", 100, RANGE_WHOLE, 0, 0},
	{"bytes=1 -2", 100, RANGE_WHOLE, 0, 0},
	{"bytes=1-2 3", 100, RANGE_WHOLE, 0, 0},
	{"bytes=a-b", 100, RANGE_WHOLE, 0, 0},
	{"bytes=0x1-0x2", 100, RANGE_WHOLE, 0, 0},
	{"bytes", 100, RANGE_WHOLE, 0, 0},
	{"bytes=", 100, RANGE_WHOLE, 0, 0},
	{"byte=1-2", 100, RANGE_WHOLE, 0, 0},
	{"bytess=1-2", 100, RANGE_WHOLE, 0, 0},
	{"items=1-2", 100, RANGE_WHOLE, 0, 0},
	{" bytes=1-2", 100, RANGE_WHOLE, 0, 0},
};

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t first = -1, length = -1;
		const char *value = rows[i].value ? rows[i].value : "no range";

		is_int(byte_range_read(rows[i].value, rows[i].size, &first, &length), rows[i].kind,
		       "%s of %lld", value, (long long)rows[i].size);
		if (rows[i].kind == RANGE_PART)
			ok(first == rows[i].first && length == rows[i].length,
			   "… begins at %lld and has %lld", (long long)rows[i].first,
			   (long long)rows[i].length);
	}
	return tap_done();
}
