#include "base/http.h"

#include "base/http_answer.h"
#include "tests/unit/tap.h"

static const struct {
	const char *what;
	long status;
	const char *text;
	enum problem_code code;
	const char *detail;
} answers[] = {
	{"a created resource", 201, "{}", PROBLEM_NONE, NULL},
	{"an empty success", 204, "", PROBLEM_NONE, NULL},
	{"a type of ours", 409,
	 "{\"type\":\"/problems/immutable\",\"title\":\"A published version does not change\","
	 "\"status\":409,\"detail\":\"1.0.0 is published\"}",
	 PROBLEM_IMMUTABLE, "1.0.0 is published"},
	{"an absolute type", 412, "{\"type\":\"https://r.example/problems/precondition-failed\"}",
	 PROBLEM_PRECONDITION_FAILED, "The resource has changed meanwhile"},
	{"an unknown type", 404, "{\"type\":\"about:blank\",\"title\":\"Not here\"}",
	 PROBLEM_NOT_FOUND, "Not here"},
	{"a page of a proxy", 502, "<html>Bad Gateway</html>", PROBLEM_UNAVAILABLE,
	 "GET /x was answered with status 502"},
	{"too many requests", 429, "slow down", PROBLEM_BUSY,
	 "GET /x was answered with status 429"},
	{"a list where an object should be", 400, "[1]", PROBLEM_INVALID,
	 "GET /x was answered with status 400"},
	{"a detail that is no text", 400, "{\"detail\":7}", PROBLEM_INVALID,
	 "The request is not valid"},
};

static void test_answers(struct arena *a)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct http_call call = {
			.method = "GET",
			.target = "/x",
			.status = answers[i].status,
			.text = answers[i].text,
			.len = strlen(answers[i].text),
		};
		struct problem p = http_accept(a, &call);

		is_int(p.code, answers[i].code, "%s has its code", answers[i].what);
		if (answers[i].detail)
			is_str(p.detail, answers[i].detail, "%s has its detail", answers[i].what);
	}
}

static void test_errors(struct arena *a)
{
	static const char text[] =
		"{\"type\":\"/problems/invalid-request\",\"detail\":\"two\",\"errors\":["
		"{\"pointer\":\"/metrics/0/value\",\"detail\":\"is no number\"},"
		"{\"parameter\":\"sort\",\"detail\":\"is unknown\"},{\"pointer\":\"/x\"},7]}";
	struct http_call call = {.status = 400, .text = text, .len = strlen(text)};
	struct problem p = http_accept(a, &call);

	ok(p.errors && p.errors->next && !p.errors->next->next, "errors with a detail are kept");
	is_str(p.errors->pointer, "/metrics/0/value", "in their order, with the pointer");
	is_str(p.errors->next->parameter, "sort", "or the parameter");
}

static void test_nobody_there(struct arena *a)
{
	atomic_int stop = 0;
	const struct http_options options = {.origin = "http://127.0.0.1:1", .stop = &stop};
	struct http *h = http_new(&options);
	struct http_call call = {.method = "GET", .target = "/livez", .attempts = 2};
	struct problem p = http_do(h, a, &call);

	is_int(p.code, PROBLEM_UNAVAILABLE, "a server that is not there is unavailable");
	ok(strstr(p.detail, "http://127.0.0.1:1") != NULL, "and named");
	stop = 1;
	p = http_do(h, a, &call);
	is_str(p.detail, "interrupted", "a stopped client says so");
	http_free(h);
}

int main(void)
{
	struct arena *a = arena_new(1 << 20);

	test_answers(a);
	test_errors(a);
	test_nobody_there(a);
	arena_free(a);
	return tap_done();
}
