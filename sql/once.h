/* once.h - one statement after another on a connection that blocks.
 *
 * For commands and the start, never for a loop (sql/db.h). Connection and results
 * belong to the arena. A failure is UNAVAILABLE when the server cannot be reached, else
 * INTERNAL, and its detail says what the server said, without any password.
 */
#ifndef HALLMARK_SQL_ONCE_H
#define HALLMARK_SQL_ONCE_H

#include <libpq-fe.h>

#include "base/arena.h"
#include "base/problem.h"
#include "sql/args.h"
#include "sql/statement.h"

/* Waits ten seconds at most. */
struct problem once_connect(struct arena *a, const char *conninfo, PGconn **out) MUST_CHECK;

/* args may be NULL for a statement without parameters. Results are binary. */
struct problem once_run(struct arena *a, PGconn *conn, enum statement_id id,
			const struct args *args, PGresult **out) MUST_CHECK;

/* For what is no statement of the registry's: constant text, no parameters. */
struct problem once_text(struct arena *a, PGconn *conn, const char *sql, PGresult **out) MUST_CHECK;

/* The text column `outcome` of the only row, by which functions say how it went. */
const char *once_outcome(const PGresult *res);

#endif
