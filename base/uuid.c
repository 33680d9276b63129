#include "base/uuid.h"

#include <sodium.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

static bool is_dash(size_t place)
{
	return place == 8 || place == 13 || place == 18 || place == 23;
}

/* Milliseconds and 12 bits of fraction as one number that only grows in a thread:
 * RFC 9562 section 6.2, method 3. A clock set back is waited out by counting on. */
static uint64_t next_tick(void)
{
	static _Thread_local uint64_t last;
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	uint64_t ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	uint64_t tick = ms << 12 | ((uint64_t)t.tv_nsec % 1000000 << 12) / 1000000;
	last = tick > last ? tick : last + 1;
	return last;
}

void uuid_new(unsigned char uuid[UUID_BYTES])
{
	uint64_t tick = next_tick();

	randombytes_buf(uuid, UUID_BYTES);
	for (int i = 0; i < 6; i++)
		uuid[i] = (unsigned char)(tick >> (52 - 8 * i));
	uuid[6] = (unsigned char)(0x70 | (tick >> 8 & 0x0f));
	uuid[7] = (unsigned char)tick;
	uuid[8] = (unsigned char)(0x80 | (uuid[8] & 0x3f));
}

/* 4, 2, 2, 2 and 6 bytes. */
void uuid_text(const unsigned char uuid[UUID_BYTES], char text[UUID_TEXT])
{
	static const size_t ends[] = {4, 6, 8, 10, 16};
	size_t from = 0;

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); from = ends[i++]) {
		hex_text(text, uuid + from, ends[i] - from);
		text += 2 * (ends[i] - from);
		*text++ = '-';
	}
	text[-1] = '\0';
}

bool uuid_read(const char *text, size_t len, unsigned char uuid[UUID_BYTES])
{
	char hex[2 * UUID_BYTES];
	size_t n = 0;

	if (len != UUID_TEXT - 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!is_dash(i))
			hex[n++] = text_lower(c);
		else if (c != '-')
			return false;
	}
	return hex_read(uuid, UUID_BYTES, hex, n);
}
