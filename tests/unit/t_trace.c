/* The ids of a request: which of the client's are taken, which are made. */
#include "tap.h"

#include "api/loop.h"
#include "api/request.h"
#include "api/trace.h"
#include "exchange.h"

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN   "00f067aa0ba902b7"
#define PARENT "00-" TRACE "-" SPAN "-01"

static struct arena *arena;
static struct loop loop = {.random = {1, 2}};

static void parents(void)
{
	static const struct {
		const char *value;
		bool good;
	} rows[] = {
		{PARENT, true},
		{"00-" TRACE "-" SPAN "-00", true},
		{"01-" TRACE "-" SPAN "-01", true},
		{"fe-" TRACE "-" SPAN "-01-and-more", true},
		{"01-" TRACE "-" SPAN "-01-", true},
		{"ff-" TRACE "-" SPAN "-01", false},
		{PARENT "-more", false},
		{PARENT "0", false},
		{"01-" TRACE "-" SPAN "-01x", false},
		{"00-00000000000000000000000000000000-" SPAN "-01", false},
		{"00-" TRACE "-0000000000000000-01", false},
		{"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", false},
		{"00-" TRACE "-" SPAN "-0g", false},
		{"00-" TRACE "-" SPAN "-0", false},
		{"00-" TRACE "-" SPAN, false},
		{"00_" TRACE "_" SPAN "_01", false},
		{" " PARENT, false},
		{"", false},
		{NULL, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char trace_id[33] = "unset";
		const char *value = rows[i].value ? rows[i].value : "nothing";

		is_int(trace_parent_read(rows[i].value, trace_id), rows[i].good, "%s is %s", value,
		       rows[i].good ? "taken" : "not taken");
		is_str(trace_id, rows[i].good ? TRACE : "unset", "… and gives its trace alone");
	}
}

static void ids(void)
{
	static const char hundred[] =
		"1234567890123456789012345678901234567890123456789012345678901234"
		"567890";
	static const char *const bad[] = {"",         " ",  "a b", "a/b", "a\n",
					  "\xc3\xa9", "a;", "%41", "\""};

	ok(trace_request_id_fits("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), "a UUID is taken");
	ok(trace_request_id_fits("A_b.9-"), "and every other character of the kind");
	ok(trace_request_id_fits(arena_dup(arena, hundred, 64)), "64 characters are taken");
	ok(!trace_request_id_fits(arena_dup(arena, hundred, 65)), "65 are not");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!trace_request_id_fits(bad[i]), "\"%s\" is not taken", bad[i]);
}

static void begin(struct MHD_Connection *conn, const char *target, const char *method,
		  const char *version, void *who)
{
	struct request *rq = who;

	(void)target, (void)method, (void)version;
	rq->conn = conn;
	trace_begin(rq, request_header(rq, "traceparent"));
}

static struct request begun(const char *head)
{
	struct request rq = {.arena = arena, .loop = &loop};
	struct exchange x = {.look = begin, .who = &rq};

	ok(exchange(head, strlen(head), &x), "a head is read");
	return rq;
}

static bool is_hex(const char *s, size_t len)
{
	return strlen(s) == len && strspn(s, "0123456789abcdef") == len;
}

static void whole_requests(void)
{
	struct request both = begun("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: mine\r\n"
				    "traceparent: " PARENT "\r\n\r\n");
	struct request none = begun("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	struct request odd = begun("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: a b\r\n\r\n");

	is_str(both.id, "mine", "the client's id is taken");
	is_str(both.trace_id, TRACE, "and its trace");
	ok(is_hex(both.span_id, 16) && strcmp(both.span_id, SPAN) != 0, "the span is our own");
	char parent[TRACE_PARENT];
	trace_parent(&both, parent);
	is_str(parent, arena_printf(arena, "00-" TRACE "-%s-00", both.span_id),
	       "what is answered names both");
	ok(is_hex(none.id, 32) && is_hex(none.trace_id, 32), "without an id there is one");
	is_str(none.id, none.trace_id, "… the trace's");
	is_str(odd.id, odd.trace_id, "an odd id is replaced");
	ok(strcmp(none.trace_id, odd.trace_id) != 0 && strcmp(none.span_id, odd.span_id) != 0,
	   "no two are alike");
}

int main(void)
{
	arena = arena_new(1 << 20);
	parents();
	ids();
	whole_requests();
	arena_free(arena);
	return tap_done();
}
