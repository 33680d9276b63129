/* floor.c - the least a C program can do for a read: what GET of a version is held against.
 *
 * floor PORT LOOPS CONNINFO SQL PARAMETER BODY-FILE UNIT
 *
 * The same loops as the service (libmicrohttpd in external-epoll mode, one pipelined
 * connection to PostgreSQL each, a sync after UNIT queries or when there are no more in
 * this turn), one prepared SELECT per request, and always the same bytes as the answer. No routing,
 * no checks, no log, no JSON: whatever the service adds to this is its own cost.
 */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_FLIGHT = 4096, LOOPS = 64 };

static struct {
	int port;
	const char *conninfo, *sql, *parameter;
	int unit; /* queries that share a sync */
	char body[65536];
	size_t body_len;
} given;

struct waiter {
	struct MHD_Connection *conn;
	bool done;
};

struct loop {
	PGconn *pg;
	struct MHD_Daemon *daemon;
	struct MHD_Response *response;
	struct waiter *queue[IN_FLIGHT]; /* a ring: answers come in the order of the questions */
	unsigned head, tail;
	int unsynced;
	bool flush;
};

static void die(const char *why)
{
	fprintf(stderr, "floor: %s\n", why);
	exit(1);
}

static int number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < 1 || n > 65535)
		die("ports, loops and units are numbers from 1 to 65535");
	return (int)n;
}

static void sync_unit(struct loop *loop)
{
	loop->unsynced = 0;
	if (!PQpipelineSync(loop->pg))
		die(PQerrorMessage(loop->pg));
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *conn, const char *url,
				 const char *method, const char *version, const char *data,
				 size_t *size, void **slot)
{
	static int one = 1;
	struct loop *loop = cls;
	struct waiter *w = *slot;

	(void)url, (void)method, (void)version, (void)data, (void)size;
	if (w)
		return w->done ? MHD_queue_response(conn, 200, loop->response) : MHD_NO;
	w = *slot = calloc(1, sizeof(*w));
	if (!w || loop->tail - loop->head == IN_FLIGHT)
		return MHD_NO;
	w->conn = conn;
	loop->queue[loop->tail++ % IN_FLIGHT] = w;
	if (!PQsendQueryPrepared(loop->pg, "q", one, &given.parameter, NULL, NULL, 1))
		die(PQerrorMessage(loop->pg));
	if (++loop->unsynced == given.unit)
		sync_unit(loop);
	loop->flush = true;
	MHD_suspend_connection(conn);
	return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **slot,
			 enum MHD_RequestTerminationCode why)
{
	(void)cls, (void)conn, (void)why;
	free(*slot);
	*slot = NULL;
}

static bool answers(struct loop *loop)
{
	bool any = false;

	if (!PQconsumeInput(loop->pg))
		die(PQerrorMessage(loop->pg));
	while (loop->head != loop->tail && !PQisBusy(loop->pg)) {
		PGresult *res = PQgetResult(loop->pg);
		ExecStatusType status = PQresultStatus(res);

		if (status == PGRES_TUPLES_OK && PQntuples(res) != 1)
			die("the SELECT must find one row");
		PQclear(res);
		if (status != PGRES_TUPLES_OK)
			continue;
		struct waiter *w = loop->queue[loop->head++ % IN_FLIGHT];
		w->done = true;
		MHD_resume_connection(w->conn);
		any = true;
	}
	return any;
}

static int listen_on(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1024) != 0)
		die("cannot listen");
	return fd;
}

static void open_loop(struct loop *loop)
{
	loop->pg = PQconnectdb(given.conninfo);
	if (PQstatus(loop->pg) != CONNECTION_OK)
		die(PQerrorMessage(loop->pg));
	PQclear(PQprepare(loop->pg, "q", given.sql, 1, NULL));
	if (PQsetnonblocking(loop->pg, 1) != 0 || !PQenterPipelineMode(loop->pg))
		die("no pipeline mode");
	loop->response =
		MHD_create_response_from_buffer(given.body_len, given.body, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(loop->response, "Content-Type", "application/json");
	loop->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
					on_access, loop, MHD_OPTION_LISTEN_SOCKET,
					listen_on(given.port), MHD_OPTION_NOTIFY_COMPLETED,
					on_completed, loop, MHD_OPTION_CONNECTION_LIMIT, 4096U,
					MHD_OPTION_CONNECTION_TIMEOUT, 60U, MHD_OPTION_END);
	if (!loop->daemon)
		die("libmicrohttpd did not start");
}

static void *run(void *arg)
{
	struct loop *loop = arg;
	int epoll = epoll_create1(0);
	int http = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	struct epoll_event e = {.events = EPOLLIN, .data.fd = http}, ready[8];

	epoll_ctl(epoll, EPOLL_CTL_ADD, http, &e);
	e.data.fd = PQsocket(loop->pg);
	epoll_ctl(epoll, EPOLL_CTL_ADD, e.data.fd, &e);
	for (;;) {
		MHD_UNSIGNED_LONG_LONG ms = 1000;
		bool serve = false;

		MHD_get_timeout(loop->daemon, &ms);
		int n = epoll_wait(epoll, ready, 8, ms < 1000 ? (int)ms : 1000);
		for (int i = 0; i < n; i++)
			serve |= ready[i].data.fd == http ? true : answers(loop);
		if (serve || ms == 0)
			MHD_run(loop->daemon);
		if (loop->unsynced)
			sync_unit(loop);
		if (loop->flush)
			loop->flush = PQflush(loop->pg) == 1;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct loop loops[LOOPS];
	pthread_t thread;

	if (argc != 8)
		die("floor PORT LOOPS CONNINFO SQL PARAMETER BODY-FILE UNIT");
	signal(SIGPIPE, SIG_IGN);
	given.port = number(argv[1]);
	int n = number(argv[2]);
	given.conninfo = argv[3];
	given.sql = argv[4];
	given.parameter = argv[5];
	given.unit = number(argv[7]);
	FILE *f = fopen(argv[6], "re");
	if (!f || n < 1 || n > LOOPS)
		die("no body file, or a strange number of loops");
	given.body_len = fread(given.body, 1, sizeof(given.body), f);
	fclose(f);
	for (int i = 0; i < n; i++)
		open_loop(&loops[i]);
	for (int i = 1; i < n; i++)
		if (pthread_create(&thread, NULL, run, &loops[i]) != 0)
			die("no thread");
	run(&loops[0]);
}
