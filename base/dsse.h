/* dsse.h - signed envelopes: Dead Simple Signing Envelope with Ed25519.
 *
 * https://github.com/secure-systems-lab/dsse (protocol 1.0.0, envelope 1.0.0). What is signed
 * is the payload under its pre-authentication encoding, by plain Ed25519, so that
 * `openssl pkeyutl -verify -rawin` and `cosign verify-blob-attestation` accept it.
 *
 * The keyid is the key's SSH fingerprint (RFC 4253 section 6.6, RFC 8709, as ssh-keygen -l
 * prints it). It is only a hint, but cosign and slsa-verifier compute it from the key that
 * they are given, and pass over a signature that has another one.
 */
#ifndef HALLMARK_BASE_DSSE_H
#define HALLMARK_BASE_DSSE_H

#include <stddef.h>

#include "base/minisign.h"
#include "base/problem.h"

#define DSSE_IN_TOTO "application/vnd.in-toto+json"

/* "DSSEv1 28 application/vnd.in-toto+json 17 {…": the bytes that are signed. */
char *dsse_pae(struct arena *a, const char *type, const void *payload, size_t len, size_t *pae_len);

enum { DSSE_KEYID_TEXT = 51 }; /* "SHA256:…" with its NUL */
void dsse_keyid(const struct minisign_public *k, char keyid[DSSE_KEYID_TEXT]);

#define DSSE_ENVELOPE "application/vnd.dsse.envelope.v1+json"

/* {"payload":"BASE64","payloadType":"TYPE","signatures":[{"keyid":"ID","sig":"BASE64"}]}
 * The signature is verified before it is given: INTERNAL when the key's halves do not
 * belong together, or the machine miscounted. */
struct problem dsse_sign(struct arena *a, const struct minisign_secret *k, const char *type,
			 const void *payload, size_t len, const char **text,
			 size_t *text_len) MUST_CHECK;

/* The envelope as a Sigstore bundle (v0.3), the form that cosign 3 reads:
 * `cosign verify-blob-attestation --key KEY.pem --bundle FILE --insecure-ignore-tlog
 * --type PREDICATE_TYPE ARTIFACT`. */
#define DSSE_BUNDLE "application/vnd.dev.sigstore.bundle.v0.3+json"
const char *dsse_bundle(struct arena *a, const struct minisign_public *k, const char *envelope,
			size_t len, size_t *bundle_len);

struct dsse {
	const char *type;
	const char *payload; /* with a final NUL that is not counted */
	size_t len;
};

/* Reads an envelope and gives its payload only when one of its signatures is by k
 * over exactly these bytes: DIGEST_MISMATCH else, INVALID when it is no envelope.
 * Unknown members are passed over and both alphabets of base64 are read, as the
 * specification wants. */
struct problem dsse_verify(struct arena *a, const struct minisign_public *k, const char *text,
			   size_t text_len, struct dsse *out) MUST_CHECK;

#endif
