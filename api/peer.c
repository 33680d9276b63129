#include "api/peer.h"

#include <linux/tcp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "api/loop.h"
#include "api/request.h"
#include "base/owner.h"
#include "base/timestamp.h"

static const int64_t watch_us = 1000000;  /* how often the watchdog looks at each */
static const int64_t phase_us = 10000000; /* a body or reply must get on within this … */
enum { PHASE_BYTES = 10 * 1024 };         /* … by so much: 1 KiB a second */
enum { GIVE_BACK_AFTER = 2, SELDOM = 8, PAGE = 4096, CROWD = 256 };

struct peer *peer_of(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static int socket_of(struct MHD_Connection *conn)
{
	return MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static void peer_link(struct loop *loop, struct peer *peer)
{
	struct peer **group = &loop->peers[loop->accepting++ % PEER_GROUPS];

	peer->next = *group;
	peer->link = group;
	if (peer->next)
		peer->next->link = &peer->next;
	*group = peer;
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
	peer->fd = socket_of(conn);
	peer->deadline = monotonic_us() + loop->service->options.header_timeout_us;
	peer->jam_bytes = -1;
	peer_link(loop, peer);
	return peer;
}

void peer_refuse(struct MHD_Connection *conn)
{
	shutdown(socket_of(conn), SHUT_RDWR);
}

void peer_close(struct peer *peer)
{
	if (peer)
		peer_unlink(peer);
	free(peer);
}

static int64_t bytes_of(const struct request *rq)
{
	const union MHD_ConnectionInfo *head =
		MHD_get_connection_info(rq->conn, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return rq->body_total + (head ? (int64_t)head->header_size : 0);
}

void peer_turn_to(struct peer *peer, const struct loop *loop, struct request *rq)
{
	const struct service_options *o = &loop->service->options;

	if (peer->rq && !rq)
		peer->eaten += bytes_of(peer->rq);
	peer->idle_looks = 0;
	peer->rq = rq;
	peer->deadline = monotonic_us() + (rq ? o->header_timeout_us : o->idle_timeout_us);
}

/* --- memory of idle connections --- */

/* Bytes that were read from it and are of no request that we know: empty lines before one, marks
 * between chunks, what is not yet handed on of a body, the beginning of the next head. */
static int64_t unknown_bytes(const struct peer *peer)
{
	const int64_t known = peer->eaten + (peer->rq ? bytes_of(peer->rq) : 0);
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	int unread = 0;

	if (ioctl(peer->fd, FIONREAD, &unread) != 0 || /* before the sum that grows */
	    getsockopt(peer->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return INT64_MAX;
	return (int64_t)info.tcpi_bytes_received - unread - known;
}

static bool is_zero(const char *page)
{
	return *page == 0 && memcmp(page, page + 1, PAGE - 1) == 0;
}

/* Runs of pages of zeros go back at once. */
static void drop_zeros(char *from, const char *end)
{
	while (from < end) {
		char *to = from;

		while (to < end && is_zero(to))
			to += PAGE;
		if (to > from)
			madvise(from, (size_t)(to - from), MADV_DONTNEED);
		from = to + PAGE;
	}
}

/* A connection's memory is one piece, at whose start the next head is read; its line may have
 * moved from there by the unknown bytes before it, not more. So what is PEER_MEMORY long from the
 * line, less these, lies in that piece. Nobody else writes there, since only this loop runs this
 * connection: zeros that go back are still zeros when they are looked at next. */
static void give_back(const struct peer *peer)
{
	const int64_t unknown = unknown_bytes(peer);

	if (!peer->line || unknown < 0 || unknown > PEER_MEMORY)
		return;
	char *const line = (char *)peer->line;
	const size_t skip = -(uintptr_t)line % PAGE;
	const size_t room = (size_t)(PEER_MEMORY - unknown);

	if (room > skip)
		drop_zeros(line + skip, line + skip + (room - skip) / PAGE * PAGE);
}

static void idle_look(struct peer *peer)
{
	if (!peer->rq && ++peer->idle_looks == GIVE_BACK_AFTER)
		give_back(peer);
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
		give_back(peer);
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
 * Shutting the reading side, which has nothing more to read, wakes it once again. Who has been
 * idle for long has sent no last bytes: only a head that is begun and given up is still found. */
static void look_for_end(const struct peer *peer)
{
	char byte;

	if (peer->rq && (peer->rq->suspended || peer->rq->response))
		return;
	if (!peer->rq && peer->idle_looks > SELDOM && peer->idle_looks % SELDOM)
		return;
	if (recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		shutdown(peer->fd, SHUT_RD);
}

/* The C library keeps what was freed between what is still there. When most of a crowd has left,
 * the next one would find all of it in memory, and use a part. */
static void trim(struct loop *loop)
{
	const uint64_t connections = loop->metrics.connections;

	if (connections > loop->crowd)
		loop->crowd = connections;
	if (loop->crowd < CROWD || connections > loop->crowd / 2)
		return;
	loop->crowd = connections;
	malloc_trim(0);
}

static void watchdog(struct timer *timer)
{
	struct loop *loop = OWNER_OF(timer, struct loop, watchdog);
	int64_t now = monotonic_us();

	for (struct peer *peer = loop->peers[loop->watching]; peer; peer = peer->next) {
		phase_look(peer, now);
		look_for_end(peer);
		idle_look(peer);
		if (!jammed(peer) && (peer->deadline > now || !too_slow(peer, now)))
			continue;
		counter_add(&loop->metrics.closed_slow, 1);
		end(peer);
	}
	trim(loop);
	gauge_set(&loop->metrics.in_flight, (uint64_t)loop->requests);
	loop->daemon_ready = true; /* out of descriptors it had stopped accepting, perhaps */
	loop->watching = (loop->watching + 1) % PEER_GROUPS;
	poller_set(loop->poller, &loop->watchdog, now + watch_us / PEER_GROUPS);
}

void peer_watch(struct loop *loop)
{
	loop->watchdog.expired = watchdog;
	poller_set(loop->poller, &loop->watchdog, monotonic_us() + watch_us / PEER_GROUPS);
}
