#include "api/probes.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/exposition.h"
#include "api/guard.h"
#include "api/listen.h"
#include "api/service.h"

enum { ARENA = 16 * 1024 * 1024, CONNECTIONS = 64, TIMEOUT_SECONDS = 10 };

struct probes {
	struct service *service;
	struct MHD_Daemon *daemon;
};

struct answer {
	unsigned status;
	const char *type, *text;
};

static struct answer live(struct service *s, struct arena *a)
{
	(void)s, (void)a;
	return (struct answer){200, "application/json", "{\"status\":\"ok\"}"};
}

static struct answer ready(struct service *s, struct arena *a)
{
	const char *why = service_unready(s);

	if (!why)
		return (struct answer){200, "application/json", "{\"status\":\"ready\"}"};
	return (struct answer){
		503, "application/json",
		arena_printf(a, "{\"status\":\"not ready\",\"reason\":\"%s\"}", why)};
}

static struct answer metrics(struct service *s, struct arena *a)
{
	return (struct answer){200, EXPOSITION_TYPE, exposition(s, a)};
}

static const struct {
	const char *path;
	struct answer (*answer)(struct service *s, struct arena *a);
} paths[] = {
	{"/livez", live},  {"/health", live},     {"/readyz", ready},
	{"/ready", ready}, {"/metrics", metrics},
};

static struct answer answer_to(struct service *s, struct arena *a, const char *method,
			       const char *path)
{
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return (struct answer){405, "text/plain", "only GET and HEAD are answered here\n"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(path, paths[i].path) == 0)
			return paths[i].answer(s, a);
	return (struct answer){404, "text/plain", "here are /livez, /readyz and /metrics\n"};
}

/* One question on its way through its arena. */
struct asking {
	struct service *service;
	struct arena *arena;
	const char *method, *path;
	struct answer answer;
};

static void ask(void *what)
{
	struct asking *q = what;

	q->answer = answer_to(q->service, q->arena, q->method, q->path);
}

static enum MHD_Result send_answer(struct MHD_Connection *conn, const struct answer *answer)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		strlen(answer->text), (void *)answer->text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result done = MHD_NO;

	if (!r)
		return MHD_NO;
	if (MHD_add_response_header(r, "Content-Type", answer->type) &&
	    MHD_add_response_header(r, "Cache-Control", "no-store"))
		done = MHD_queue_response(conn, answer->status, r);
	MHD_destroy_response(r);
	return done;
}

/* Without memory the connection is closed without a word. */
static enum MHD_Result reply(struct probes *p, struct MHD_Connection *conn, const char *method,
			     const char *path)
{
	struct asking q = {p->service, arena_new(ARENA), method, path, {0}};
	enum MHD_Result done = MHD_NO;

	if (q.arena && guard_began(q.arena, ask, &q))
		done = send_answer(conn, &q.answer);
	arena_free(q.arena);
	return done;
}

/* A reply to the first call closes the connection, which is right for who sends a body. */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *conn, const char *url,
				 const char *method, const char *version, const char *data,
				 size_t *size, void **slot)
{
	static int seen;
	bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

	(void)version, (void)data;
	if (*size > 0)
		return MHD_NO;
	if (reads && !*slot) {
		*slot = &seen;
		return MHD_YES;
	}
	return reply(cls, conn, method, url);
}

struct problem probes_open(struct arena *a, struct service *s, const char *address,
			   struct probes **out)
{
	struct probes *p = *out = calloc(1, sizeof(*p));
	int fd;

	if (!p)
		return problem(a, PROBLEM_INTERNAL, "out of memory");
	p->service = s;
	TRY(listen_open(a, address, false, &fd));
	p->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_access, p,
				     MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				     (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
				     (unsigned)TIMEOUT_SECONDS, MHD_OPTION_STRICT_FOR_CLIENT, 1,
				     MHD_OPTION_END);
	if (p->daemon)
		return NO_PROBLEM;
	close(fd);
	return problem(a, PROBLEM_INTERNAL, "libmicrohttpd did not start for probes");
}

void probes_close(struct probes *p)
{
	if (!p)
		return;
	if (p->daemon)
		MHD_stop_daemon(p->daemon);
	free(p);
}
