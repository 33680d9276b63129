/* loop.h - one thread that serves: its sockets, its database lanes, its signer.
 *
 * Loops share nothing on the hot path: each has its own listening socket
 * (SO_REUSEPORT), libmicrohttpd daemon in external-epoll mode, connections to
 * PostgreSQL, socket to the signer, token cache, counters and log buffer.
 */
#ifndef HALLMARK_API_LOOP_H
#define HALLMARK_API_LOOP_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "api/identity.h"
#include "api/keyring.h"
#include "api/metrics.h"
#include "api/service.h"
#include "api/ticker.h"
#include "base/jobs.h"
#include "base/log.h"
#include "base/poller.h"
#include "registry/signer.h"
#include "sql/db.h"
#include "sql/list.h"

enum { SPARE_ARENAS = 64 };

/* One connection, from accept to close; the watchdog walks over them. */
struct peer {
	struct peer *next, **link;
	int fd;
	int64_t deadline;    /* of the phase it is in; INT64_MAX: somebody else's */
	int64_t phase_bytes; /* seen when the phase was last looked at */
	struct request *rq;  /* NULL between requests */
};

struct loop {
	struct service *service;
	int number;
	struct poller *poller;
	struct MHD_Daemon *daemon;
	struct watch daemon_watch;
	bool daemon_ready; /* libmicrohttpd has something to do */
	int listen_fd;

	struct db *db;
	struct list_cache *lists;
	struct signer *signer;
	struct mailbox *mailbox;
	struct job wake; /* posted once, when the service closes */
	struct keyring keyring;
	struct identity_cache *identities;

	struct peer *peers;
	struct timer watchdog;
	struct arena *spare[SPARE_ARENAS];
	int nspare;
	struct MHD_Response *full; /* the 503 that needs no memory */
	struct ticker ticker;
	uint64_t random[2]; /* for ids that need not be secret */
	int requests;       /* being worked on */
	_Atomic bool ready; /* database, keys and signer are there */
	struct metrics metrics;
	struct log_batch log;
};

struct problem loop_open(struct arena *a, struct service *s, int number,
			 struct loop **out) MUST_CHECK;
void loop_run(struct loop *loop);        /* until the service has drained */
bool loop_busy(const struct loop *loop); /* after loop_run(): the drain was cut */
void loop_close(struct loop *loop);      /* not while it is busy */

uint64_t loop_random(struct loop *loop);

/* Arenas are kept for the next request; NULL when memory is out. */
struct arena *loop_arena(struct loop *loop);
void loop_arena_back(struct loop *loop, struct arena *a);

#endif
