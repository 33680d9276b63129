/* prepare.h - a database and a state folder become ready to be served from.
 *
 * The embedded database is created and migrated at every start; another one only by
 * `hallmarkd migrate`. Both end with what a first start needs and later ones find: the
 * secret file, a signing key that the database knows, an admin with a token in
 * STATE/admin.token. Whatever is there is left as it is, so being cut short anywhere is
 * made good by the next start.
 */
#ifndef HALLMARK_HALLMARKD_PREPARE_H
#define HALLMARK_HALLMARKD_PREPARE_H

#include "base/arena.h"
#include "base/minisign.h"
#include "base/problem.h"
#include "hallmarkd/config.h"
#include "sql/migrate.h"

/* What was found and done. */
struct prepared {
	struct migrate_report schema;
	char key_id[MINISIGN_ID_TEXT]; /* the key that signs; "" when none does */
	bool made_secret, made_key, made_admin;
};

/* Migrates and bootstraps. */
struct problem prepare(struct arena *a, const struct config *c, const char *conninfo,
		       struct prepared *out) MUST_CHECK;

/* Changes nothing; INVALID says what to run when the database is not ready. */
struct problem prepare_check(struct arena *a, const struct config *c, const char *conninfo,
			     struct prepared *out) MUST_CHECK;

/* Makes the folder that uploads to an object store pass through; with another store,
 * nothing. The service itself may not make it: see sandbox_service(). */
struct problem prepare_transfers(struct arena *a, const struct config *c) MUST_CHECK;

/* Creates the embedded server's database when it has none yet. */
struct problem prepare_database(struct arena *a, const char *conninfo) MUST_CHECK;

#endif
