/* admin.h - what the commands that speak to the database have in common. */
#ifndef HALLMARK_HALLMARKD_ADMIN_H
#define HALLMARK_HALLMARKD_ADMIN_H

#include <libpq-fe.h>

#include "base/arena.h"
#include "base/minisign.h"
#include "base/problem.h"
#include "hallmarkd/config.h"

struct admin {
	PGconn *conn;
	const char *conninfo;
	const char *actor; /* whom events name: hallmarkd/anna */
};

/* As root becomes the user that the service runs as, so that files it makes are the
 * service's. The embedded database is reached while `hallmarkd serve` runs it. */
struct problem admin_begin(struct arena *a, const struct config *c, struct admin *out) MUST_CHECK;
struct problem admin_connect(struct arena *a, struct admin *out) MUST_CHECK;

const char *admin_request(struct arena *a); /* an id for the events of this command */

/* Tells the running service of this state folder that the keys have changed; false when
 * there is none here. */
bool admin_renew_signer(struct arena *a, const struct config *c);

/* outcome is what sql/keys/add.sql says: created, unchanged or exists. */
struct problem admin_register_key(struct arena *a, PGconn *conn, const struct minisign_public *key,
				  const char *actor, const char **outcome) MUST_CHECK;

#endif
