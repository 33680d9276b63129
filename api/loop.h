/* loop.h - what one serving thread has to itself: database lanes, signer, keys, counters.
 *
 * Loops share nothing on the hot path: each has its own listening socket
 * (SO_REUSEPORT), libmicrohttpd daemon in external-epoll mode, connections to
 * PostgreSQL, socket to the signer, token cache, counters and log buffer. What
 * turns it is api/daemon.h; here it is only opened, lent and closed.
 */
#ifndef HALLMARK_API_LOOP_H
#define HALLMARK_API_LOOP_H

#include <microhttpd.h>
#include <stdatomic.h>

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

/* A loop looks at one group of its connections after the other, each once a second: at once, ten
 * thousand would keep a request waiting for milliseconds. */
enum { PEER_GROUPS = 16 };

/* What a 503 that needs no memory says: nothing was changed; something may have been. */
enum { REPLY_FULL, REPLY_UNSURE, REPLY_PREPARED };

struct token_cache;
struct peer;
struct strays;

struct loop {
	struct service *service;
	int number;
	struct poller *poller;
	struct db *db;
	struct list_cache *lists;
	struct signer *signer;
	struct mailbox *mailbox;
	struct job wake; /* posted once, when the service closes */
	struct keyring keyring;
	struct token_cache *tokens;
	struct strays *strays;

	struct ticker ticker;
	struct arena *spare[SPARE_ARENAS];
	int nspare;
	uint64_t random[2]; /* for ids that need not be secret */
	int requests;       /* being worked on */
	struct metrics metrics;
	struct log_batch log;

	/* The daemon's. */
	struct MHD_Daemon *daemon;
	struct watch daemon_watch;
	bool daemon_ready;                             /* libmicrohttpd has something to do */
	int listen_fd;                                 /* -1: closed */
	struct MHD_Response *prepared[REPLY_PREPARED]; /* api/reply.h */
	struct peer *peers[PEER_GROUPS];
	unsigned accepting; /* the next connection's group, when divided by their number */
	int watching;       /* the group that the watchdog looks at next */
	uint64_t crowd;     /* connections at most, since memory was last given back for them */
	struct timer watchdog;
};

/* number: 0 is the first, which also ticks and beats for the replica. */
struct problem loop_open(struct arena *a, struct service *s, int number,
			 struct loop **out) MUST_CHECK;
/* A request, or a job that outlived its request, still uses it. */
bool loop_busy(const struct loop *loop);
void loop_close(struct loop *loop); /* not while it is busy; its daemon was closed before */

/* For ids that need not be guessed at. */
uint64_t loop_random(struct loop *loop);

/* Arenas are kept for the next request; NULL when memory is out. */
struct arena *loop_arena(struct loop *loop);
void loop_arena_back(struct loop *loop, struct arena *a);

#endif
