/* Heads of requests, as libmicrohttpd reads them: what is let in has a frame that everybody
 * reads alike. The oracle is a plain reading of the bytes by RFC 9112, a line at a time. */
#include <microhttpd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/admit.h"
#include "api/loop.h"
#include "base/utf8.h"
#include "tests/unit/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct service service = {.options = {.max_body = 1000, .max_upload = 5000}};
static struct loop loop = {.service = &service};

static void must(bool good)
{
	if (!good)
		abort();
}

struct outcome {
	struct arena *arena;
	bool admitted, framed;
	struct head said;
};

static void check_problem(const struct problem *p)
{
	must(p->detail && utf8_valid(p->detail, strlen(p->detail)));
}

static void look(struct MHD_Connection *conn, const char *target, const char *method,
		 const char *version, void *who)
{
	struct outcome *o = who;
	struct request rq = {
		.arena = o->arena, .loop = &loop, .conn = conn, .method = method_read(method)};
	struct problem p = admit_head(&rq, method, version, &o->said);

	o->admitted = p.code == PROBLEM_NONE;
	if (!o->admitted) {
		check_problem(&p);
		return;
	}
	o->framed = strcmp(version, "HTTP/1.1") == 0;
	if (target_read(o->arena, target, &rq.target).code != PROBLEM_NONE)
		return;
	const struct match_result m = route_match(o->arena, rq.method, &rq.target);
	rq.route = m.route;
	if (m.match != MATCH_FULL)
		return;
	p = admit_route(&rq, &o->said);
	if (p.code != PROBLEM_NONE)
		check_problem(&p);
	else
		must(rq.route->body != BODY_NONE ||
		     (!o->said.chunked && o->said.content_length <= 0));
}

/* How often a field stands in the head, and the value it had last. */
static int count(const char *head, size_t len, const char *name, const char **value)
{
	const size_t n = strlen(name);
	int found = 0;

	for (const char *at = head; (at = memchr(at, '\n', (size_t)(head + len - at))) != NULL;) {
		at++;
		if ((size_t)(head + len - at) > n && strncasecmp(at, name, n) == 0 &&
		    at[n] == ':') {
			*value = at + n + 1 + strspn(at + n + 1, " \t");
			found++;
		}
	}
	return found;
}

static size_t line(const char *s)
{
	size_t n = strcspn(s, "\r\n");

	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	return n;
}

/* Of a head without the shapes that libmicrohttpd itself mends: folded lines, bare CRs, NULs. */
static void check_frame(const char *head, size_t len, const struct outcome *o)
{
	const char *length = NULL, *coding = NULL, *host = NULL;
	const int lengths = count(head, len, "Content-Length", &length);
	const int codings = count(head, len, "Transfer-Encoding", &coding);

	must(lengths <= 1 && codings <= 1 && lengths + codings <= 1);
	must(!o->framed || count(head, len, "Host", &host) == 1);
	must(!host || strcspn(host, " \t/\\@?#\"<>^`{|}\r\n") >= line(host));
	must(o->said.chunked == (codings == 1));
	must((o->said.content_length >= 0) == (lengths == 1));
	if (codings)
		must(line(coding) == 7 && strncasecmp(coding, "chunked", 7) == 0);
	if (lengths) {
		must(strspn(length, "0123456789") == line(length));
		must(strtoll(length, NULL, 10) == o->said.content_length);
	}
}

/* The head alone, ended by an empty line; false when it holds what the oracle does not read. */
static bool plain_head(const char *s, size_t size, size_t *len)
{
	const char *end = memmem(s, size, "\r\n\r\n", 4);

	*len = end ? (size_t)(end - s) + 2 : 0;
	if (!end || memchr(s, '\0', *len) || memmem(s, *len, "\n ", 2) ||
	    memmem(s, *len, "\n\t", 2))
		return false;
	for (size_t i = 0; i < *len; i++) {
		if ((s[i] == '\r') != (s[i + 1] == '\n'))
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome o = {.arena = arena_new(16 << 20)};
	struct exchange x = {.look = look, .who = &o};
	size_t len;

	routes_prepare();
	if (size > 8192)
		size = 8192;
	char *head = arena_dup(o.arena, (const char *)data, size);
	exchange(head, size, &x);
	for (; size > 2 && memcmp(head, "\r\n", 2) == 0; size -= 2)
		head += 2; /* empty lines before a request count for nothing */
	if (o.admitted && plain_head(head, size, &len))
		check_frame(head, len, &o);
	arena_free(o.arena);
	return 0;
}
