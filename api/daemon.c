#include "api/daemon.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/listen.h"
#include "api/loop.h"
#include "api/peer.h"
#include "api/reply.h"
#include "api/request.h"
#include "api/stages.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/owner.h"
#include "base/timestamp.h"

/* --- what libmicrohttpd calls --- */

static enum MHD_Result on_access(void *cls, struct MHD_Connection *conn, const char *url,
				 const char *method, const char *version, const char *data,
				 size_t *size, void **slot)
{
	struct request *rq = *slot;

	(void)cls, (void)conn, (void)url;
	if (!rq)
		return MHD_NO;
	if (rq->peer)
		rq->peer->line = method; /* what the line begins with */
	return stages_access(rq, method, version, data, size);
}

/* The request line is in: a request begins, before any header is looked at. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *conn)
{
	struct loop *loop = cls;
	struct peer *peer = peer_of(conn);
	struct request *rq = stages_begin(loop, target, conn);

	if (peer)
		peer_turn_to(peer, loop, rq);
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
	FAILPOINT(REPLY_SENT);
	if (peer)
		peer_turn_to(peer, loop, NULL);
	if (*slot)
		stages_end(*slot);
	*slot = NULL;
}

/* A request that libmicrohttpd has no memory for, such as one with 500 parameters, it drops without
 * a word: to the client, and to us. */
static void end_forgotten(const struct peer *peer)
{
	if (peer && peer->rq)
		stages_end(peer->rq);
}

static void on_connection(void *cls, struct MHD_Connection *conn, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct loop *loop = cls;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		/* At its limit libmicrohttpd accepts no more, and begins again only when run. */
		loop->daemon_ready |=
			loop->metrics.connections >= (uint64_t)loop->service->options.connections;
		gauge_set(&loop->metrics.connections, loop->metrics.connections - 1);
		end_forgotten(*context);
		peer_close(*context);
		*context = NULL;
		return;
	}
	counter_add(&loop->metrics.connections, 1);
	counter_add(&loop->metrics.accepted, 1);
	FAILPOINT(CONNECTION_ACCEPTED);
	*context = peer_accept(loop, conn);
	if (!*context) /* no memory: nobody would watch over it */
		peer_refuse(conn);
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
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)PEER_MEMORY,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
		MHD_OPTION_END);
}

struct problem daemon_open(struct arena *a, struct loop *loop)
{
	if (!reply_prepare(loop))
		return problem(a, PROBLEM_INTERNAL, "out of memory");
	TRY(listen_open(a, loop->service->options.listen, true, &loop->listen_fd));
	loop->daemon = daemon_start(loop);
	if (!loop->daemon)
		return problem(a, PROBLEM_INTERNAL, "libmicrohttpd did not start");
	loop->daemon_watch.fd =
		MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	loop->daemon_watch.ready = on_daemon;
	if (!poller_watch(loop->poller, &loop->daemon_watch, EPOLLIN))
		return problem(a, PROBLEM_INTERNAL, "epoll: %s", strerror(errno));
	peer_watch(loop);
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

	if (db.ready != (loop->metrics.db_ready != 0))
		keyring_judge(&loop->keyring);
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

void daemon_run(struct loop *loop)
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

void daemon_close(struct loop *loop)
{
	if (loop->daemon) {
		poller_unwatch(loop->poller, &loop->daemon_watch);
		MHD_stop_daemon(loop->daemon);
	}
	reply_prepared_end(loop);
}
