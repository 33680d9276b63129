/* key.h - storage keys: what the database calls stored bytes by.
 *
 *	<SHA-256 in hexadecimal>.<128 random bits in hexadecimal>
 *
 * Every kind of store uses this shape, so a key says nothing of where it lies
 * and keys sort alike everywhere. The random half makes each upload's key a new
 * one, also for bytes that are stored already.
 */
#ifndef HALLMARK_STORAGE_KEY_H
#define HALLMARK_STORAGE_KEY_H

#include <stdbool.h>

#include "base/digest.h"
#include "base/problem.h"

enum {
	STORAGE_KEY = 128,        /* room for any key with its NUL */
	STORAGE_RANDOM_TEXT = 32, /* hexadecimal digits; 128 bits never repeat */
	STORAGE_KEY_TEXT = SHA256_TEXT + STORAGE_RANDOM_TEXT, /* characters of every key */
};

void storage_random(char text[STORAGE_RANDOM_TEXT + 1]);
bool storage_is_random(const char *text); /* of that very length and alphabet? */

void storage_key_new(const unsigned char sha256[SHA256_BYTES], char key[STORAGE_KEY]);
bool storage_is_key(const char *text);

/* A key comes from our own database; one of another shape must never become a path
 * or the name of an object: it is logged, and INTERNAL. */
MUST_CHECK struct problem storage_key_check(struct arena *a, const char *key);

#endif
