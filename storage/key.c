#include "storage/key.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/text.h"

enum { DIGEST_TEXT = SHA256_TEXT - 1 };

static bool is_hex(const char *s, size_t len)
{
	return strspn(s, "0123456789abcdef") == len;
}

void storage_random(char text[STORAGE_RANDOM_TEXT + 1])
{
	unsigned char bytes[STORAGE_RANDOM_TEXT / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort(); /* cannot happen for 16 bytes once the system is up */
	hex_text(text, bytes, sizeof(bytes));
}

bool storage_is_random(const char *text)
{
	return strlen(text) == STORAGE_RANDOM_TEXT && is_hex(text, STORAGE_RANDOM_TEXT);
}

void storage_key_new(const unsigned char sha256[SHA256_BYTES], char key[STORAGE_KEY])
{
	hex_text(key, sha256, SHA256_BYTES);
	key[DIGEST_TEXT] = '.';
	storage_random(key + DIGEST_TEXT + 1);
}

bool storage_is_key(const char *text)
{
	return strnlen(text, STORAGE_KEY_TEXT + 1) == STORAGE_KEY_TEXT &&
	       text[DIGEST_TEXT] == '.' && is_hex(text, DIGEST_TEXT) &&
	       storage_is_random(text + DIGEST_TEXT + 1);
}

struct problem storage_key_check(struct arena *a, const char *key)
{
	if (storage_is_key(key))
		return NO_PROBLEM;
	log_line(LOG_ERROR, "storage_key_malformed", LOG_TEXT("key", key));
	return problem(a, PROBLEM_INTERNAL, "the storage key is malformed");
}
