/* postgres.h - the embedded PostgreSQL: its programs, its data folder, its socket.
 *
 * It lives in STATE/postgres, listens on a Unix socket in a folder of mode 0700 and
 * nowhere else, and lets in by peer authentication whoever the kernel says is the user
 * that runs hallmarkd. The socket's folder is STATE/socket, or one in the run or temp
 * folder named by a hash of the state folder when the path would not fit into
 * sockaddr_un. Settings that the registry stands on are given on the command line; the
 * sizes in postgresql.conf are its owner's to change.
 */
#ifndef HALLMARK_HALLMARKD_POSTGRES_H
#define HALLMARK_HALLMARKD_POSTGRES_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/problem.h"
#include "hallmarkd/child.h"
#include "hallmarkd/config.h"
#include "hallmarkd/privilege.h"

struct postgres {
	const char *bin;      /* the folder of its programs */
	int major;            /* 15, 16, … */
	const char *data;     /* STATE/postgres */
	const char *socket;   /* the folder of its socket */
	const char *conninfo; /* for the registry's database */
	const char *user;
};

/* Where it is reached; asks for nothing to be there. */
struct problem postgres_locate(struct arena *a, const struct config *c, const struct identity *who,
			       struct postgres *out) MUST_CHECK;

/* Finds its programs: those of the data folder's major version, or the newest when
 * there is no data folder yet. INVALID says what to install. */
struct problem postgres_find(struct arena *a, const struct config *c,
			     struct postgres *pg) MUST_CHECK;

/* Makes the data folder when there is none. Takes seconds, and blocks. */
struct problem postgres_init(struct arena *a, const struct postgres *pg) MUST_CHECK;

/* Makes the socket's folder, and says how to start the server in the foreground. */
struct problem postgres_plan(struct arena *a, const struct postgres *pg,
			     struct child_plan *out) MUST_CHECK;

enum postgres_status {
	POSTGRES_AWAY,     /* no process; what it left behind does not matter */
	POSTGRES_STARTING, /* also while it recovers */
	POSTGRES_READY,
	POSTGRES_STOPPING
};
/* What postmaster.pid and the process it names say, without a connection. */
enum postgres_status postgres_status(struct arena *a, const struct postgres *pg, pid_t *pid);

#endif
