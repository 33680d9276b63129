/* keyring.h - the signing keys as a loop knows them.
 *
 * The database says which key signs (active) and which have ever signed; each
 * loop reads the list every two seconds, and at once when a statement refused a
 * signature because its key is active no more.
 */
#ifndef HALLMARK_API_KEYRING_H
#define HALLMARK_API_KEYRING_H

#include "base/minisign.h"
#include "base/poller.h"
#include "sql/db.h"

struct loop;
struct request;

enum { KEYRING_MAX = 64 };

struct keyring_key {
	char id[MINISIGN_ID_TEXT];
	struct minisign_public public;
	bool active;
};

struct keyring {
	struct loop *loop;
	int n;
	struct keyring_key keys[KEYRING_MAX];
	bool loaded;
	struct timer timer;
	struct db_call call;
	struct args args;
	bool running;
};

void keyring_start(struct keyring *k, struct loop *loop);
void keyring_refresh(struct keyring *k);

/* NULL when there is none: the service is not ready then. */
const struct keyring_key *keyring_active(const struct keyring *k);
const struct keyring_key *keyring_find(const struct keyring *k, const char *id);

#endif
