#include "api/loop.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/listen.h"
#include "api/reply.h"
#include "base/owner.h"
#include "base/timestamp.h"

static const int64_t watch_us = 1000000;  /* how often the watchdog looks */
static const int64_t phase_us = 10000000; /* a body or reply must get on within this … */
enum { PHASE_BYTES = 10 * 1024 };         /* … by so much: 1 KiB a second */

/* Holds a request's head and the piece of its body that is being read. libmicrohttpd zeroes
 * it all after each request of a connection: with 1 MiB that was three quarters of the time
 * that a look-up took. */
enum { CONNECTION_MEMORY = 32 * 1024 };

/* --- what libmicrohttpd calls --- */

static enum MHD_Result on_access(void *cls, struct MHD_Connection *conn, const char *url,
				 const char *method, const char *version, const char *data,
				 size_t *size, void **slot)
{
	struct request *rq = *slot;

	(void)cls, (void)conn, (void)url;
	return rq ? request_access(rq, method, version, data, size) : MHD_NO;
}

static struct peer *peer_of(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* The request line is in: a request begins, before any header is looked at. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *conn)
{
	struct loop *loop = cls;
	struct peer *peer = peer_of(conn);
	struct request *rq = request_new(loop, target, conn);

	if (peer) {
		peer->rq = rq;
		peer->deadline = monotonic_us() + loop->service->options.header_timeout_us;
	}
	if (rq)
		rq->peer = peer;
	return rq;
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **slot,
			 enum MHD_RequestTerminationCode why)
{
	struct loop *loop = cls;
	struct peer *peer = peer_of(conn);

	(void)why;
	if (*slot)
		request_free(*slot);
	*slot = NULL;
	if (peer) {
		peer->rq = NULL;
		peer->deadline = monotonic_us() + loop->service->options.idle_timeout_us;
	}
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

static void on_connection(void *cls, struct MHD_Connection *conn, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct loop *loop = cls;
	struct peer *peer = *context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		/* At its limit libmicrohttpd accepts no more, and begins again only when run. */
		loop->daemon_ready |=
			loop->metrics.connections >= (uint64_t)loop->service->options.connections;
		gauge_set(&loop->metrics.connections, loop->metrics.connections - 1);
		if (peer)
			peer_unlink(peer);
		free(peer);
		*context = NULL;
		return;
	}
	counter_add(&loop->metrics.connections, 1);
	counter_add(&loop->metrics.accepted, 1);
	*context = peer = calloc(1, sizeof(*peer));
	if (!peer)
		return; /* served all the same, without a watchdog */
	peer->fd = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	peer->deadline = monotonic_us() + loop->service->options.header_timeout_us;
	peer_link(loop, peer);
}

/* We split and decode targets ourselves (api/target.h). */
static size_t leave_encoded(void *cls, struct MHD_Connection *conn, char *s)
{
	(void)cls, (void)conn;
	return strlen(s);
}

static void on_log(void *cls, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void on_log(void *cls, const char *fmt, va_list ap)
{
	char text[512];

	(void)cls;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_line(LOG_DEBUG, "libmicrohttpd", LOG_TEXT("detail", text));
}

/* --- slow clients --- */

/* libmicrohttpd's own timeout starts again with every byte; this one does not. */
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
		if (peer->deadline > now || !too_slow(peer, now))
			continue;
		counter_add(&loop->metrics.closed_slow, 1);
		shutdown(peer->fd, SHUT_RDWR);
		peer->deadline = INT64_MAX;
	}
	gauge_set(&loop->metrics.in_flight, (uint64_t)loop->requests);
	loop->daemon_ready = true; /* out of descriptors it had stopped accepting, perhaps */
	poller_set(loop->poller, &loop->watchdog, now + watch_us);
}

/* --- ids and arenas --- */

/* xorshift128+ (Vigna): only for ids that need not be guessed at. */
uint64_t loop_random(struct loop *loop)
{
	uint64_t x = loop->random[0];
	const uint64_t y = loop->random[1];

	loop->random[0] = y;
	x ^= x << 23;
	loop->random[1] = x ^ y ^ (x >> 17) ^ (y >> 26);
	return loop->random[1] + y;
}

struct arena *loop_arena(struct loop *loop)
{
	if (loop->nspare > 0)
		return loop->spare[--loop->nspare];
	return arena_new((size_t)loop->service->options.request_memory);
}

void loop_arena_back(struct loop *loop, struct arena *a)
{
	if (loop->nspare == SPARE_ARENAS) {
		arena_free(a);
		return;
	}
	arena_reset(a);
	loop->spare[loop->nspare++] = a;
}

/* --- start, turn, end --- */

static void on_daemon(struct watch *w, uint32_t events)
{
	struct loop *loop = OWNER_OF(w, struct loop, daemon_watch);

	(void)events;
	loop->daemon_ready = true;
}

static struct MHD_Daemon *daemon_start(struct loop *loop)
{
	const struct service_options *o = &loop->service->options;

	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		on_access, loop, MHD_OPTION_EXTERNAL_LOGGER, on_log, loop, MHD_OPTION_LISTEN_SOCKET,
		loop->listen_fd, MHD_OPTION_URI_LOG_CALLBACK, on_target, loop,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, loop, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, loop, MHD_OPTION_NOTIFY_CONNECTION, on_connection, loop,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->connections,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(o->idle_timeout_us / 1000000),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
		MHD_OPTION_END);
}

static struct problem http_open(struct arena *a, struct loop *loop)
{
	static const char full[] =
		"{\"type\":\"/problems/busy\",\"title\":\"The service cannot take this right "
		"now\",\"status\":503,\"detail\":\"the request needs more memory than one request "
		"may have\"}";

	loop->full = MHD_create_response_from_buffer(sizeof(full) - 1, (void *)full,
						     MHD_RESPMEM_PERSISTENT);
	if (!loop->full)
		return problem(a, PROBLEM_INTERNAL, "out of memory");
	MHD_add_response_header(loop->full, "Content-Type", "application/problem+json");
	MHD_add_response_header(loop->full, "Retry-After", "1");
	TRY(listen_open(a, loop->service->options.listen, true, &loop->listen_fd));
	loop->daemon = daemon_start(loop);
	if (!loop->daemon)
		return problem(a, PROBLEM_INTERNAL, "libmicrohttpd did not start");
	loop->daemon_watch.fd =
		MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	loop->daemon_watch.ready = on_daemon;
	if (!poller_watch(loop->poller, &loop->daemon_watch, EPOLLIN))
		return problem(a, PROBLEM_INTERNAL, "epoll: %s", strerror(errno));
	return NO_PROBLEM;
}

static struct problem database_open(struct arena *a, struct loop *loop)
{
	const struct service_options *o = &loop->service->options;
	const struct db_options options = {
		.conninfo = o->conninfo,
		.table = statements,
		.ntable = STATEMENT_COUNT,
		.slow_lanes = o->slow_lanes > o->loops ? o->slow_lanes / o->loops : 1,
		.write_lanes = o->write_lanes > o->loops ? o->write_lanes / o->loops : 1,
	};

	loop->db = db_open(loop->poller, &options);
	loop->lists = list_cache_new(STATEMENT_COUNT, 200);
	if (!loop->db || !loop->lists)
		return problem(a, PROBLEM_INTERNAL, "the database's lanes could not be set up");
	return NO_PROBLEM;
}

struct problem loop_open(struct arena *a, struct service *s, int number, struct loop **out)
{
	struct loop *loop = *out = calloc(1, sizeof(*loop));

	if (!loop)
		return problem(a, PROBLEM_INTERNAL, "out of memory");
	loop->service = s;
	loop->number = number;
	randombytes_buf(loop->random, sizeof(loop->random));
	loop->poller = poller_new();
	loop->mailbox = loop->poller ? mailbox_new(loop->poller) : NULL;
	loop->signer = loop->poller ? signer_new(loop->poller) : NULL;
	loop->identities = identity_cache_new();
	if (!loop->mailbox || !loop->signer || !loop->identities)
		return problem(a, PROBLEM_INTERNAL, "out of memory or descriptors");
	TRY(metrics_open(a, &loop->metrics));
	TRY(database_open(a, loop));
	TRY(http_open(a, loop));
	if (!keyring_start(&loop->keyring, loop) || !ticker_start(&loop->ticker, loop))
		return problem(a, PROBLEM_INTERNAL, "out of memory");
	loop->watchdog.expired = watchdog;
	poller_set(loop->poller, &loop->watchdog, monotonic_us() + watch_us);
	return NO_PROBLEM;
}

static int64_t daemon_deadline(struct loop *loop)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(loop->daemon, &ms) != MHD_YES)
		return INT64_MAX;
	if (ms == 0)
		loop->daemon_ready = true;
	return monotonic_us() + (int64_t)ms * 1000;
}

static void close_listener(struct loop *loop)
{
	if (loop->listen_fd < 0)
		return;
	int fd = MHD_quiesce_daemon(loop->daemon);
	if (fd >= 0)
		close(fd);
	loop->listen_fd = -1;
}

static void turn(struct loop *loop)
{
	int64_t deadline = daemon_deadline(loop);
	struct db_state db = db_state(loop->db);

	gauge_set(&loop->metrics.db_ready, db.ready);
	gauge_set(&loop->metrics.db_waiting, (uint64_t)db.waiting);
	gauge_set(&loop->metrics.db_reconnects, db.reconnects);
	poller_turn(loop->poller, loop->daemon_ready ? 0 : deadline);
	if (monotonic_us() >= deadline)
		loop->daemon_ready = true; /* a connection's time may be up */
	if (loop->daemon_ready) {
		loop->daemon_ready = false;
		MHD_run(loop->daemon);
	}
	log_flush(&loop->log);
}

/* Jobs outlive their request when the client hangs up. */
bool loop_busy(const struct loop *loop)
{
	return loop->requests > 0 || mailbox_awaits(loop->mailbox) > 0;
}

void loop_run(struct loop *loop)
{
	struct service *s = loop->service;
	int64_t give_up = INT64_MAX;

	while (loop->listen_fd >= 0 || (loop_busy(loop) && monotonic_us() < give_up)) {
		turn(loop);
		if (loop->listen_fd >= 0 && atomic_load(&s->closing)) {
			close_listener(loop);
			give_up = monotonic_us() + s->options.drain_timeout_us;
		}
	}
}

void loop_close(struct loop *loop)
{
	if (loop->daemon) {
		poller_unwatch(loop->poller, &loop->daemon_watch);
		MHD_stop_daemon(loop->daemon);
	}
	if (loop->full)
		MHD_destroy_response(loop->full);
	if (loop->db)
		db_close(loop->db);
	list_cache_free(loop->lists);
	signer_free(loop->signer);
	if (loop->mailbox)
		mailbox_free(loop->mailbox);
	identity_cache_free(loop->identities);
	while (loop->nspare > 0)
		arena_free(loop->spare[--loop->nspare]);
	keyring_close(&loop->keyring);
	ticker_close(&loop->ticker);
	metrics_close(&loop->metrics);
	poller_free(loop->poller);
	free(loop);
}
