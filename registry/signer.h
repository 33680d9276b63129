/* signer.h - a loop's way to the signer: submit what is to be signed, be called back.
 *
 * The keys live in another process (hallmarkd/signer.h). A struct signer belongs
 * to one loop and speaks to it over one socket (registry/signer_wire.h). When the
 * signer goes away its calls wait for the next socket and are sent again: Ed25519
 * gives the same signature for the same bytes. What comes back is verified with
 * the public key before it is handed on, so nothing unsigned can be stored.
 */
#ifndef HALLMARK_REGISTRY_SIGNER_H
#define HALLMARK_REGISTRY_SIGNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/minisign.h"
#include "base/poller.h"
#include "base/problem.h"

struct signer;

enum sign_kind {
	SIGN_KEYS,     /* which keys are held */
	SIGN_ARTIFACT, /* a minisign signature of one file */
	SIGN_VERSION,  /* a DSSE envelope over the version's statement */
};

enum { SIGN_KEYS_MAX = 64 };

/* The caller embeds it, fills the first two blocks, and leaves it alone until
 * done() was called, once. Texts are borrowed until then. */
struct sign_call {
	enum sign_kind kind;
	struct arena *arena; /* where what comes back is put; done() is not called from its
			      * way out: a full arena is a problem like any other */
	void (*done)(struct sign_call *call, struct problem p);

	struct minisign_public key; /* which key is to sign: id and public half */
	union {
		struct {
			const char *project, *model, *version, *path;
			unsigned char sha256[32], blake2b[64];
		} artifact;
		struct {
			const char *manifest; /* canonical JSON, from the database */
			size_t manifest_len;
			int64_t at; /* microseconds since 1970 */
		} version;
	};

	/* Set before done(): the minisig file or the envelope; or the keys held. */
	const char *text;
	size_t text_len;
	int nkeys;
	struct minisign_public *keys;

	struct sign_call *next; /* from here on the signer's */
	uint64_t id;
	int64_t deadline;
	bool sent;
};

struct signer *signer_new(struct poller *p); /* NULL: out of memory */
void signer_free(struct signer *s);          /* calls in flight end with UNAVAILABLE */

/* Takes fd over, in place of the one before; unanswered calls are sent again. */
void signer_socket(struct signer *s, int fd);
bool signer_connected(const struct signer *s);

/* done() comes later, never from in here. UNAVAILABLE: five seconds without an answer, and
 * one more for each MiB of a manifest, also of one that was submitted before.
 * FORBIDDEN: the signer does not hold the key. TOO_LARGE: a version of more files than
 * can be signed, or an answer that the call's arena has no room for. INTERNAL: the rest,
 * with a line in the log. */
void signer_submit(struct signer *s, struct sign_call *call);

#endif
