/* peer.h - one client connection, from accept to close, and the watchdog over all of a loop.
 *
 * libmicrohttpd's own timeout starts again with every byte; the watchdog's deadlines do
 * not. A head has to be in within header_timeout, an idle connection ends after
 * idle_timeout, and a body or reply has to get on by 1 KiB a second, looked at every
 * ten seconds; a body that libmicrohttpd cannot read on ends after two. Who is too slow has
 * its socket shut; libmicrohttpd does the rest.
 *
 * The watchdog also gives memory back: libmicrohttpd keeps PEER_MEMORY for a connection as long
 * as it is open, and thousands of idle or slow ones would hold it all. What it does not use after
 * a request are zeros, and a page of zeros that goes back to the system reads as before.
 */
#ifndef HALLMARK_API_PEER_H
#define HALLMARK_API_PEER_H

#include <microhttpd.h>
#include <stdint.h>

struct loop;
struct request;

/* What libmicrohttpd has for a connection: a request's head and the piece of its body that is being
 * read. It zeroes it all after each request: with 1 MiB that was three quarters of the time that a
 * look-up took. */
enum { PEER_MEMORY = 32 * 1024 };

struct peer {
	struct peer *next, **link;
	int fd;
	int idle_looks;   /* of the watchdog, since the last request */
	const char *line; /* where libmicrohttpd has put the last request's line; NULL: none yet */
	int64_t eaten;    /* bytes of all heads and bodies that were read from it */
	int64_t deadline; /* of the phase it is in; INT64_MAX: somebody else's */
	int64_t phase_bytes; /* seen when the phase was last looked at */
	int64_t jam_bytes;   /* of the body, when more lay unread at the last look; else -1 */
	struct request *rq;  /* NULL between requests */
};

/* NULL: there was no memory for one, and the connection is being closed. */
struct peer *peer_of(struct MHD_Connection *conn);

struct peer *peer_accept(struct loop *loop, struct MHD_Connection *conn); /* NULL: no memory */
void peer_refuse(struct MHD_Connection *conn); /* closes it, without a word */
void peer_close(struct peer *peer);

/* rq: the request that began, NULL after one; that one is still what peer->rq says. */
void peer_turn_to(struct peer *peer, const struct loop *loop, struct request *rq);

void peer_watch(struct loop *loop); /* from now on, over all connections of the loop */

#endif
