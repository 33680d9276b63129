/* keyring.h - the signing keys as a loop knows them, and the replica's heartbeat.
 *
 * The database says which key signs (active) and which have ever signed. Each
 * loop reads the list every second, and at once when a statement refused a
 * signature because its key is active no more. The first loop also tells the
 * database, every five seconds, that this replica lives and which keys its signer
 * holds: a standby key becomes active once every live replica holds it.
 *
 * A loop is ready when its database is, and its signer holds the active key.
 */
#ifndef HALLMARK_API_KEYRING_H
#define HALLMARK_API_KEYRING_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/poller.h"
#include "registry/key.h"
#include "registry/signer.h"
#include "sql/db.h"

enum { KEYRING_MAX = 256 };

/* Who waits for the list to be read again; the caller's memory. */
struct keyring_wait {
	void (*done)(struct keyring_wait *w);
	struct keyring_wait *next;
};

/* What a keyring stands on; everything outlives it. */
struct keyring_ground {
	struct poller *poller;
	struct db *db;
	struct signer *signer;
	const unsigned char *replica;   /* 16 bytes, its id; NULL: another loop tells */
	_Atomic(const char *) *unready; /* kept: why the loop is not, NULL while it is */
};

struct keyring {
	struct keyring_ground on;
	int n;
	struct key *keys;
	struct keyring_wait *waiting;

	struct timer read_timer, beat_timer;
	struct db_call read_call, beat_call;
	struct args read_args, beat_args;
	struct sign_call held_call;
	struct arena *arena, *beat_arena; /* of one reading, of one heartbeat */
	bool reading, beating;
};

/* False: out of memory. */
bool keyring_start(struct keyring *k, const struct keyring_ground *ground);
void keyring_close(struct keyring *k);

/* NULL when there is none: the service is not ready then. */
const struct key *keyring_active(const struct keyring *k);
const struct key *keyring_find(const struct keyring *k, const char *id);

/* Says anew whether the loop is ready, once the state of its database has changed. */
void keyring_judge(struct keyring *k);

/* Calls w->done, from the poller's turn, once the list has been read again. */
void keyring_renew(struct keyring *k, struct keyring_wait *w);

#endif
