/* Heads of requests: which are let in, which are refused, and what is kept of them. */
#include "tap.h"

#include <microhttpd.h>

#include "api/admit.h"
#include "api/loop.h"
#include "api/request.h"
#include "base/utf8.h"
#include "exchange.h"

static struct arena *arena;
static struct service service;
static struct loop loop;

/* What became of one head. */
struct outcome {
	struct problem head, route;
	bool matched;
	struct head said;
};

static void look(struct MHD_Connection *conn, const char *target, const char *method,
		 const char *version, void *who)
{
	struct outcome *o = who;
	struct request rq = {
		.arena = arena, .loop = &loop, .conn = conn, .method = method_read(method)};

	o->head = admit_head(&rq, method, version, &o->said);
	if (o->head.code != PROBLEM_NONE ||
	    target_read(arena, target, &rq.target).code != PROBLEM_NONE)
		return;
	struct match_result m = route_match(arena, rq.method, &rq.target);
	rq.route = m.route;
	o->matched = m.match == MATCH_FULL;
	if (o->matched)
		o->route = admit_route(&rq, &o->said);
}

static bool send_head(const char *lines, size_t len, struct outcome *o)
{
	struct exchange x = {.look = look, .who = o};

	*o = (struct outcome){.said.content_length = -2};
	return exchange(lines, len, &x);
}

#define GET     "GET /health HTTP/1.1\r\n"
#define HOST    "Host: h\r\n"
#define MODEL   " /api/v1/projects/p/models/m HTTP/1.1\r\n" HOST
#define FILE    " /api/v1/projects/p/models/m/versions/1.0.0/artifacts/a HTTP/1.1\r\n" HOST
#define JSON    "Content-Type: application/json\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define END     "\r\n"

static const struct {
	const char *head;
	enum problem_code code;
} head_rows[] = {
	{GET HOST END, PROBLEM_NONE},
	{GET "HOST:h" END END, PROBLEM_NONE},
	{"GET /health HTTP/1.0\r\n" END, PROBLEM_NONE},
	{GET HOST "X-A: \xe9\t1\r\n" END, PROBLEM_NONE},
	{GET HOST "X-A: \x01\r\n" END, PROBLEM_BAD_FRAME},
	{GET HOST "X-A: a\rb\r\n" END, PROBLEM_BAD_FRAME},
	{GET HOST "X-A: \x7f\r\n" END, PROBLEM_BAD_FRAME},
	{GET HOST "X-A:\t1 \t\r\nX-B:\r\nX-C: \r\n" END, PROBLEM_NONE},
	{GET HOST "X-A: 1\r\n 2\r\n" END, PROBLEM_BAD_FRAME},
	{GET "X-A: 1\r\n \r\n" HOST END, PROBLEM_BAD_FRAME},
	{GET HOST "Content-Length:\r\n\t300\r\n" END, PROBLEM_BAD_FRAME},
	{GET HOST "X-A: 1\nX-B: 2\r\n" END, PROBLEM_BAD_FRAME},
	{"GET /health HTTP/1.1\nHost: h\r\n\r\n", PROBLEM_NONE},
	{"GET /health HTTP/1.1\nHost: h\n\n", PROBLEM_BAD_FRAME},
	{GET "Host: h\r\n\n", PROBLEM_BAD_FRAME},
	{GET "Host: h\n\r\n", PROBLEM_BAD_FRAME},
	{GET "Host: h\n:\n", PROBLEM_BAD_FRAME},
	{GET "Host: registry.example:8080" END END, PROBLEM_NONE},
	{GET "Host: [::1]:80 " END END, PROBLEM_NONE},
	{GET "Host:" END END, PROBLEM_NONE},
	{GET "Host: a b" END END, PROBLEM_BAD_FRAME},
	{GET "Host: a/b" END END, PROBLEM_BAD_FRAME},
	{GET "Host: a@b" END END, PROBLEM_BAD_FRAME},
	{GET "Host: a:8x" END END, PROBLEM_BAD_FRAME},
	{GET "Host: [::1" END END, PROBLEM_BAD_FRAME},
	{GET "Host: ::1" END END, PROBLEM_BAD_FRAME},
	{GET "Host: one.example, two" END END, PROBLEM_BAD_FRAME},
	{GET "Host: \xc3\xbc" END END, PROBLEM_BAD_FRAME},
	{GET HOST "X A: 1\r\n" END, PROBLEM_BAD_FRAME},
	{GET HOST "X-A : 1\r\n" END, PROBLEM_BAD_FRAME},
	{GET HOST "X-\xe9: 1\r\n" END, PROBLEM_BAD_FRAME},
	{GET HOST "X(A): 1\r\n" END, PROBLEM_BAD_FRAME},
	{GET HOST ": 1\r\n" END, PROBLEM_BAD_FRAME},
	{GET HOST ":\r\nContent-Length: 1\r\n" END, PROBLEM_BAD_FRAME},
	{"GET /health HTTP/1.0\r\n:\r\n" END, PROBLEM_BAD_FRAME},
	{GET HOST "X-A:\r\n" END, PROBLEM_NONE},
	{GET HOST "X-A: \t \r\n" END, PROBLEM_NONE},
	{GET HOST "X-A: 1 \t \t \r\n" END, PROBLEM_NONE},
	{GET HOST "Content-Length : 3\r\n" END, PROBLEM_BAD_FRAME},
	{GET HOST HOST END, PROBLEM_BAD_FRAME},
	{GET HOST "Authorization: Bearer a\r\nauthorization: Bearer b\r\n" END, PROBLEM_BAD_FRAME},
	{"G\x01T /health HTTP/1.1\r\n" HOST END, PROBLEM_BAD_FRAME},
	{"GE(T /health HTTP/1.1\r\n" HOST END, PROBLEM_BAD_FRAME},
	{"BREW /health HTTP/1.1\r\n" HOST END, PROBLEM_NONE},
	{"GET /health HTTP/1.2\r\n" HOST END, PROBLEM_BAD_FRAME},
	{GET HOST "Content-Length: 0\r\n" CHUNKED END, PROBLEM_BAD_FRAME},
	{GET HOST "Content-Length: 0\r\nContent-Length: 0\r\n" END, PROBLEM_BAD_FRAME},
	{GET HOST CHUNKED CHUNKED END, PROBLEM_BAD_FRAME},
	{GET HOST "Transfer-Encoding: Chunked\r\n" END, PROBLEM_NONE},
	{GET HOST "Transfer-Encoding: xchunked\r\n" END, PROBLEM_NOT_IMPLEMENTED},
	{GET HOST "Transfer-Encoding: gzip, chunked\r\n" END, PROBLEM_NOT_IMPLEMENTED},
	{"GET /health HTTP/1.0\r\n" CHUNKED END, PROBLEM_BAD_FRAME},
	{GET HOST "Expect: 100-Continue\r\n" END, PROBLEM_NONE},
	{GET HOST "Expect: 200-ok\r\n" END, PROBLEM_EXPECTATION},
	{GET HOST "Expect: \xf4\r\n" END, PROBLEM_EXPECTATION},
};

static void heads(void)
{
	for (size_t i = 0; i < sizeof(head_rows) / sizeof(head_rows[0]); i++) {
		struct outcome o;

		ok(send_head(head_rows[i].head, strlen(head_rows[i].head), &o), "head %zu is read",
		   i);
		if (!ok(o.head.code == head_rows[i].code, "… and is %s",
			problem_kinds[head_rows[i].code].type))
			printf("# %s: %s\n", problem_kinds[o.head.code].type,
			       o.head.detail ? o.head.detail : "");
		ok(!o.head.detail || utf8_valid(o.head.detail, strlen(o.head.detail)),
		   "… in valid text");
	}
}

static void kept(void)
{
	struct outcome o;
	static const char sized[] = "PUT" FILE "Content-Length: 1234567890123\r\n" END;
	static const char chunked[] = "PUT" FILE CHUNKED END;
	static const char parent[] = GET HOST "traceparent: one\r\n" END;
	static const char parents[] = GET HOST "traceparent: one\r\nTraceparent: two\r\n" END;

	ok(send_head(sized, strlen(sized), &o), "a length is read");
	is_int(o.said.content_length, 1234567890123, "… in whole");
	ok(!o.said.chunked, "… and no chunks");
	ok(send_head(chunked, strlen(chunked), &o), "chunks are read");
	ok(o.said.chunked && o.said.content_length == -1, "… and no length");
	ok(send_head(parent, strlen(parent), &o), "a traceparent is read");
	ok(o.said.parents == 1 && o.said.traceparent, "… and kept");
	ok(send_head(parents, strlen(parents), &o), "two traceparents are read");
	ok(o.said.parents == 2 && !o.said.traceparent, "… and count as none");
}

/* A head, and what is said of it once its route is known. */
struct routed {
	const char *head;
	enum problem_code code;
};

static void check_routed(const struct routed *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct outcome o;
		int line = (int)strcspn(rows[i].head, "\r");

		ok(send_head(rows[i].head, strlen(rows[i].head), &o) && o.matched,
		   "%.*s (%zu) is matched", line, rows[i].head, i);
		if (!ok(o.route.code == rows[i].code, "… and is %s",
			problem_kinds[rows[i].code].type))
			printf("# %s: %s\n", problem_kinds[o.route.code].type,
			       o.route.detail ? o.route.detail : "");
	}
}

static void routes_and_bodies(void)
{
	static const struct routed rows[] = {
		{GET HOST END, PROBLEM_NONE},
		{"GET /health?x=1 HTTP/1.1\r\n" HOST END, PROBLEM_INVALID},
		{GET HOST "Content-Length: 0\r\n" END, PROBLEM_NONE},
		{GET HOST "Content-Length: 1\r\n" END, PROBLEM_INVALID},
		{GET HOST CHUNKED END, PROBLEM_INVALID},
		{"GET /api/v1/projects?page_size=1&page_token=x HTTP/1.1\r\n" HOST END,
		 PROBLEM_NONE},
		{"GET /api/v1/projects?page_size=1&page_size=2 HTTP/1.1\r\n" HOST END,
		 PROBLEM_INVALID},
		{"GET /api/v1/projects?page_siz=1 HTTP/1.1\r\n" HOST END, PROBLEM_INVALID},
		{"GET /api/v1/projects?page_sizes=1 HTTP/1.1\r\n" HOST END, PROBLEM_INVALID},
		{"GET /api/v1/projects/p/models?tag=a&tag=b HTTP/1.1\r\n" HOST END, PROBLEM_NONE},
		{"GET /api/v1/projects/p/models?tag*=a HTTP/1.1\r\n" HOST END, PROBLEM_INVALID},
		{"PUT" MODEL JSON "Content-Length: 100\r\n" END, PROBLEM_NONE},
		{"PUT" MODEL JSON "Content-Length: 101\r\n" END, PROBLEM_TOO_LARGE},
		{"PUT" MODEL JSON CHUNKED END, PROBLEM_NONE},
		{"PUT" MODEL "Content-Length: 2\r\n" END, PROBLEM_UNSUPPORTED_TYPE},
		{"PUT" MODEL "Content-Type: text/json\r\n" CHUNKED END, PROBLEM_UNSUPPORTED_TYPE},
		{"PUT" MODEL "Content-Type: application/jsonx\r\n" CHUNKED END,
		 PROBLEM_UNSUPPORTED_TYPE},
		{"PUT" MODEL "Content-Type: application/merge-patch+json\r\n" CHUNKED END,
		 PROBLEM_UNSUPPORTED_TYPE},
		{"PATCH" MODEL "Content-Type: application/merge-patch+json\r\n" CHUNKED END,
		 PROBLEM_NONE},
		{"PUT" MODEL "Content-Type: Application/JSON; charset=utf-8\r\n" CHUNKED END,
		 PROBLEM_NONE},
		{"PUT" MODEL END, PROBLEM_NONE},
		{"PUT" MODEL JSON CHUNKED "Content-Encoding: gzip\r\n" END,
		 PROBLEM_UNSUPPORTED_TYPE},
		{"PUT" FILE "Content-Length: 1000\r\n" END, PROBLEM_NONE},
		{"PUT" FILE "Content-Length: 0\r\n" END, PROBLEM_NONE},
		{"PUT" FILE "Content-Length: 1001\r\n" END, PROBLEM_TOO_LARGE},
		{"PUT" FILE CHUNKED END, PROBLEM_NONE},
		{"PUT" FILE END, PROBLEM_LENGTH_REQUIRED},
		{"PUT" FILE "Content-Encoding: br\r\n" CHUNKED END, PROBLEM_UNSUPPORTED_TYPE},
		{"DELETE" MODEL "Content-Length: 1\r\n" END, PROBLEM_INVALID},
	};

	check_routed(rows, sizeof(rows) / sizeof(rows[0]));
}

static void media_types(void)
{
	static const struct routed rows[] = {
		{GET HOST "Accept: text/html\r\n" END, PROBLEM_NONE},
		{"GET" MODEL "Accept: text/html\r\n" END, PROBLEM_NOT_ACCEPTABLE},
		{"GET" MODEL "Accept: text/html\r\naccept: */*;q=0.1\r\n" END, PROBLEM_NONE},
		{"HEAD" MODEL "Accept: application/json;q=0\r\n" END, PROBLEM_NOT_ACCEPTABLE},
		{"DELETE" MODEL "Accept: text/html\r\n" END, PROBLEM_NONE},
		{"GET" FILE "Accept: text/html\r\n" END, PROBLEM_NONE},
		{"PUT" FILE "Accept: text/html\r\n" CHUNKED END, PROBLEM_NOT_ACCEPTABLE},
	};

	check_routed(rows, sizeof(rows) / sizeof(rows[0]));
}

static void hosts(void)
{
	static const struct {
		const char *host;
		bool known;
	} rows[] = {
		{"one.example", true},
		{"ONE.example:80", true},
		{"two", true},
		{"two:8080", true},
		{"[::1]", true},
		{"[::1]:8080", true},
		{"one", false},
		{"one.example.x", false},
		{"x.one.example", false},
		{"one.example,", false},
		{"", false},
		{":80", false},
		{"[::2]", false},
		{"one.example,two", false},
	};

	service.options.hosts = "one.example, two,[::1]";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *head = arena_printf(arena, GET "Host: %s\r\n" END, rows[i].host);
		struct outcome o;

		ok(send_head(head, strlen(head), &o), "Host: %s is read", rows[i].host);
		is_int(o.head.code, rows[i].known ? PROBLEM_NONE : PROBLEM_MISDIRECTED,
		       "… and is %s", rows[i].known ? "ours" : "not ours");
	}
	service.options.hosts = NULL;
}

int main(void)
{
	arena = arena_new(16 << 20);
	loop.service = &service;
	service.options.max_body = 100;
	service.options.max_upload = 1000;
	routes_prepare();
	heads();
	kept();
	routes_and_bodies();
	media_types();
	hosts();
	arena_free(arena);
	return tap_done();
}
