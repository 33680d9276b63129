/* floor.c - the least a C program can do for a look-up: what GET of a version is held against.
 *
 *	floor PORT LOOPS CONNINFO UNIT ANSWER-FILE SQL PARAMETER...
 *
 * It has the service's loops: libmicrohttpd in external-epoll mode with as much memory for a
 * connection, one connection to PostgreSQL in pipeline mode, a sync after UNIT queries or when
 * there are no more in this turn. Each request asks the same prepared SELECT, which must find
 * one row, and is answered with the same bytes: those of the file, head lines, an empty line,
 * body. An empty PARAMETER is NULL. No routing, identity, checks, log or JSON: what the service
 * adds to this is its own cost.
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

enum {
	IN_FLIGHT = 4096,
	LOOPS = 64,
	PARAMETERS = 8,
	CONNECTION_MEMORY = 32 * 1024,
	ANSWER = 16 * 1024
};

static struct {
	int port;
	const char *conninfo, *sql;
	const char *parameters[PARAMETERS];
	int nparameters;
	int unit; /* queries that share a sync */
	char answer[ANSWER];
} given;

/* How far a request is; *slot points to one of these. */
static char head_is_in, is_asked;

struct loop {
	PGconn *pg;
	struct MHD_Daemon *daemon;
	char answer[ANSWER]; /* cut into head lines and body */
	struct MHD_Response *response;
	struct MHD_Connection *queue[IN_FLIGHT]; /* a ring: answers come in the questions' order */
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

static void ask(struct loop *loop, struct MHD_Connection *conn)
{
	static const int binary = 1;

	if (loop->tail - loop->head == IN_FLIGHT)
		die("more requests in flight than the ring has room for");
	loop->queue[loop->tail++ % IN_FLIGHT] = conn;
	if (!PQsendQueryPrepared(loop->pg, "q", given.nparameters, given.parameters, NULL, NULL,
				 binary))
		die(PQerrorMessage(loop->pg));
	if (++loop->unsynced == given.unit)
		sync_unit(loop);
	loop->flush = true;
}

/* libmicrohttpd makes its first call when the head is in. An answer that is queued in that
 * call, or when it is made again for a connection suspended in it, ends the connection, so
 * the question waits for the second call. */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *conn, const char *url,
				 const char *method, const char *version, const char *data,
				 size_t *size, void **slot)
{
	struct loop *loop = cls;

	(void)url, (void)method, (void)version, (void)data, (void)size;
	if (!*slot) {
		*slot = &head_is_in;
		return MHD_YES;
	}
	if (*slot == &is_asked)
		return MHD_queue_response(conn, 200, loop->response);
	*slot = &is_asked;
	ask(loop, conn);
	MHD_suspend_connection(conn);
	return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **slot,
			 enum MHD_RequestTerminationCode why)
{
	(void)cls, (void)conn, (void)why;
	*slot = NULL;
}

/* A question's rows, the NULL that ends it, or the end of a unit. True: a request goes on. */
static bool take(struct loop *loop, PGresult *res)
{
	const ExecStatusType status = PQresultStatus(res);
	const bool rows = status == PGRES_TUPLES_OK;

	if (res && !rows && status != PGRES_PIPELINE_SYNC)
		die(PQresultErrorMessage(res));
	if (rows && PQntuples(res) != 1)
		die("the SELECT must find one row");
	PQclear(res);
	if (rows)
		MHD_resume_connection(loop->queue[loop->head++ % IN_FLIGHT]);
	return rows;
}

static bool answers(struct loop *loop)
{
	bool any = false;

	if (!PQconsumeInput(loop->pg))
		die(PQerrorMessage(loop->pg));
	while (loop->head != loop->tail && !PQisBusy(loop->pg))
		any |= take(loop, PQgetResult(loop->pg));
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

static struct MHD_Response *response_of(char *answer)
{
	char *body = strstr(answer, "\n\n");

	if (!body)
		die("the answer has no empty line");
	*body = '\0';
	body += 2;
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_PERSISTENT);
	for (char *rest, *line = strtok_r(answer, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *colon = strstr(line, ": ");

		if (!colon)
			die("a head line has no colon");
		*colon = '\0';
		if (MHD_add_response_header(response, line, colon + 2) != MHD_YES)
			die("libmicrohttpd refuses a head line");
	}
	return response;
}

static void open_loop(struct loop *loop)
{
	loop->pg = PQconnectdb(given.conninfo);
	if (PQstatus(loop->pg) != CONNECTION_OK)
		die(PQerrorMessage(loop->pg));
	PGresult *prepared = PQprepare(loop->pg, "q", given.sql, given.nparameters, NULL);
	if (PQresultStatus(prepared) != PGRES_COMMAND_OK)
		die(PQerrorMessage(loop->pg));
	PQclear(prepared);
	if (PQsetnonblocking(loop->pg, 1) != 0 || !PQenterPipelineMode(loop->pg))
		die("no pipeline mode");
	memcpy(loop->answer, given.answer, sizeof(loop->answer));
	loop->response = response_of(loop->answer);
	loop->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, loop,
		MHD_OPTION_LISTEN_SOCKET, listen_on(given.port), MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, loop, MHD_OPTION_CONNECTION_LIMIT, 4096U,
		MHD_OPTION_CONNECTION_TIMEOUT, 60U, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_END);
	if (!loop->daemon)
		die("libmicrohttpd did not start");
}

static void turn(struct loop *loop, int epoll, int http)
{
	struct epoll_event ready[8];
	MHD_UNSIGNED_LONG_LONG ms = 1000;

	MHD_get_timeout(loop->daemon, &ms);
	const int n = epoll_wait(epoll, ready, 8, ms < 1000 ? (int)ms : 1000);
	bool serve = n == 0;

	for (int i = 0; i < n; i++)
		serve |= ready[i].data.fd == http || answers(loop);
	if (serve || ms == 0)
		MHD_run(loop->daemon);
	if (loop->unsynced)
		sync_unit(loop);
	if (loop->flush)
		loop->flush = PQflush(loop->pg) == 1;
}

static void *run(void *arg)
{
	struct loop *loop = arg;
	int epoll = epoll_create1(0);
	int http = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	struct epoll_event e = {.events = EPOLLIN, .data.fd = http};

	epoll_ctl(epoll, EPOLL_CTL_ADD, http, &e);
	e.data.fd = PQsocket(loop->pg);
	epoll_ctl(epoll, EPOLL_CTL_ADD, e.data.fd, &e);
	for (;;)
		turn(loop, epoll, http);
	return NULL;
}

static void read_answer(const char *name)
{
	FILE *f = fopen(name, "re");

	if (!f)
		die("the answer's file cannot be read");
	given.answer[fread(given.answer, 1, sizeof(given.answer) - 1, f)] = '\0';
	fclose(f);
}

int main(int argc, char **argv)
{
	static struct loop loops[LOOPS];
	pthread_t thread;

	if (argc < 7 || argc > 7 + PARAMETERS)
		die("floor PORT LOOPS CONNINFO UNIT ANSWER-FILE SQL PARAMETER...");
	signal(SIGPIPE, SIG_IGN);
	given.port = number(argv[1]);
	const int n = number(argv[2]);
	if (n > LOOPS)
		die("more loops than there is room for");
	given.conninfo = argv[3];
	given.unit = number(argv[4]);
	read_answer(argv[5]);
	given.sql = argv[6];
	given.nparameters = argc - 7;
	for (int i = 0; i < given.nparameters; i++)
		given.parameters[i] = *argv[7 + i] ? argv[7 + i] : NULL;
	for (int i = 0; i < n; i++)
		open_loop(&loops[i]);
	for (int i = 1; i < n; i++)
		if (pthread_create(&thread, NULL, run, &loops[i]) != 0)
			die("no thread");
	run(&loops[0]);
}
