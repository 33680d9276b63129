#include "api/peer.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "api/loop.h"
#include "api/request.h"
#include "base/owner.h"
#include "base/timestamp.h"

static const int64_t watch_us = 1000000;  /* how often the watchdog looks */
static const int64_t phase_us = 10000000; /* a body or reply must get on within this … */
enum { PHASE_BYTES = 10 * 1024 };         /* … by so much: 1 KiB a second */

struct peer *peer_of(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void peer_link(struct loop *loop, struct peer *peer)
{
	peer->next = loop->peers;
	peer->link = &loop->peers;
	if (peer->next)
		peer->next->link = &peer->next;
	loop->peers = peer;
}

static void peer_unlink(struct peer *peer)
{
	*peer->link = peer->next;
	if (peer->next)
		peer->next->link = peer->link;
}

struct peer *peer_accept(struct loop *loop, struct MHD_Connection *conn)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->fd = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	peer->deadline = monotonic_us() + loop->service->options.header_timeout_us;
	peer->jam_bytes = -1;
	peer_link(loop, peer);
	return peer;
}

void peer_close(struct peer *peer)
{
	if (peer)
		peer_unlink(peer);
	free(peer);
}

void peer_turn_to(struct peer *peer, const struct loop *loop, struct request *rq)
{
	const struct service_options *o = &loop->service->options;

	peer->rq = rq;
	peer->deadline = monotonic_us() + (rq ? o->header_timeout_us : o->idle_timeout_us);
}

/* --- slow clients --- */

static int64_t bytes_moved(const struct peer *peer)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (!peer->rq->response)
		return peer->rq->body_total;
	if (getsockopt(peer->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return INT64_MAX; /* no TCP: nothing to tell slow from fast by */
	return (int64_t)info.tcpi_bytes_acked;
}

static bool too_slow(struct peer *peer, int64_t now)
{
	if (!peer->rq || !peer->rq->began)
		return true;
	if (!peer->rq->suspended) {
		int64_t moved = bytes_moved(peer);

		if (moved - peer->phase_bytes < PHASE_BYTES)
			return true;
		peer->phase_bytes = moved;
	}
	peer->deadline = now + phase_us;
	return false;
}

/* Full of the first line of a chunk, libmicrohttpd's buffer takes no more; it tries again all the
 * time, and does not hear of an end. */
static bool jammed(struct peer *peer)
{
	const struct request *rq = peer->rq;
	const int64_t before = peer->jam_bytes;
	int unread = 0;

	peer->jam_bytes = -1;
	if (peer->deadline == INT64_MAX || !rq || !rq->began || rq->response || rq->suspended)
		return false;
	if (ioctl(peer->fd, FIONREAD, &unread) == 0 && unread > 0)
		peer->jam_bytes = rq->body_total;
	return peer->jam_bytes >= 0 && peer->jam_bytes == before;
}

/* A jammed connection ends by libmicrohttpd's own clock alone. */
static void end(struct peer *peer)
{
	shutdown(peer->fd, SHUT_RDWR);
	if (peer->rq && !peer->rq->suspended)
		MHD_set_connection_option(peer->rq->conn, MHD_CONNECTION_OPTION_TIMEOUT, 1U);
	peer->deadline = INT64_MAX;
}

/* A phase begins when the head is in, and again when the reply is there. */
static void phase_look(struct peer *peer, int64_t now)
{
	if (peer->rq && peer->rq->began && peer->rq->phase != (peer->rq->response ? 2 : 1)) {
		peer->rq->phase = peer->rq->response ? 2 : 1;
		peer->phase_bytes = bytes_moved(peer);
		peer->deadline = now + phase_us;
	}
}

/* libmicrohttpd misses the end of a client that comes together with its last bytes, or
 * while the connection is suspended: the socket would stay for the whole idle timeout.
 * Shutting the reading side, which has nothing more to read, wakes it once again. */
static void look_for_end(const struct peer *peer)
{
	char byte;

	if (peer->rq && (peer->rq->suspended || peer->rq->response))
		return;
	if (recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		shutdown(peer->fd, SHUT_RD);
}

static void watchdog(struct timer *timer)
{
	struct loop *loop = OWNER_OF(timer, struct loop, watchdog);
	int64_t now = monotonic_us();

	for (struct peer *peer = loop->peers; peer; peer = peer->next) {
		phase_look(peer, now);
		look_for_end(peer);
		if (!jammed(peer) && (peer->deadline > now || !too_slow(peer, now)))
			continue;
		counter_add(&loop->metrics.closed_slow, 1);
		end(peer);
	}
	gauge_set(&loop->metrics.in_flight, (uint64_t)loop->requests);
	loop->daemon_ready = true; /* out of descriptors it had stopped accepting, perhaps */
	poller_set(loop->poller, &loop->watchdog, now + watch_us);
}

void peer_watch(struct loop *loop)
{
	loop->watchdog.expired = watchdog;
	poller_set(loop->poller, &loop->watchdog, monotonic_us() + watch_us);
}
