/* identity.h - whose request this is.
 *
 * A bearer token names a row that holds a keyed hash of its secret, an expiry
 * and its principal; the principal has roles. Each loop remembers what it looked
 * up for two seconds, so a revoked token stops working within two seconds.
 */
#ifndef HALLMARK_API_IDENTITY_H
#define HALLMARK_API_IDENTITY_H

#include <stdint.h>

#include "registry/role.h"

struct request;
struct identity_cache;

struct identity {
	const char *principal; /* NULL: nobody */
	const struct roles *roles;
};

struct identity_cache *identity_cache_new(void);
void identity_cache_free(struct identity_cache *c);

/* Finds out who sends the request and sets rq->who, at once or later (it then
 * waits, and goes on with then); replies by itself when the token is no good. */
void caller_find(struct request *rq, void (*then)(struct request *rq));

#endif
