/* migrate.h - brings a database's schema up to this program's.
 *
 * The files of migrations/ are compiled in. Each is applied in a transaction of
 * its own and remembered with its SHA-256 in schema_migration. An advisory lock
 * lets one process do it at a time, so any number may start at once; when all is
 * applied nothing is done. Nothing ever goes back.
 *
 * The release before goes on writing meanwhile, so what takes long with many rows is a
 * migration whose first line is
 *
 *	-- concurrently
 *
 * It is applied outside a transaction, is remembered afterwards, and waits for locks and
 * older transactions without a limit, since nobody waits behind it. It is one statement
 * (tools/migrations.awk refuses others):
 *   CREATE INDEX CONCURRENTLY IF NOT EXISTS name ON …;
 *             where name is the migration's. An interrupted one leaves an index that is
 *             not valid; the next run drops that and builds it anew. A valid one of that
 *             name is taken for its own, which was interrupted before it was remembered.
 *   DO $$ … END $$;
 *             which fills a table in steps, with a COMMIT after each, and may be run twice.
 *
 * The others are short: they wait for a table 5 seconds at most, as writers behind them do.
 *
 * A database is refused, with a problem that says what to do, when
 *   - it is not UTF8, or its server is older than PostgreSQL 15,
 *   - a newer release has migrated it,
 *   - what was applied is not what this program would have applied.
 */
#ifndef HALLMARK_SQL_MIGRATE_H
#define HALLMARK_SQL_MIGRATE_H

#include "base/arena.h"
#include "base/problem.h"

struct migration {
	int number; /* 1, 2, 3 … */
	const char *name;
	const char *sql;
	const char *sha256; /* 64 hex digits, of the file */
};

extern const struct migration migrations[]; /* made by tools/migrations.awk */
extern const int migrations_count;

struct migrate_report {
	int from; /* the number found; 0: an empty database */
	int to;   /* the number it has now */
};

/* Blocks; for commands and the start, never for a loop. The report is right also
 * when a problem comes back: it says how far it got. */
struct problem migrate(struct arena *a, const char *conninfo,
		       struct migrate_report *report) MUST_CHECK;

/* The same with migrations of the caller's, in order and numbered from 1. */
struct problem migrate_with(struct arena *a, const char *conninfo, const struct migration *set,
			    int count, struct migrate_report *report) MUST_CHECK;

int migrate_latest(void); /* the number this program wants */

#endif
