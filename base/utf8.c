#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Well-formed sequences by their first byte: how many bytes follow, and the range
 * of the second one (Unicode Standard, table 3-7); later ones are 80..BF. */
static const struct lead {
	unsigned char first, last, follow, low, high;
} leads[] = {
	{0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf}, {0xe1, 0xec, 2, 0x80, 0xbf},
	{0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf}, {0xf0, 0xf0, 3, 0x90, 0xbf},
	{0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

static const struct lead *lead_of(unsigned char c)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(*leads); i++)
		if (c >= leads[i].first && c <= leads[i].last)
			return &leads[i];
	return NULL;
}

/* The code point at s (of len > 0 bytes), or -1; *size is how long it is. */
static int32_t decode(const unsigned char *s, size_t len, size_t *size)
{
	*size = 1;
	if (*s < 0x80)
		return *s;
	const struct lead *l = lead_of(*s);
	if (!l || len <= l->follow || s[1] < l->low || s[1] > l->high)
		return -1;
	int32_t c = *s & (0x3f >> l->follow);
	for (size_t i = 1; i <= l->follow; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (s[i] & 0x3f);
	}
	*size = l->follow + 1U;
	return c;
}

static size_t ascii_prefix(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && (unsigned char)s[i] < 0x80)
		i++;
	return i;
}

bool utf8_valid(const char *s, size_t len)
{
	size_t size;

	for (size_t i = ascii_prefix(s, len); i < len; i += size)
		if (decode((const unsigned char *)s + i, len - i, &size) < 0)
			return false;
	return true;
}

static utf8proc_uint8_t *nfc_of(const char *s, size_t len, size_t *nfc_len)
{
	utf8proc_uint8_t *out = NULL;
	utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)len, &out,
					  (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE));

	*nfc_len = n < 0 ? 0 : (size_t)n;
	return n < 0 ? NULL : out;
}

bool utf8_is_nfc(const char *s, size_t len)
{
	size_t nfc_len;

	if (ascii_prefix(s, len) == len)
		return true;
	utf8proc_uint8_t *nfc = nfc_of(s, len, &nfc_len);
	bool same = nfc && nfc_len == len && memcmp(nfc, s, len) == 0;
	free(nfc);
	return same;
}

char *utf8_nfc(struct arena *a, const char *s, size_t len, size_t *nfc_len)
{
	utf8proc_uint8_t *nfc = nfc_of(s, len, nfc_len);

	if (!nfc)
		return NULL;
	arena_defer(a, free, nfc); /* also when the copy finds the arena full */
	return arena_dup(a, (const char *)nfc, *nfc_len);
}

static const struct span {
	int32_t first, last;
} forbidden[] = {
	{0x0000, 0x001f}, /* C0 controls */
	{0x007f, 0x009f}, /* DEL, C1 controls */
	{0x061c, 0x061c}, /* Arabic letter mark */
	{0x200e, 0x200f}, /* left-to-right and right-to-left marks */
	{0x2028, 0x202e}, /* line and paragraph separators, embeddings, overrides */
	{0x2066, 0x2069}, /* isolates */
	{0xfdd0, 0xfdef}, /* noncharacters; so are the last two of each plane */
	{0xfeff, 0xfeff}, /* byte order mark */
};

static bool is_forbidden(int32_t c)
{
	if ((c & 0xfffe) == 0xfffe)
		return true;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++)
		if (c >= forbidden[i].first && c <= forbidden[i].last)
			return true;
	return false;
}

int32_t utf8_forbidden(const char *s, size_t len)
{
	size_t size;

	for (size_t i = 0; i < len; i += size) {
		int32_t c = decode((const unsigned char *)s + i, len - i, &size);

		if (c >= 0 && is_forbidden(c))
			return c;
	}
	return -1;
}
