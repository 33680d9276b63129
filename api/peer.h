/* peer.h - one client connection, from accept to close, and the watchdog over all of a loop.
 *
 * libmicrohttpd's own timeout starts again with every byte; the watchdog's deadlines do
 * not. A head has to be in within header_timeout, an idle connection ends after
 * idle_timeout, and a body or reply has to get on by 1 KiB a second, looked at every
 * ten seconds; a body that libmicrohttpd cannot read on ends after two. Who is too slow has
 * its socket shut; libmicrohttpd does the rest.
 */
#ifndef HALLMARK_API_PEER_H
#define HALLMARK_API_PEER_H

#include <microhttpd.h>
#include <stdint.h>

struct loop;
struct request;

struct peer {
	struct peer *next, **link;
	int fd;
	int64_t deadline;    /* of the phase it is in; INT64_MAX: somebody else's */
	int64_t phase_bytes; /* seen when the phase was last looked at */
	int64_t jam_bytes;   /* of the body, when more lay unread at the last look; else -1 */
	struct request *rq;  /* NULL between requests */
};

/* NULL: there was no memory for one, and it is served without a watchdog. */
struct peer *peer_of(struct MHD_Connection *conn);

struct peer *peer_accept(struct loop *loop, struct MHD_Connection *conn);
void peer_close(struct peer *peer);

/* rq: the request that began, NULL after one. */
void peer_turn_to(struct peer *peer, const struct loop *loop, struct request *rq);

void peer_watch(struct loop *loop); /* from now on, over all connections of the loop */

#endif
