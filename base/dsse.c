#include "base/dsse.h"

#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "base/json_out.h"
#include "base/text.h"

enum { SIGNATURES_MAX = 16, SIGNATURE_BYTES = 64 };

char *dsse_pae(struct arena *a, const char *type, const void *payload, size_t len, size_t *pae_len)
{
	const char *head = arena_printf(a, "DSSEv1 %zu %s %zu ", strlen(type), type, len);
	size_t n = strlen(head);
	char *pae = arena_bytes(a, n + len);

	memcpy(pae, head, n);
	if (len)
		memcpy(pae + n, payload, len);
	*pae_len = n + len;
	return pae;
}

void dsse_keyid(const struct minisign_public *k, char keyid[DSSE_KEYID_TEXT])
{
	/* Two strings, each behind its length: the kind of key, and the key. */
	unsigned char blob[4 + 11 + 4 + 32] = "\0\0\0\013ssh-ed25519\0\0\0\040";
	unsigned char sha256[SHA256_BYTES];

	memcpy(blob + 19, k->key, sizeof(k->key));
	crypto_hash_sha256(sha256, blob,
			   sizeof(blob)); /* OpenSSL opens files, the signer may not */
	memcpy(keyid, "SHA256:", 7);
	sodium_bin2base64(keyid + 7, DSSE_KEYID_TEXT - 7, sha256, sizeof(sha256),
			  sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

struct problem dsse_sign(struct arena *a, const struct minisign_secret *k, const char *type,
			 const void *payload, size_t len, const char **text, size_t *text_len)
{
	size_t pae_len;
	const unsigned char *pae = (unsigned char *)dsse_pae(a, type, payload, len, &pae_len);
	unsigned char signature[SIGNATURE_BYTES];
	struct minisign_public public;
	char keyid[DSSE_KEYID_TEXT];

	minisign_public_of(k, &public);
	dsse_keyid(&public, keyid);
	crypto_sign_detached(signature, NULL, pae, pae_len, k->key);
	if (crypto_sign_verify_detached(signature, pae, pae_len, public.key) != 0)
		return problem(a, PROBLEM_INTERNAL, "the signature just made does not hold");
	const char *payload64 = base64_text(a, BASE64_STANDARD, payload, len, NULL);
	const char *sig64 = base64_text(a, BASE64_STANDARD, signature, sizeof(signature), NULL);
	*text = arena_printf(a,
			     "{\"payload\":\"%s\",\"payloadType\":\"%s\","
			     "\"signatures\":[{\"keyid\":\"%s\",\"sig\":\"%s\"}]}",
			     payload64, type, keyid, sig64);
	*text_len = strlen(*text);
	return NO_PROBLEM;
}

const char *dsse_bundle(struct arena *a, const struct minisign_public *k, const char *envelope,
			size_t len, size_t *bundle_len)
{
	struct json_out j = json_out_new(a);
	char keyid[DSSE_KEYID_TEXT];

	dsse_keyid(k, keyid);
	jw_object(&j);
	jw_key(&j, "mediaType"), jw_text(&j, DSSE_BUNDLE);
	jw_key(&j, "verificationMaterial"), jw_object(&j);
	jw_key(&j, "publicKey"), jw_object(&j);
	jw_key(&j, "hint"), jw_text(&j, keyid);
	jw_end_object(&j);
	jw_key(&j, "tlogEntries"), jw_array(&j), jw_end_array(&j);
	jw_end_object(&j);
	jw_key(&j, "dsseEnvelope"), jw_raw(&j, envelope, len);
	jw_end_object(&j);
	*bundle_len = j.len;
	return jw_done(&j);
}

static struct problem no_envelope(struct arena *a, const char *what)
{
	return problem(a, PROBLEM_INVALID,
		       "this is no DSSE envelope: %s; it must be {\"payload\": base64, "
		       "\"payloadType\": text, \"signatures\": [{\"sig\": base64}, …]}",
		       what);
}

static bool read_either(struct arena *a, const json_t *text, unsigned char **bytes, size_t *len)
{
	const char *s = json_string_value(text);
	size_t n = json_string_length(text);

	return s && (base64_read(a, BASE64_STANDARD, s, n, bytes, len) ||
		     base64_read(a, BASE64_URL, s, n, bytes, len) ||
		     base64_read(a, BASE64_URL_UNPADDED, s, n, bytes, len));
}

static bool any_holds(struct arena *a, const json_t *signatures, const struct minisign_public *k,
		      const char *pae, size_t pae_len)
{
	for (size_t i = 0; i < json_array_size(signatures); i++) {
		const json_t *sig = json_object_get(json_array_get(signatures, i), "sig");
		unsigned char *bytes;
		size_t len;

		if (read_either(a, sig, &bytes, &len) && len == SIGNATURE_BYTES &&
		    crypto_sign_verify_detached(bytes, (const unsigned char *)pae, pae_len,
						k->key) == 0)
			return true;
	}
	return false;
}

static struct problem verify_tree(struct arena *a, const struct minisign_public *k,
				  const json_t *root, struct dsse *out)
{
	const json_t *type = json_object_get(root, "payloadType");
	const json_t *signatures = json_object_get(root, "signatures");
	unsigned char *payload;
	size_t pae_len;

	if (!json_is_string(type))
		return no_envelope(a, "payloadType is not text");
	if (!read_either(a, json_object_get(root, "payload"), &payload, &out->len))
		return no_envelope(a, "payload is not base64");
	if (!json_array_size(signatures) || json_array_size(signatures) > SIGNATURES_MAX)
		return no_envelope(a, "signatures is not a list of 1 to 16");
	out->type = arena_dup(a, json_string_value(type), json_string_length(type));
	out->payload = (const char *)payload;
	const char *pae = dsse_pae(a, out->type, payload, out->len, &pae_len);
	if (!any_holds(a, signatures, k, pae, pae_len))
		return problem(a, PROBLEM_DIGEST_MISMATCH,
			       "no signature of the envelope is by the key that was expected");
	return NO_PROBLEM;
}

static void drop_tree(void *tree)
{
	json_decref(tree);
}

struct problem dsse_verify(struct arena *a, const struct minisign_public *k, const char *text,
			   size_t text_len, struct dsse *out)
{
	json_error_t e;
	json_t *root = json_loadb(text, text_len, JSON_REJECT_DUPLICATES, &e);

	*out = (struct dsse){0};
	if (!root)
		return no_envelope(a, e.text);
	arena_defer(a, drop_tree, root);
	struct problem p = verify_tree(a, k, root, out);
	if (p.code != PROBLEM_NONE)
		*out = (struct dsse){0};
	return p;
}
