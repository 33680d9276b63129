#include "base/plain.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

/* Eight bytes at once. A byte below n turns its highest bit on when n is taken away from it;
 * the borrow may turn on those above it too, so this only says that there is one. */
#define EACH(byte)      (0x0101010101010101U * (byte))
#define ANY_BELOW(w, n) (((w)-EACH(n)) & ~(w)&EACH(0x80))
#define ANY_IS(w, byte) ANY_BELOW((w) ^ EACH(byte), 1)

static bool all_plain(const char *s)
{
	uint64_t w;

	memcpy(&w, s, sizeof(w));
	return !(ANY_BELOW(w, 0x20) | ANY_IS(w, '"') | ANY_IS(w, '\\') | ANY_IS(w, 0x7f));
}

size_t plain_run(const char *s, size_t len)
{
	size_t n = 0;

	while (len - n >= sizeof(uint64_t) && all_plain(s + n))
		n += sizeof(uint64_t);
	while (n < len && is_plain((unsigned char)s[n]))
		n++;
	return n;
}
