#include "base/text.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "base/ascii.h"

static const int base64_variants[] = {
	[BASE64_STANDARD] = sodium_base64_VARIANT_ORIGINAL,
	[BASE64_URL] = sodium_base64_VARIANT_URLSAFE,
	[BASE64_URL_UNPADDED] = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

bool text_is(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(s, word, len) == 0;
}

bool text_starts(const char *s, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return n <= len && memcmp(s, prefix, n) == 0;
}

char text_lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c;
}

size_t text_int(int64_t v, char out[TEXT_INT])
{
	char digits[TEXT_INT], *p = digits + sizeof(digits);
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	*--p = '\0';
	do
		*--p = (char)('0' + rest % 10);
	while (rest /= 10);
	if (v < 0)
		*--p = '-';
	const size_t len = (size_t)(digits + sizeof(digits) - p);
	memcpy(out, p, len);
	return len - 1;
}

void hex_text(char *out, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = bytes;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[b[i] >> 4];
		*out++ = digits[b[i] & 15];
	}
	*out = '\0';
}

static int hex_digit(char c)
{
	if (ascii_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_read(void *out, size_t len, const char *hex, size_t hex_len)
{
	unsigned char *b = out;

	if (hex_len / 2 != len || hex_len % 2)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		b[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

char *base64_text(struct arena *a, enum base64 kind, const void *bytes, size_t len,
		  size_t *text_len)
{
	if (len > SIZE_MAX / 2) /* far past any arena's limit; keeps the sum from wrapping */
		len = SIZE_MAX / 2;
	size_t room = sodium_base64_encoded_len(len, base64_variants[kind]);
	char *text = arena_bytes(a, room);

	sodium_bin2base64(text, room, bytes, len, base64_variants[kind]);
	if (text_len)
		*text_len = strlen(text);
	return text;
}

/* libsodium 1.0.18 takes some bytes past ASCII for letters. */
static bool is_ascii(const char *s, size_t len)
{
	unsigned char all = 0;

	for (size_t i = 0; i < len; i++)
		all |= (unsigned char)s[i];
	return all < 0x80;
}

bool base64_read(struct arena *a, enum base64 kind, const char *text, size_t text_len,
		 unsigned char **bytes, size_t *len)
{
	size_t room = text_len / 4 * 3 + 3;

	*bytes = arena_bytes(a, room + 1);
	if (!is_ascii(text, text_len) || sodium_base642bin(*bytes, room, text, text_len, NULL, len,
							   NULL, base64_variants[kind]) != 0)
		return false;
	(*bytes)[*len] = '\0';
	return true;
}

bool base64_fill(void *out, size_t len, enum base64 kind, const char *text, size_t text_len)
{
	size_t got;

	return is_ascii(text, text_len) &&
	       sodium_base642bin(out, len, text, text_len, NULL, &got, NULL,
				 base64_variants[kind]) == 0 &&
	       got == len;
}

static bool unreserved(char c)
{
	return ascii_alphanumeric(c) || ascii_one_of(c, "-._~");
}

char *percent_text(struct arena *a, const char *s, size_t len, const char *keep)
{
	static const char digits[] = "0123456789ABCDEF";
	char *text = arena_calloc(a, len + 1, 3), *p = text;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (unreserved(s[i]) || (c && strchr(keep, c))) {
			*p++ = s[i];
			continue;
		}
		*p++ = '%';
		*p++ = digits[c >> 4];
		*p++ = digits[c & 15];
	}
	return text;
}

bool percent_read(struct arena *a, const char *text, size_t text_len, char **s, size_t *len)
{
	const char *end = text + text_len;
	char *p = *s = arena_bytes(a, text_len + 1);

	for (; text < end; text++) {
		if (*text != '%') {
			*p++ = *text;
			continue;
		}
		if (end - text < 3)
			return false;
		int high = hex_digit(text_lower(text[1])), low = hex_digit(text_lower(text[2]));
		if (high < 0 || low < 0)
			return false;
		*p++ = (char)(high << 4 | low);
		text += 2;
	}
	*p = '\0';
	*len = (size_t)(p - *s);
	return true;
}
