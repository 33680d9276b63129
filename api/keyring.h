/* keyring.h - the signing keys as a loop knows them, and the replica's heartbeat.
 *
 * The database says which key signs (active) and which have ever signed. Each
 * loop reads the list every two seconds, and at once when a statement refused a
 * signature because its key is active no more. The first loop also tells the
 * database, every five seconds, that this replica lives and which keys its signer
 * holds: a standby key becomes active once every live replica holds it.
 *
 * A loop is ready when its database is, and its signer holds the active key.
 */
#ifndef HALLMARK_API_KEYRING_H
#define HALLMARK_API_KEYRING_H

#include "base/poller.h"
#include "registry/key.h"
#include "registry/signer.h"
#include "sql/db.h"

struct loop;
struct request;

enum { KEYRING_MAX = 256 };

struct keyring {
	struct loop *loop;
	int n;
	struct key *keys;
	struct request *waiting; /* for the next reading, by request.next_waiting */

	struct timer read_timer, beat_timer;
	struct db_call read_call, beat_call;
	struct args read_args, beat_args;
	struct sign_call held_call;
	struct arena *arena, *beat_arena; /* of one reading, of one heartbeat */
	bool reading, beating;
};

bool keyring_start(struct keyring *k, struct loop *loop); /* false: out of memory */
void keyring_close(struct keyring *k);

/* NULL when there is none: the service is not ready then. */
const struct key *keyring_active(const struct keyring *k);
const struct key *keyring_find(const struct keyring *k, const char *id);

/* The request waits for the list to be read again, and goes on with then. */
void keyring_renewed(struct keyring *k, struct request *rq, void (*then)(struct request *rq));

#endif
