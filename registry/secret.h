/* secret.h - the one secret that all replicas share, and the keys drawn from it.
 *
 * A file of 64 hexadecimal digits (or of 32 raw bytes) that nobody but its owner may
 * read; a group may when it belongs to someone else, as Kubernetes mounts secrets.
 * Who has it can forge page tokens and test guesses at access tokens; losing it makes
 * every access token invalid. Signatures do not hang on it.
 */
#ifndef HALLMARK_REGISTRY_SECRET_H
#define HALLMARK_REGISTRY_SECRET_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/problem.h"

enum { SECRET_BYTES = 32, SECRET_SUBKEY = 32 };

/* A number is never given to a second use. */
enum secret_use { SECRET_TOKENS = 1, SECRET_PAGES = 2 };

struct secret {
	unsigned char bytes[SECRET_BYTES];
};

struct problem secret_read(struct arena *a, const char *path, struct secret *out) MUST_CHECK;

/* Makes a new one, durable when it returns; CONFLICT when the file is there already. */
struct problem secret_create(struct arena *a, const char *path) MUST_CHECK;

void secret_subkey(const struct secret *s, enum secret_use use, unsigned char out[SECRET_SUBKEY]);

#endif
