/* dsse.h - signed envelopes: Dead Simple Signing Envelope with Ed25519.
 *
 * https://github.com/secure-systems-lab/dsse (protocol 1.0.0, envelope 1.0.0). What is signed
 * is the payload under its pre-authentication encoding, by plain Ed25519, so that
 * `openssl pkeyutl -verify -rawin` and `cosign verify-blob-attestation` accept it.
 * The keyid is the minisign id of the key; readers take it as a hint only.
 */
#ifndef HALLMARK_BASE_DSSE_H
#define HALLMARK_BASE_DSSE_H

#include <stddef.h>

#include "base/minisign.h"
#include "base/problem.h"

#define DSSE_IN_TOTO "application/vnd.in-toto+json"

/* "DSSEv1 28 application/vnd.in-toto+json 17 {…": the bytes that are signed. */
char *dsse_pae(struct arena *a, const char *type, const void *payload, size_t len, size_t *pae_len);

/* {"payload":"BASE64","payloadType":"TYPE","signatures":[{"keyid":"ID","sig":"BASE64"}]}
 * The signature is verified before it is given: INTERNAL when the key's halves do not
 * belong together, or the machine miscounted. */
struct problem dsse_sign(struct arena *a, const struct minisign_secret *k, const char *type,
			 const void *payload, size_t len, const char **text,
			 size_t *text_len) MUST_CHECK;

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
