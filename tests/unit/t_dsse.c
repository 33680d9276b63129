#include "base/dsse.h"

#include <jansson.h>
#include <sodium.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/unit/run.h"
#include "tests/unit/tap.h"

/* The protocol's own example of a pre-authentication encoding. */
static const char hello_pae[] = "DSSEv1 29 http://example.com/HelloWorld 11 hello world";

#define SSH_KEY         "e6cc0b7aab84591cc100b9c7e3284a13c123a5bc16e50b2380ebe7d97ccfbcc3"
#define SSH_FINGERPRINT "SHA256:WvuwmN51PYhSlWE9eDYhpeCC8m8Ei9APQpAMiQIS9o4"

/* %s: payload, then signature, both in the alphabet of the case. */
static const struct {
	const char *format, *what;
	enum problem_code want;
} envelopes[] = {
	{"{\"payload\":\"%s\",\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"%s\"}]}",
	 "an envelope without keyid", PROBLEM_NONE},
	{"{\"x\":1,\"payload\":\"%s\",\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"%s\",\"y\":["
	 "]}]}",
	 "an envelope with unknown members", PROBLEM_NONE},
	{"{\"payload\":\"%s\",\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"AAAA\"},{\"sig\":"
	 "\"%s\"}]}",
	 "an envelope where the second signature is ours", PROBLEM_NONE},
	{"{\"payload\":\"%s\",\"payloadType\":\"u\",\"signatures\":[{\"sig\":\"%s\"}]}",
	 "another type", PROBLEM_DIGEST_MISMATCH},
	{"{\"payload\":\"AA%s\",\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"%s\"}]}",
	 "a broken payload", PROBLEM_INVALID},
	{"{\"payload\":\"AAAA%s\",\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"%s\"}]}",
	 "another payload", PROBLEM_DIGEST_MISMATCH},
	{"{\"payload\":\"%s\",\"payloadType\":\"t\",\"signatures\":[],\"s\":\"%s\"}",
	 "an empty list of signatures", PROBLEM_INVALID},
	{"{\"payload\":\"%s\",\"payloadType\":\"t\",\"signatures\":[{\"keyid\":\"%s\"}]}",
	 "a signature without sig", PROBLEM_DIGEST_MISMATCH},
	{"{\"payload\":\"%s\",\"payloadType\":\"t\",\"signatures\":[1,\"%s\",null]}",
	 "signatures of other kinds", PROBLEM_DIGEST_MISMATCH},
	{"{\"payload\":\"%s\",\"payloadType\":1,\"signatures\":[{\"sig\":\"%s\"}]}",
	 "a type that is no text", PROBLEM_INVALID},
	{"{\"payload\":\"%s\",\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[{\"sig\":"
	 "\"%s\"}]}",
	 "a member given twice", PROBLEM_INVALID},
	{"[\"%s\",\"%s\"]", "an array", PROBLEM_INVALID},
	{"{\"payload\":\"%s\",\"sig\":\"%s\"", "an envelope that breaks off", PROBLEM_INVALID},
};

static const char payload[] = "{\"a\":\"\xc3\xbf?>?\"}"; /* its base64 has + and / */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void envelopes_are_checked(struct arena *a, const struct minisign_secret *secret,
				  const struct minisign_public *k, enum base64 kind)
{
	unsigned char signature[64];
	size_t len;
	const char *pae = dsse_pae(a, "t", payload, strlen(payload), &len);

	crypto_sign_detached(signature, NULL, (const unsigned char *)pae, len, secret->key);
	const char *payload64 = base64_text(a, kind, payload, strlen(payload), NULL);
	const char *sig64 = base64_text(a, kind, signature, sizeof(signature), NULL);
	for (size_t i = 0; i < sizeof(envelopes) / sizeof(*envelopes); i++) {
		const char *text = arena_printf(a, envelopes[i].format, payload64, sig64);
		struct dsse d;

		is_int(dsse_verify(a, k, text, strlen(text), &d).code, envelopes[i].want, "%s",
		       envelopes[i].what);
		ok(envelopes[i].want == PROBLEM_NONE ? strcmp(d.payload, payload) == 0 : !d.payload,
		   "gives the payload only when it is signed");
	}
}
#pragma GCC diagnostic pop

static void openssl_agrees(struct arena *a, const struct minisign_secret *secret,
			   const struct minisign_public *k)
{
	char dir[] = "/tmp/hallmark-dsse-XXXXXX";
	unsigned char *sig = NULL;
	size_t len, pae_len, sig_len = 0;
	const char *text = "";
	struct problem p =
		dsse_sign(a, secret, DSSE_IN_TOTO, payload, strlen(payload), &text, &len);
	is_int(p.code, PROBLEM_NONE, "a payload is signed");
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *first = json_array_get(json_object_get(root, "signatures"), 0);
	const char *sig64 = json_string_value(json_object_get(first, "sig"));
	char keyid[DSSE_KEYID_TEXT];

	dsse_keyid(k, keyid);
	is_str(json_string_value(json_object_get(first, "keyid")), keyid,
	       "the keyid is the key's fingerprint");
	is_str(json_string_value(json_object_get(root, "payloadType")), DSSE_IN_TOTO,
	       "the type is in-toto's");
	ok(sig64 && base64_read(a, BASE64_STANDARD, sig64, strlen(sig64), &sig, &sig_len),
	   "the signature is base64");
	if (!ok(mkdtemp(dir) && chdir(dir) == 0, "a folder for the files"))
		return;
	const char *pae = dsse_pae(a, DSSE_IN_TOTO, payload, strlen(payload), &pae_len);
	const char *pem = minisign_public_pem(a, k);
	write_file("key.pem", pem, strlen(pem));
	write_file("pae", pae, pae_len);
	write_file("sig", sig, sig_len);
	is_int(RUN("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in",
		   "pae", "-sigfile", "sig"),
	       0, "openssl accepts our signature over the encoding");
	write_file("pae", pae, pae_len - 1);
	ok(RUN("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in",
	       "pae", "-sigfile", "sig") == 1,
	   "and refuses it over fewer bytes");
	json_decref(root);
	is_int(RUN("rm", "-r", dir), 0, "the folder is gone");
}

int main(void)
{
	struct minisign_secret secret, other;
	struct minisign_public k;
	struct dsse d;
	size_t len;

	if (sodium_init() < 0)
		return 1;
	struct arena *a = arena_new(8 << 20);
	const char *pae = dsse_pae(a, "http://example.com/HelloWorld", "hello world", 11, &len);
	ok(len == strlen(hello_pae) && memcmp(pae, hello_pae, len) == 0,
	   "the encoding is the protocol's");
	pae = dsse_pae(a, "t", "", 0, &len);
	ok(len == 13 && memcmp(pae, "DSSEv1 1 t 0 ", 13) == 0, "nothing is encoded too");

	/* A key of ssh-keygen's, and its fingerprint as ssh-keygen -l prints it. */
	char keyid[DSSE_KEYID_TEXT];
	hex_read(k.key, sizeof(k.key), SSH_KEY, 64);
	dsse_keyid(&k, keyid);
	is_str(keyid, SSH_FINGERPRINT, "a keyid is an SSH fingerprint");

	minisign_secret_new(&secret);
	minisign_secret_new(&other);
	minisign_public_of(&secret, &k);
	envelopes_are_checked(a, &secret, &k, BASE64_STANDARD);
	envelopes_are_checked(a, &secret, &k, BASE64_URL);

	const char *text = "";
	struct problem p = dsse_sign(a, &secret, "t", payload, strlen(payload), &text, &len);
	is_int(p.code, PROBLEM_NONE, "an envelope is made");
	is_int(len, strlen(text), "an envelope's length is right");
	is_int(dsse_verify(a, &k, text, len, &d).code, PROBLEM_NONE, "our envelope verifies");
	is_str(d.payload, payload, "and holds its payload");
	is_str(d.type, "t", "and its type");
	size_t bundle_len;
	const char *bundle = dsse_bundle(a, &k, text, len, &bundle_len);
	json_t *root = json_loadb(bundle, bundle_len, JSON_REJECT_DUPLICATES, NULL);
	is_str(json_string_value(json_object_get(root, "mediaType")), DSSE_BUNDLE,
	       "a bundle says what it is");
	char *inside = json_dumps(json_object_get(root, "dsseEnvelope"), JSON_COMPACT);
	is_str(inside, text, "and holds the envelope as it was signed");
	free(inside);
	json_decref(root);
	p = dsse_sign(a, &other, "t", payload, strlen(payload), &text, &len);
	is_int(p.code, PROBLEM_NONE, "an envelope by another key is made");
	is_int(dsse_verify(a, &k, text, len, &d).code, PROBLEM_DIGEST_MISMATCH, "and refused");
	other.key[40] ^= 1;
	p = dsse_sign(a, &other, "t", payload, strlen(payload), &text, &len);
	is_int(p.code, PROBLEM_INTERNAL, "a key whose halves do not belong together signs nothing");
	openssl_agrees(a, &secret, &k);
	arena_free(a);
	return tap_done();
}
