/* token_cache.h - what a loop remembers of the tokens it has looked up.
 *
 * A token names a row that holds a keyed hash of its secret, an expiry and its
 * principal; the principal has roles. Each loop remembers what it looked up for two
 * seconds, so a revoked token stops working within two seconds.
 */
#ifndef HALLMARK_API_TOKEN_CACHE_H
#define HALLMARK_API_TOKEN_CACHE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/problem.h"
#include "registry/role.h"
#include "registry/token.h"

/* What the row of a token said. */
struct known_token {
	char id[TOKEN_ID + 1];
	unsigned char hash[TOKEN_HASH];
	int64_t looked_up;  /* monotonic; 0: empty */
	int64_t expires_at; /* INT64_MIN: never */
	bool revoked;
	char principal[256];
	struct roles roles;
};

struct token_cache;
struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *c);

/* NULL: not known, or looked up too long ago. Good until the next token_cache_learn(). */
const struct known_token *token_cache_find(struct token_cache *c, const char *id);
/* Remembers the first row of tokens/lookup, and hands it out. */
struct problem token_cache_learn(struct token_cache *c, struct arena *a, const PGresult *res,
				 const struct known_token **out) MUST_CHECK;

#endif
