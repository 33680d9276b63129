#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/text.h"

static EVP_MD *method;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

/* Without memory for its context, OpenSSL 3.0 tells only who asks for that; all else crashes. */
static void prepare(void)
{
	if (OSSL_LIB_CTX_get0_global_default())
		method = EVP_MD_fetch(NULL, "SHA256", NULL);
}

bool digest_prepare(void)
{
	pthread_once(&prepared, prepare);
	return method != NULL;
}

bool hasher_begin(struct hasher *h)
{
	*h = (struct hasher){0};
	if (!digest_prepare())
		return false;
	h->sha256 = EVP_MD_CTX_new();
	h->blake2b = aligned_alloc(64, sizeof(*h->blake2b));
	if (h->sha256 && h->blake2b && EVP_DigestInit_ex(h->sha256, method, NULL) == 1) {
		crypto_generichash_init(h->blake2b, NULL, 0, BLAKE2B_BYTES);
		return true;
	}
	hasher_close(h);
	return false;
}

/* Once begun SHA-256 cannot fail; a library that does must not pass for a digest. */
static void must(int ok)
{
	if (ok != 1)
		abort();
}

void hasher_sha256(struct hasher *h, const void *data, size_t len)
{
	must(EVP_DigestUpdate(h->sha256, data, len));
}

void hasher_blake2b(struct hasher *h, const void *data, size_t len)
{
	crypto_generichash_update(h->blake2b, data, len);
}

void hasher_feed(struct hasher *h, const void *data, size_t len)
{
	hasher_sha256(h, data, len);
	hasher_blake2b(h, data, len);
}

void hasher_end(struct hasher *h, struct digests *out)
{
	must(EVP_DigestFinal_ex(h->sha256, out->sha256, NULL));
	crypto_generichash_final(h->blake2b, out->blake2b, BLAKE2B_BYTES);
	hasher_close(h);
}

void hasher_close(struct hasher *h)
{
	EVP_MD_CTX_free(h->sha256);
	h->sha256 = NULL;
	free(h->blake2b);
	h->blake2b = NULL;
}

void sha256_of(const void *data, size_t len, unsigned char out[SHA256_BYTES])
{
	crypto_hash_sha256(out, data, len); /* slower than OpenSSL's, but takes no memory */
}

void blake2b_of(const void *data, size_t len, unsigned char out[BLAKE2B_BYTES])
{
	crypto_generichash(out, BLAKE2B_BYTES, data, len, NULL, 0);
}

/* RFC 8941 section 4.2, as far as a Dictionary goes. Each reader takes what it is
 * named after from the front of the text and is false when that is not there. */
struct field {
	const char *at;
};

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool take(struct field *f, char c)
{
	if (*f->at != c)
		return false;
	f->at++;
	return true;
}

static void skip(struct field *f, const char *set)
{
	f->at += strspn(f->at, set);
}

static bool take_key(struct field *f, const char **key, size_t *len)
{
	*key = f->at;
	if (!is_lower(*f->at) && *f->at != '*')
		return false;
	while (is_lower(*f->at) || ascii_digit(*f->at) || ascii_one_of(*f->at, "_-.*"))
		f->at++;
	*len = (size_t)(f->at - *key);
	return true;
}

static bool take_bytes(struct field *f, const char **text, size_t *len)
{
	if (!take(f, ':'))
		return false;
	*text = f->at;
	while (ascii_alphanumeric(*f->at) || ascii_one_of(*f->at, "+/="))
		f->at++;
	*len = (size_t)(f->at - *text);
	return take(f, ':');
}

static bool take_string(struct field *f)
{
	if (!take(f, '"'))
		return false;
	for (; *f->at && *f->at != '"'; f->at++) {
		if (*f->at < 0x20 || *f->at > 0x7e)
			return false;
		if (*f->at == '\\' && !ascii_one_of(*++f->at, "\"\\"))
			return false;
	}
	return take(f, '"');
}

static bool take_number(struct field *f)
{
	take(f, '-');
	size_t whole = strspn(f->at, "0123456789");
	f->at += whole;
	if (!take(f, '.'))
		return whole > 0 && whole <= 15;
	size_t fraction = strspn(f->at, "0123456789");
	f->at += fraction;
	return whole > 0 && whole <= 12 && fraction > 0 && fraction <= 3;
}

static bool take_token(struct field *f)
{
	if (!ascii_letter(*f->at) && *f->at != '*')
		return false;
	while (ascii_alphanumeric(*f->at) || ascii_one_of(*f->at, "!#$%&'*+-.^_`|~:/"))
		f->at++;
	return true;
}

static bool take_item(struct field *f)
{
	const char *text;
	size_t len;

	if (*f->at == ':')
		return take_bytes(f, &text, &len);
	if (*f->at == '"')
		return take_string(f);
	if (*f->at == '-' || ascii_digit(*f->at))
		return take_number(f);
	if (take(f, '?'))
		return take(f, '0') || take(f, '1');
	return take_token(f);
}

static bool take_parameters(struct field *f)
{
	const char *key;
	size_t len;

	while (take(f, ';')) {
		skip(f, " ");
		if (!take_key(f, &key, &len) || (take(f, '=') && !take_item(f)))
			return false;
	}
	return true;
}

static bool take_list(struct field *f)
{
	if (!take(f, '('))
		return false;
	for (skip(f, " "); !take(f, ')'); skip(f, " ")) {
		if (!take_item(f) || !take_parameters(f))
			return false;
		if (*f->at != ' ' && *f->at != ')')
			return false;
	}
	return true;
}

struct member {
	const char *key;
	size_t key_len;
	const char *text; /* of a byte sequence, else NULL */
	size_t len;
};

static bool take_member(struct field *f, struct member *m)
{
	m->text = NULL;
	if (!take_key(f, &m->key, &m->key_len))
		return false;
	if (take(f, '=')) {
		bool good = *f->at == ':'   ? take_bytes(f, &m->text, &m->len)
			    : *f->at == '(' ? take_list(f)
					    : take_item(f);
		if (!good)
			return false;
	}
	return take_parameters(f);
}

/* After a member: the end, or a comma and then another member. */
static bool take_comma(struct field *f, bool *end)
{
	skip(f, " \t");
	*end = !*f->at;
	if (*end)
		return true;
	if (!take(f, ','))
		return false;
	skip(f, " \t");
	return *f->at != '\0';
}

static bool read_sha256(struct arena *a, const struct member *m, unsigned char sha256[SHA256_BYTES])
{
	unsigned char *bytes;
	size_t len;

	if (!m->text || !base64_read(a, BASE64_STANDARD, m->text, m->len, &bytes, &len))
		return false;
	if (len != SHA256_BYTES)
		return false;
	memcpy(sha256, bytes, SHA256_BYTES);
	return true;
}

struct problem digest_header_read(struct arena *a, const char *header, const char *value,
				  unsigned char sha256[SHA256_BYTES], bool *given)
{
	struct field f = {value + strspn(value, " ")};
	bool sha512 = false, end = !*f.at;
	struct member m;

	*given = false;
	while (!end) {
		if (!take_member(&f, &m) || !take_comma(&f, &end))
			return problem_at_header(a, header,
						 "%s must be like sha-256=:BASE64:, with a comma "
						 "between digests (RFC 9530)",
						 header);
		sha512 |= text_is(m.key, m.key_len, "sha-512");
		if (!text_is(m.key, m.key_len, "sha-256"))
			continue;
		if (!read_sha256(a, &m, sha256))
			return problem_at_header(a, header,
						 "sha-256 must be the 32 bytes of the digest in "
						 "base64 between colons: sha-256=:BASE64:");
		*given = true;
	}
	if (sha512 && !*given)
		return problem_at_header(a, header,
					 "only sha-256 is checked here: send sha-256=:BASE64:, "
					 "alone or beside sha-512");
	return NO_PROBLEM;
}

void digest_header_text(const unsigned char sha256[SHA256_BYTES], char text[DIGEST_HEADER_TEXT])
{
	memcpy(text, "sha-256=:", 9);
	sodium_bin2base64(text + 9, DIGEST_HEADER_TEXT - 9, sha256, SHA256_BYTES,
			  sodium_base64_VARIANT_ORIGINAL);
	memcpy(text + 53, ":", 2);
}
