/* digest.h - the two digests of every artifact, and the header fields that carry one.
 *
 * SHA-256 (FIPS 180-4) is what the world names bytes by; OpenSSL computes it
 * with the processor's own instructions. BLAKE2b-512 (RFC 7693) is what minisign
 * signs; libsodium computes it. The two streams of a struct hasher are apart, so
 * that two threads may each feed one of them.
 */
#ifndef HALLMARK_BASE_DIGEST_H
#define HALLMARK_BASE_DIGEST_H

#include <openssl/types.h>
#include <sodium/crypto_generichash.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"

enum {
	SHA256_BYTES = 32,
	SHA256_TEXT = 65, /* lower-case hexadecimal with its NUL */
	BLAKE2B_BYTES = 64,
	BLAKE2B_TEXT = 129,
};

struct digests {
	unsigned char sha256[SHA256_BYTES];
	unsigned char blake2b[BLAKE2B_BYTES];
};

struct hasher {
	EVP_MD_CTX *sha256;
	crypto_generichash_state *blake2b; /* on its own: it wants an alignment of 64 */
};

/* Makes OpenSSL ready. Before anything else that uses it, libcurl and libpq included: what is first
 * there without memory crashes. False, for good, when there was none. */
bool digest_prepare(void);

bool hasher_begin(struct hasher *h); /* false: no memory */
void hasher_sha256(struct hasher *h, const void *data, size_t len);
void hasher_blake2b(struct hasher *h, const void *data, size_t len);
void hasher_feed(struct hasher *h, const void *data, size_t len); /* both */
void hasher_end(struct hasher *h, struct digests *out);           /* and closes */
void hasher_close(struct hasher *h);                              /* also after hasher_end() */

/* Of bytes that are there in one piece. */
void sha256_of(const void *data, size_t len, unsigned char out[SHA256_BYTES]);
void blake2b_of(const void *data, size_t len, unsigned char out[BLAKE2B_BYTES]);

/* What a client announced in Repr-Digest or Content-Digest (RFC 9530), whose
 * value is a Dictionary of Structured Fields (RFC 8941):
 *
 *	Repr-Digest: sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:
 *
 * *given says whether there was a sha-256; sha256 is set only then. Algorithms
 * that nobody here knows are passed over, as the RFC wants. INVALID, naming the
 * header: a value that is no Dictionary; a sha-256 that is not 32 bytes; and a
 * sha-512 alone, which the client asks to have checked and we do not compute. */
struct problem digest_header_read(struct arena *a, const char *header, const char *value,
				  unsigned char sha256[SHA256_BYTES], bool *given) MUST_CHECK;

/* The value to answer with: "sha-256=:…=:". */
enum { DIGEST_HEADER_TEXT = 56 };
void digest_header_text(const unsigned char sha256[SHA256_BYTES], char text[DIGEST_HEADER_TEXT]);

#endif
