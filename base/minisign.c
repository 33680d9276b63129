#include "base/minisign.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

enum {
	SIGNATURE_BYTES = 74, /* "ED", id, signature */
	SECRET_BYTES = 158,
	SECRET_KDF = 2, /* where the parts of a secret key lie */
	SECRET_SUM = 4,
	SECRET_ID = 54,
	SECRET_KEY = 62,
	SECRET_CHECK = 126,
	CHECK_BYTES = 32,
	UNTRUSTED_MAX = 1000,
};

#define UNTRUSTED "untrusted comment: "
#define TRUSTED   "trusted comment: "

void minisign_id_text(const unsigned char id[MINISIGN_ID_BYTES], char text[MINISIGN_ID_TEXT])
{
	static const char digits[] = "0123456789ABCDEF";

	for (int i = MINISIGN_ID_BYTES - 1; i >= 0; i--) {
		*text++ = digits[id[i] >> 4];
		*text++ = digits[id[i] & 15];
	}
	*text = '\0';
}

bool minisign_id_read(const char *text, size_t len, unsigned char id[MINISIGN_ID_BYTES])
{
	char lower[MINISIGN_ID_TEXT - 1];
	unsigned char big_endian[MINISIGN_ID_BYTES];

	if (len != sizeof(lower))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] >= 'a' && text[i] <= 'f')
			return false; /* an id has one text */
		lower[i] = text_lower(text[i]);
	}
	if (!hex_read(big_endian, sizeof(big_endian), lower, len))
		return false;
	for (size_t i = 0; i < MINISIGN_ID_BYTES; i++)
		id[i] = big_endian[MINISIGN_ID_BYTES - 1 - i];
	return true;
}

void minisign_public_bytes(const struct minisign_public *k,
			   unsigned char out[MINISIGN_PUBLIC_BYTES])
{
	memcpy(out, "Ed", 2);
	memcpy(out + 2, k->id, MINISIGN_ID_BYTES);
	memcpy(out + 10, k->key, sizeof(k->key));
}

bool minisign_public_from_bytes(const unsigned char *bytes, size_t len, struct minisign_public *k)
{
	if (len != MINISIGN_PUBLIC_BYTES || memcmp(bytes, "Ed", 2) != 0)
		return false;
	memcpy(k->id, bytes + 2, MINISIGN_ID_BYTES);
	memcpy(k->key, bytes + 10, sizeof(k->key));
	return true;
}

void minisign_public_line(const struct minisign_public *k, char line[MINISIGN_PUBLIC_LINE])
{
	unsigned char bytes[MINISIGN_PUBLIC_BYTES];

	minisign_public_bytes(k, bytes);
	sodium_bin2base64(line, MINISIGN_PUBLIC_LINE, bytes, sizeof(bytes),
			  sodium_base64_VARIANT_ORIGINAL);
}

const char *minisign_public_file(struct arena *a, const struct minisign_public *k)
{
	char line[MINISIGN_PUBLIC_LINE], id[MINISIGN_ID_TEXT];

	minisign_public_line(k, line);
	minisign_id_text(k->id, id);
	return arena_printf(a, UNTRUSTED "minisign public key %s\n%s\n", id, line);
}

const char *minisign_public_pem(struct arena *a, const struct minisign_public *k)
{
	/* SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING of the 32 bytes that follow } */
	unsigned char der[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
				 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

	memcpy(der + 12, k->key, sizeof(k->key));
	return arena_printf(a, "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n",
			    base64_text(a, BASE64_STANDARD, der, sizeof(der), NULL));
}

/* A text of lines; a CR before the LF is borne, as minisign does. */
struct lines {
	const char *at, *end;
};

static bool next_line(struct lines *l, const char **line, size_t *len)
{
	if (l->at == l->end)
		return false;
	const char *lf = memchr(l->at, '\n', (size_t)(l->end - l->at));
	const char *end = lf ? lf : l->end;

	*line = l->at;
	*len = (size_t)(end - l->at);
	l->at = lf ? lf + 1 : end;
	if (*len && (*line)[*len - 1] == '\r')
		--*len;
	return true;
}

static bool next_bytes(struct lines *l, unsigned char *out, size_t want)
{
	const char *line;
	size_t len;

	return next_line(l, &line, &len) && base64_fill(out, want, BASE64_STANDARD, line, len);
}

static bool next_comment(struct lines *l, const char *prefix, const char **comment, size_t *len)
{
	if (!next_line(l, comment, len) || !text_starts(*comment, *len, prefix))
		return false;
	*comment += strlen(prefix);
	*len -= strlen(prefix);
	return true;
}

struct problem minisign_public_read(struct arena *a, const char *text, size_t len,
				    struct minisign_public *k)
{
	struct lines l = {text, text + len};
	unsigned char bytes[MINISIGN_PUBLIC_BYTES];
	const char *comment;
	size_t comment_len;

	if (text_starts(text, len, UNTRUSTED) &&
	    !next_comment(&l, UNTRUSTED, &comment, &comment_len))
		return problem(a, PROBLEM_INVALID, "the public key is empty");
	if (!next_bytes(&l, bytes, sizeof(bytes)) || l.at != l.end)
		return problem(a, PROBLEM_INVALID,
			       "a minisign public key is one line of 56 characters of base64, "
			       "with or without a line \"" UNTRUSTED "…\" before it");
	if (!minisign_public_from_bytes(bytes, sizeof(bytes), k))
		return problem(a, PROBLEM_INVALID, "the public key is not for Ed25519");
	return NO_PROBLEM;
}

void minisign_secret_new(struct minisign_secret *k)
{
	unsigned char public_key[32];

	randombytes_buf(k->id, sizeof(k->id));
	crypto_sign_keypair(public_key, k->key);
}

void minisign_public_of(const struct minisign_secret *secret, struct minisign_public *k)
{
	memcpy(k->id, secret->id, sizeof(k->id));
	memcpy(k->key, secret->key + 32, sizeof(k->key));
}

static void check_of(const unsigned char secret[SECRET_BYTES], unsigned char out[CHECK_BYTES])
{
	crypto_generichash_state s;

	crypto_generichash_init(&s, NULL, 0, CHECK_BYTES);
	crypto_generichash_update(&s, secret, 2);
	crypto_generichash_update(&s, secret + SECRET_ID, SECRET_CHECK - SECRET_ID);
	crypto_generichash_final(&s, out, CHECK_BYTES);
	sodium_memzero(&s, sizeof(s));
}

void minisign_secret_file(const struct minisign_secret *k, char text[MINISIGN_SECRET_FILE])
{
	unsigned char bytes[SECRET_BYTES] = "Ed";
	char id[MINISIGN_ID_TEXT];

	memcpy(bytes + SECRET_SUM, "B2", 2); /* the KDF before it and its settings stay zero */
	memcpy(bytes + SECRET_ID, k->id, sizeof(k->id));
	memcpy(bytes + SECRET_KEY, k->key, sizeof(k->key));
	check_of(bytes, bytes + SECRET_CHECK);
	minisign_id_text(k->id, id);
	int n = snprintf(text, MINISIGN_SECRET_FILE, UNTRUSTED "hallmark secret key %s\n", id);
	sodium_bin2base64(text + n, MINISIGN_SECRET_FILE - (size_t)n, bytes, sizeof(bytes),
			  sodium_base64_VARIANT_ORIGINAL);
	memcpy(text + strlen(text), "\n", 2);
	sodium_memzero(bytes, sizeof(bytes));
}

/* minisign 0.11 leaves the check of a key without password zero. */
static bool check_holds(const unsigned char bytes[SECRET_BYTES])
{
	unsigned char check[CHECK_BYTES];

	check_of(bytes, check);
	return sodium_is_zero(bytes + SECRET_CHECK, CHECK_BYTES) ||
	       sodium_memcmp(check, bytes + SECRET_CHECK, CHECK_BYTES) == 0;
}

static bool halves_match(const unsigned char key[64])
{
	unsigned char public_key[32], again[64];

	crypto_sign_seed_keypair(public_key, again, key);
	bool match = sodium_memcmp(again, key, sizeof(again)) == 0;
	sodium_memzero(again, sizeof(again));
	return match;
}

static struct problem secret_check(struct arena *a, const unsigned char bytes[SECRET_BYTES])
{
	if (memcmp(bytes, "Ed", 2) != 0)
		return problem(a, PROBLEM_INVALID, "the secret key is not for Ed25519");
	if (memcmp(bytes + SECRET_KDF, "Sc", 2) == 0)
		return problem(a, PROBLEM_INVALID,
			       "the secret key has a password, which nobody is there to type: "
			       "take it away with `minisign -C -W -s FILE`");
	if (!sodium_is_zero(bytes + SECRET_KDF, 2) || memcmp(bytes + SECRET_SUM, "B2", 2) != 0)
		return problem(a, PROBLEM_INVALID, "the secret key is of an unknown kind");
	if (!check_holds(bytes) || !halves_match(bytes + SECRET_KEY))
		return problem(a, PROBLEM_INVALID, "the secret key is damaged");
	return NO_PROBLEM;
}

struct problem minisign_secret_read(struct arena *a, const char *text, size_t len,
				    struct minisign_secret *k)
{
	struct lines l = {text, text + len};
	unsigned char bytes[SECRET_BYTES];
	const char *comment;
	size_t comment_len;
	struct problem p;

	if (!next_comment(&l, UNTRUSTED, &comment, &comment_len) ||
	    !next_bytes(&l, bytes, sizeof(bytes)) || l.at != l.end)
		p = problem(a, PROBLEM_INVALID,
			    "a minisign secret key is a line \"" UNTRUSTED "…\" and a line of 212 "
			    "characters of base64");
	else
		p = secret_check(a, bytes);
	if (p.code == PROBLEM_NONE) {
		memcpy(k->id, bytes + SECRET_ID, sizeof(k->id));
		memcpy(k->key, bytes + SECRET_KEY, sizeof(k->key));
	}
	sodium_memzero(bytes, sizeof(bytes));
	return p;
}

/* One line that every version of minisign prints: no control but TAB. */
static bool comment_fits(const char *s, size_t len, size_t most)
{
	if (len > most || !utf8_valid(s, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i], next = (unsigned char)s[i + (i + 1 < len)];

		if ((c < 0x20 && c != '\t') || c == 0x7f || (c == 0xc2 && next < 0xa0))
			return false;
	}
	return true;
}

/* What the global signature covers: the first one and the trusted comment. */
struct global {
	unsigned char bytes[64 + MINISIGN_COMMENT_MAX];
	size_t len;
};

static bool global_of(const unsigned char signature[64], const char *trusted, struct global *g)
{
	size_t n = strlen(trusted);

	if (n > MINISIGN_COMMENT_MAX)
		return false;
	memcpy(g->bytes, signature, 64);
	memcpy(g->bytes + 64, trusted, n);
	g->len = 64 + n;
	return true;
}

struct problem minisign_sign(struct arena *a, const struct minisign_secret *k,
			     const unsigned char blake2b[BLAKE2B_BYTES], const char *untrusted,
			     const char *trusted, const char **text)
{
	unsigned char signature[SIGNATURE_BYTES] = "ED", global[64];
	struct global g;

	if (!comment_fits(untrusted, strlen(untrusted), UNTRUSTED_MAX))
		return problem(a, PROBLEM_INVALID, "the untrusted comment is not one line of text");
	memcpy(signature + 2, k->id, sizeof(k->id));
	crypto_sign_detached(signature + 10, NULL, blake2b, BLAKE2B_BYTES, k->key);
	if (!comment_fits(trusted, strlen(trusted), MINISIGN_COMMENT_MAX) ||
	    !global_of(signature + 10, trusted, &g))
		return problem(a, PROBLEM_INVALID, "the trusted comment is not one line of text");
	crypto_sign_detached(global, NULL, g.bytes, g.len, k->key);
	*text = arena_printf(a, UNTRUSTED "%s\n%s\n" TRUSTED "%s\n%s\n", untrusted,
			     base64_text(a, BASE64_STANDARD, signature, sizeof(signature), NULL),
			     trusted,
			     base64_text(a, BASE64_STANDARD, global, sizeof(global), NULL));
	return NO_PROBLEM;
}

struct problem minisign_signature_read(struct arena *a, const char *text, size_t len,
				       struct minisign_signature *s)
{
	struct lines l = {text, text + len};
	unsigned char bytes[SIGNATURE_BYTES];
	const char *untrusted, *trusted;
	size_t untrusted_len, trusted_len;

	if (!next_comment(&l, UNTRUSTED, &untrusted, &untrusted_len) ||
	    !next_bytes(&l, bytes, sizeof(bytes)) ||
	    !next_comment(&l, TRUSTED, &trusted, &trusted_len) ||
	    !next_bytes(&l, s->global, sizeof(s->global)) || l.at != l.end)
		return problem(a, PROBLEM_INVALID,
			       "a minisign signature is four lines: \"" UNTRUSTED "…\", base64, "
			       "\"" TRUSTED "…\", base64");
	if (memcmp(bytes, "ED", 2) != 0)
		return problem(a, PROBLEM_INVALID,
			       "the signature is not a prehashed one: sign with `minisign -S`, "
			       "without -l");
	if (!comment_fits(trusted, trusted_len, MINISIGN_COMMENT_MAX))
		return problem(a, PROBLEM_INVALID, "the trusted comment is not one line of text");
	memcpy(s->id, bytes + 2, sizeof(s->id));
	memcpy(s->signature, bytes + 10, sizeof(s->signature));
	s->trusted = arena_dup(a, trusted, trusted_len);
	return NO_PROBLEM;
}

bool minisign_holds(const struct minisign_signature *s, const struct minisign_public *k,
		    const unsigned char blake2b[BLAKE2B_BYTES])
{
	struct global g;

	return memcmp(s->id, k->id, sizeof(k->id)) == 0 &&
	       crypto_sign_verify_detached(s->signature, blake2b, BLAKE2B_BYTES, k->key) == 0 &&
	       global_of(s->signature, s->trusted, &g) &&
	       crypto_sign_verify_detached(s->global, g.bytes, g.len, k->key) == 0;
}

struct problem minisign_verify(struct arena *a, const struct minisign_public *k,
			       const unsigned char blake2b[BLAKE2B_BYTES], const char *text,
			       size_t len, const char **trusted)
{
	struct minisign_signature s = {.trusted = ""};
	char made_by[MINISIGN_ID_TEXT], wanted[MINISIGN_ID_TEXT];

	TRY(minisign_signature_read(a, text, len, &s));
	minisign_id_text(s.id, made_by);
	minisign_id_text(k->id, wanted);
	if (strcmp(made_by, wanted) != 0)
		return problem(a, PROBLEM_DIGEST_MISMATCH,
			       "the signature is by key %s, not by key %s", made_by, wanted);
	if (!minisign_holds(&s, k, blake2b))
		return problem(a, PROBLEM_DIGEST_MISMATCH,
			       "the signature by key %s is not of these bytes", wanted);
	*trusted = s.trusted;
	return NO_PROBLEM;
}
