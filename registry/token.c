#include "registry/token.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "base/ascii.h"

const char *const token_kind_names[TOKEN_KINDS] = {[TOKEN_ACCESS] = "pat"};

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

enum { ID_AT = 8, SECRET_AT = ID_AT + TOKEN_ID + 1, CHECK_AT = SECRET_AT + TOKEN_SECRET };
enum { SECRET_CHECK = TOKEN_SECRET + TOKEN_CHECK };

_Static_assert(TOKEN_KEY >= crypto_generichash_KEYBYTES_MIN &&
		       TOKEN_KEY <= crypto_generichash_KEYBYTES_MAX,
	       "a key BLAKE2b takes");

/* The CRC-32 of ISO 3309, which zip and PNG use, four bits at a time: every request has one. */
static uint32_t crc32_of(const char *s, size_t len)
{
	static const uint32_t four_bits[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)s[i];
		crc = (crc >> 4) ^ four_bits[crc & 15];
		crc = (crc >> 4) ^ four_bits[crc & 15];
	}
	return ~crc;
}

static void put_check(char *text)
{
	uint32_t crc = crc32_of(text, CHECK_AT);

	for (int i = TOKEN_CHECK - 1; i >= 0; i--, crc /= 62)
		text[CHECK_AT + i] = base62[crc % 62];
}

static void put_random(char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s[i] = base62[randombytes_uniform(62)];
}

void token_make(enum token_kind kind, struct token *out)
{
	*out = (struct token){.kind = kind};
	memcpy(out->text, "hmk_", 4);
	memcpy(out->text + 4, token_kind_names[kind], 3);
	out->text[ID_AT - 1] = '_';
	put_random(out->text + ID_AT, TOKEN_ID);
	out->text[SECRET_AT - 1] = '_';
	put_random(out->text + SECRET_AT, TOKEN_SECRET);
	put_check(out->text);
	memcpy(out->id, out->text + ID_AT, TOKEN_ID);
}

static int kind_of(const char *text)
{
	for (int k = 0; k < TOKEN_KINDS; k++) {
		if (memcmp(text + 4, token_kind_names[k], 3) == 0)
			return k;
	}
	return -1;
}

bool token_read(const char *text, size_t len, struct token *out)
{
	if (len != TOKEN_LEN || memcmp(text, "hmk_", 4) != 0 || kind_of(text) < 0)
		return false;
	if (text[ID_AT - 1] != '_' || text[SECRET_AT - 1] != '_' ||
	    ascii_word(text + ID_AT, TOKEN_ID, "") < TOKEN_ID ||
	    ascii_word(text + SECRET_AT, SECRET_CHECK, "") < SECRET_CHECK)
		return false;
	*out = (struct token){.kind = (enum token_kind)kind_of(text)};
	memcpy(out->id, text + ID_AT, TOKEN_ID);
	memcpy(out->text, text, CHECK_AT);
	put_check(out->text);
	return memcmp(out->text, text, TOKEN_LEN) == 0;
}

void token_hash(const struct token *t, const unsigned char key[TOKEN_KEY],
		unsigned char out[TOKEN_HASH])
{
	crypto_generichash(out, TOKEN_HASH, (const unsigned char *)t->text, CHECK_AT, key,
			   TOKEN_KEY);
}

bool token_same(const unsigned char a[TOKEN_HASH], const unsigned char b[TOKEN_HASH])
{
	return sodium_memcmp(a, b, TOKEN_HASH) == 0;
}
