#include "base/timestamp.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

static const struct {
	const char *text;
	int64_t micros;
	const char *again;
} good[] = {
	{"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000000Z"},
	{"2026-01-13T22:03:16.123456Z", 1768341796123456, "2026-01-13T22:03:16.123456Z"},
	{"2026-01-13T22:03:16.1239999Z", 1768341796123999, "2026-01-13T22:03:16.123999Z"},
	{"2026-01-13t22:03:16z", 1768341796000000, "2026-01-13T22:03:16.000000Z"},
	{"2026-01-13T23:33:16+01:30", 1768341796000000, "2026-01-13T22:03:16.000000Z"},
	{"2026-01-13T17:03:16-05:00", 1768341796000000, "2026-01-13T22:03:16.000000Z"},
	{"2026-01-13T22:03:16-00:00", 1768341796000000, "2026-01-13T22:03:16.000000Z"},
	{"2024-02-29T23:59:59.5Z", 1709251199500000, "2024-02-29T23:59:59.500000Z"},
	{"2000-02-29T00:00:00Z", 951782400000000, "2000-02-29T00:00:00.000000Z"},
	{"1990-12-31T23:59:60Z", 662688000000000, "1991-01-01T00:00:00.000000Z"},
	{"1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z"},
	{"0001-01-01T00:00:00Z", -62135596800000000, "0001-01-01T00:00:00.000000Z"},
	{"9999-12-31T23:59:59.999999Z", 253402300799999999, "9999-12-31T23:59:59.999999Z"},
};

static const char *const bad[] = {
	"",
	"2026-01-13",
	"2026-01-13T22:03:16",
	"2026-01-13 22:03:16Z",
	"2026-13-01T00:00:00Z",
	"2026-00-01T00:00:00Z",
	"2026-04-31T00:00:00Z",
	"2026-02-29T00:00:00Z",
	"1900-02-29T00:00:00Z",
	"2026-01-00T00:00:00Z",
	"2026-01-13T24:00:00Z",
	"2026-01-13T22:60:00Z",
	"2026-01-13T22:03:61Z",
	"2026-01-13T22:03:16.Z",
	"2026-01-13T22:03:16.1234567890Z",
	"2026-01-13T22:03:16+0100",
	"2026-01-13T22:03:16+24:00",
	"2026-01-13T22:03:16ZZ",
	"2026-1-13T22:03:16Z",
	" 2026-01-13T22:03:16Z",
	"0000-01-01T00:00:00Z",
	"0001-01-01T00:00:00+00:01",
	"9999-12-31T23:59:59-00:01",
	"9999-12-31T23:59:60Z",
	"-026-01-13T22:03:16Z",
};

static void every_day_comes_back(void)
{
	int64_t first, end, back, wrong = 0;
	char text[TIMESTAMP_TEXT];

	timestamp_read("0001-01-01T23:59:59.999999Z", &first);
	timestamp_read("9999-12-31T23:59:59.999999Z", &end);
	for (int64_t t = first; t <= end; t += 86400000000)
		if (timestamp_text(t, text) != 27 || !timestamp_read(text, &back) || back != t)
			wrong++;
	is_int(wrong, 0, "every day of the years 1 to 9999 is read as it was written");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		char text[TIMESTAMP_TEXT];
		int64_t micros = 42;

		ok(timestamp_read(good[i].text, &micros), "%s is read", good[i].text);
		is_int(micros, good[i].micros, "%s is the right moment", good[i].text);
		timestamp_text(micros, text);
		is_str(text, good[i].again, "%s is written in UTC", good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int64_t micros;

		ok(!timestamp_read(bad[i], &micros), "'%s' is refused", bad[i]);
	}
	every_day_comes_back();
	int64_t before = monotonic_us();
	ok(monotonic_us() >= before, "the monotonic clock does not go back");
	ok(timestamp_now() > 1768341796000000, "the wall clock is past the day this was written");
	return tap_done();
}
