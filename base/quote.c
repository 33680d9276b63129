#include "base/quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

enum { SHOWN = 60, HEX_BYTE = 4, ROOM = 256 };
_Static_assert((size_t)SHOWN *HEX_BYTE + sizeof("\"…\"") <= ROOM, "every byte may become \\xNN");

static bool harmless(int32_t c)
{
	const utf8proc_property_t *p = utf8proc_get_property(c);

	switch ((utf8proc_category_t)p->category) {
	case UTF8PROC_CATEGORY_CC: /* controls */
	case UTF8PROC_CATEGORY_CF: /* marks of direction, joiners, other unseen characters */
	case UTF8PROC_CATEGORY_CN:
	case UTF8PROC_CATEGORY_CO:
	case UTF8PROC_CATEGORY_CS:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return false;
	default:
		return true;
	}
}

/* Bytes of the character at s that may be shown as they are; 0: none. */
static size_t showable(const char *s, size_t len)
{
	utf8proc_int32_t c;
	const utf8proc_ssize_t n =
		utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)len, &c);

	return n > 0 && harmless(c) ? (size_t)n : 0;
}

const char *quote(struct arena *a, const char *s, size_t len)
{
	char *text = arena_bytes(a, ROOM), *p = text;
	size_t at = 0;

	*p++ = '"';
	while (at < len && at < SHOWN) {
		const size_t n = showable(s + at, len - at);

		if (n)
			p = mempcpy(p, s + at, n);
		else
			p += snprintf(p, HEX_BYTE + 1, "\\x%02x", (unsigned)(unsigned char)s[at]);
		at += n ? n : 1;
	}
	const char *const end = at < len ? "…\"" : "\"";
	memcpy(p, end, strlen(end) + 1);
	return text;
}
