/* minisign.h - keys and signatures in minisign's own formats.
 *
 * https://jedisct1.github.io/minisign/ describes them. Stock `minisign -V`
 * accepts what is made here and the other way round. Only prehashed signatures
 * ("ED": Ed25519 over the BLAKE2b-512 of the file) are made or accepted.
 *
 * A key has 8 bytes of id. Hallmark writes them everywhere as minisign prints
 * them: 16 upper-case hexadecimal digits, last byte first.
 *
 * A struct minisign_secret lives in memory of sodium_malloc() alone, or is wiped
 * with sodium_memzero() before its function returns.
 */
#ifndef HALLMARK_BASE_MINISIGN_H
#define HALLMARK_BASE_MINISIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"
#include "base/problem.h"

enum {
	MINISIGN_ID_BYTES = 8,
	MINISIGN_ID_TEXT = 17,       /* with its NUL */
	MINISIGN_PUBLIC_BYTES = 42,  /* "Ed", id, Ed25519 key */
	MINISIGN_PUBLIC_LINE = 57,   /* those in base64, with a NUL: what `minisign -P` takes */
	MINISIGN_SECRET_FILE = 320,  /* room for the text of any secret key file we write */
	MINISIGN_COMMENT_MAX = 8000, /* minisign reads lines below 8,192 bytes */
};

struct minisign_public {
	unsigned char id[MINISIGN_ID_BYTES];
	unsigned char key[32];
};

struct minisign_secret {
	unsigned char id[MINISIGN_ID_BYTES];
	unsigned char key[64]; /* seed, then public key: what crypto_sign() takes */
};

void minisign_id_text(const unsigned char id[MINISIGN_ID_BYTES], char text[MINISIGN_ID_TEXT]);
bool minisign_id_read(const char *text, size_t len, unsigned char id[MINISIGN_ID_BYTES]);

/* The 42 bytes; their base64; the two lines of a public key file; SubjectPublicKeyInfo
 * as PEM (RFC 8410), byte for byte as `openssl pkey -pubout` writes it. */
void minisign_public_bytes(const struct minisign_public *k,
			   unsigned char out[MINISIGN_PUBLIC_BYTES]);
bool minisign_public_from_bytes(const unsigned char *bytes, size_t len, struct minisign_public *k);
void minisign_public_line(const struct minisign_public *k, char line[MINISIGN_PUBLIC_LINE]);
const char *minisign_public_file(struct arena *a, const struct minisign_public *k);
const char *minisign_public_pem(struct arena *a, const struct minisign_public *k);

/* Reads a public key file, or its base64 line alone. */
struct problem minisign_public_read(struct arena *a, const char *text, size_t len,
				    struct minisign_public *k) MUST_CHECK;

/* A new key with a random id. */
void minisign_secret_new(struct minisign_secret *k);
void minisign_public_of(const struct minisign_secret *secret, struct minisign_public *k);

/* The text of a secret key file without a password (`minisign -G -W`), and back.
 * Reading refuses a file with a password, naming the command that takes it away,
 * and a key whose halves do not belong together. Nothing secret goes into a. */
void minisign_secret_file(const struct minisign_secret *k, char text[MINISIGN_SECRET_FILE]);
struct problem minisign_secret_read(struct arena *a, const char *text, size_t len,
				    struct minisign_secret *k) MUST_CHECK;

/* The four lines of a signature file. Both comments are one line of UTF-8 without
 * controls other than TAB, at most MINISIGN_COMMENT_MAX bytes (untrusted: 1,000);
 * INVALID else. The trusted one is signed too. */
struct problem minisign_sign(struct arena *a, const struct minisign_secret *k,
			     const unsigned char blake2b[BLAKE2B_BYTES], const char *untrusted,
			     const char *trusted, const char **text) MUST_CHECK;

/* A signature file taken apart, not yet verified. */
struct minisign_signature {
	unsigned char id[MINISIGN_ID_BYTES];
	unsigned char signature[64];
	unsigned char global[64]; /* over signature and trusted comment */
	const char *trusted;      /* in the arena */
};
struct problem minisign_signature_read(struct arena *a, const char *text, size_t len,
				       struct minisign_signature *s) MUST_CHECK;

/* False unless key id, signature and trusted comment are all right. */
bool minisign_holds(const struct minisign_signature *s, const struct minisign_public *k,
		    const unsigned char blake2b[BLAKE2B_BYTES]);

/* Both in one: DIGEST_MISMATCH when the signature is not of these bytes by this key. */
struct problem minisign_verify(struct arena *a, const struct minisign_public *k,
			       const unsigned char blake2b[BLAKE2B_BYTES], const char *text,
			       size_t len, const char **trusted) MUST_CHECK;

#endif
