/* exchange.h - a request's head as libmicrohttpd reads it, without a network.
 *
 * The bytes go through a pair of sockets into a daemon that is set up as that of
 * api/daemon.c is, and look() gets the connection at its first call, as
 * stages_access() does.
 */
#ifndef HALLMARK_TESTS_EXCHANGE_H
#define HALLMARK_TESTS_EXCHANGE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct exchange {
	void (*look)(struct MHD_Connection *conn, const char *target, const char *method,
		     const char *version, void *who);
	void *who;
	char target[1024]; /* libmicrohttpd cuts its own in pieces */
	bool looked;
};

static inline enum MHD_Result exchange_access(void *cls, struct MHD_Connection *conn,
					      const char *url, const char *method,
					      const char *version, const char *data, size_t *size,
					      void **slot)
{
	struct exchange *x = cls;

	(void)url, (void)data, (void)size, (void)slot;
	if (!x->looked)
		x->look(conn, x->target, method, version, x->who);
	x->looked = true;
	return MHD_NO; /* nothing is answered: all has been seen */
}

static inline void *exchange_target(void *cls, const char *target, struct MHD_Connection *conn)
{
	struct exchange *x = cls;

	(void)conn;
	x->target[0] = '\0';
	strncat(x->target, target, sizeof(x->target) - 1);
	return NULL;
}

static inline size_t exchange_leave_encoded(void *cls, struct MHD_Connection *conn, char *s)
{
	(void)cls, (void)conn;
	return strlen(s);
}

/* False when libmicrohttpd refused the head by itself and look() was not called. */
static inline bool exchange(const char *bytes, size_t len, struct exchange *x)
{
	const struct sockaddr_un nowhere = {.sun_family = AF_UNIX};
	int ends[2];

	x->looked = false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return false;
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, exchange_access, x,
		MHD_OPTION_URI_LOG_CALLBACK, exchange_target, x, MHD_OPTION_UNESCAPE_CALLBACK,
		exchange_leave_encoded, x, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	bool added =
		daemon && MHD_add_connection(daemon, ends[1], (const struct sockaddr *)&nowhere,
					     sizeof(nowhere)) == MHD_YES;

	for (size_t at = 0; added && at < len && !x->looked;) {
		ssize_t n = write(ends[0], bytes + at, len - at);

		at += n > 0 ? (size_t)n : 0;
		MHD_run(daemon);
		if (n <= 0 && !x->looked)
			break; /* it reads no more */
	}
	for (int turns = 0; added && turns < 8 && !x->looked; turns++)
		MHD_run(daemon);
	if (daemon)
		MHD_stop_daemon(daemon);
	close(ends[0]);
	return x->looked;
}

#endif
