/* token.h - access tokens: made, read, and hashed for storage.
 *
 *	hmk_pat_<id, 12>_<secret, 30><checksum, 6>
 *
 * Everything after the typed prefix is Base62, so a double click selects the whole
 * and a scanner finds leaked ones by  hmk_pat_[0-9A-Za-z]{12}_[0-9A-Za-z]{36} .
 * The checksum is the CRC-32 of what stands before it: a mistyped or made-up token
 * is told apart without asking the database. The id is public, it names the token in
 * lists and logs; the secret holds 178 random bits. The database keeps a keyed
 * BLAKE2b of the token under a subkey of the secret file (registry/secret.h), so a
 * stolen table opens nothing; such a fast hash is right for a secret of that size.
 *
 * Any thread. token_make() needs sodium_init().
 */
#ifndef HALLMARK_REGISTRY_TOKEN_H
#define HALLMARK_REGISTRY_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

enum { TOKEN_ID = 12, TOKEN_SECRET = 30, TOKEN_CHECK = 6, TOKEN_HASH = 32, TOKEN_KEY = 32 };
enum { TOKEN_LEN = 8 + TOKEN_ID + 1 + TOKEN_SECRET + TOKEN_CHECK };

enum token_kind { TOKEN_ACCESS, TOKEN_KINDS }; /* "pat" */

extern const char *const token_kind_names[TOKEN_KINDS]; /* as the database has them */

struct token {
	enum token_kind kind;
	char id[TOKEN_ID + 1];
	char text[TOKEN_LEN + 1]; /* the whole of it: never log it */
};

void token_make(enum token_kind kind, struct token *out);

/* False when it has not the form of a token or the checksum is wrong. */
bool token_read(const char *text, size_t len, struct token *out);

/* What is stored and compared; key is secret_subkey(SECRET_TOKENS). */
void token_hash(const struct token *t, const unsigned char key[TOKEN_KEY],
		unsigned char out[TOKEN_HASH]);
/* In constant time. */
bool token_same(const unsigned char a[TOKEN_HASH], const unsigned char b[TOKEN_HASH]);

#endif
