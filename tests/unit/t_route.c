/* The route table is sound, and a target finds the row it means. */
#include "tap.h"

#include "api/route.h"

static struct arena *arena;

static struct match_result matched(enum method method, const char *path)
{
	struct target t;
	struct problem p = target_read(arena, path, &t);

	if (p.code != PROBLEM_NONE)
		return (struct match_result){.match = MATCH_NONE};
	return route_match(arena, method, &t);
}

/* The pattern with a word in place of each {name}; a rest of three segments. */
static const char *sample(const char *pattern)
{
	const char *s = "";

	for (const char *p = pattern; *p;) {
		size_t len = strcspn(p, "{"), name = strcspn(p + len, "}");

		s = arena_printf(arena, "%s%.*s", s, (int)len, p);
		p += len;
		if (!*p)
			break;
		s = arena_printf(arena, "%s%s", s,
				 memcmp(p + name - 3, "...", 3) == 0 ? "one/two/three" : "word");
		p += name + 1;
	}
	return s;
}

static int count(const char *s, char c)
{
	int n = 0;

	for (; *s; s++)
		n += *s == c;
	return n;
}

static int queries(const struct route *r)
{
	int n = 0;

	while (n < ROUTE_QUERY && r->query[n])
		n++;
	return n;
}

/* What the code that reads the table takes for granted. */
static void each_row_is_sound(const struct route *r)
{
	const char *name = arena_printf(arena, "%s %s", method_names[r->method], r->pattern);
	const char *rest = strstr(r->pattern, "...}");
	bool streams = r->body == BODY_STREAM;

	ok(r->handle, "%s has a handler", name);
	ok(r->method < METHOD_COUNT, "%s is a method of its own", name);
	ok(count(r->pattern, '/') <= ROUTE_SEGMENTS, "%s has few enough segments", name);
	ok(count(r->pattern, '{') <= ROUTE_PARAMS, "%s has few enough names", name);
	ok(!rest || rest[4] == '\0', "%s takes a rest at its end alone", name);
	ok(queries(r) < ROUTE_QUERY, "%s ends its parameters", name);
	ok(r->method == METHOD_GET || queries(r) == 0, "%s has parameters only as GET", name);
	ok(streams == (r->piece != NULL) && (streams || !r->begin), "%s streams whole", name);
	ok((r->method == METHOD_GET || r->method == METHOD_DELETE) == (r->body == BODY_NONE),
	   "%s has a body as its method wants", name);
	ok(r->method == METHOD_GET || r->access > ACCESS_TOKEN, "%s changes with a role", name);
}

static void each_row_is_found(const struct route *r)
{
	const char *path = sample(r->pattern);
	struct match_result m = matched(r->method, path);

	ok(m.match == MATCH_FULL && m.route == r, "%s %s is found", method_names[r->method], path);
	if (r->method == METHOD_GET) {
		m = matched(METHOD_HEAD, path);
		ok(m.match == MATCH_FULL && m.route == r, "HEAD %s finds it too", path);
	}
	m = matched(METHOD_OTHER, path);
	ok(m.match == MATCH_PATH && (m.allowed & 1U << r->method), "… and another method does not");
	m = matched(METHOD_OPTIONS, path);
	ok(m.match == MATCH_PATH && (m.allowed & 1U << r->method), "… nor OPTIONS");
}

static void names_are_found(void)
{
	struct match_result m = matched(
		METHOD_PUT, "/api/v1/projects/p/models/m%20m/versions/1.0.0/artifacts/a/b%20c/d");
	const char *const want[][2] = {
		{"project", "p"}, {"model", "m m"}, {"version", "1.0.0"}, {"path", "a/b c/d"}};

	ok(m.match == MATCH_FULL, "an artifact's path is found");
	for (int i = 0; i < 4; i++) {
		int at = route_param(m.route, want[i][0]);

		is_int(at, i, "{%s} is at its place", want[i][0]);
		is_str(m.params[i].text, want[i][1], "… and is what was asked");
		is_int(m.params[i].len, strlen(want[i][1]), "… as long");
	}
	is_int(route_param(m.route, "alias"), -1, "a name that the row has not");
	is_int(route_param(m.route, "pat"), -1, "a part of a name");
	is_int(route_param(m.route, "path..."), -1, "a name with its dots");
}

static void others(void)
{
	static const char *const none[] = {
		"/",
		"/api",
		"/api/v1",
		"/API/v1/keys",
		"/api/v1/key",
		"/api/v1/keyss",
		"/api/v1/keys/x",
		"/api/v1/projects/p/models/m/versions/v/artifacts/a/../b",
		"/api/v1/projects/p/model/m",
		"/api/v1/projects/p/models/m/versions/v/publish/x",
		"/api/v1/projects/p/models/m/aliases/a/b",
	};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		is_int(matched(METHOD_GET, none[i]).match, MATCH_NONE, "%s is not there", none[i]);
}

static void methods(void)
{
	static const struct {
		const char *name;
		enum method method;
	} rows[] = {
		{"GET", METHOD_GET},         {"POST", METHOD_POST},     {"PUT", METHOD_PUT},
		{"PATCH", METHOD_PATCH},     {"DELETE", METHOD_DELETE}, {"HEAD", METHOD_HEAD},
		{"OPTIONS", METHOD_OPTIONS}, {"TRACE", METHOD_OTHER},   {"get", METHOD_OTHER},
		{"GETS", METHOD_OTHER},      {"", METHOD_OTHER},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_int(method_read(rows[i].name), rows[i].method, "the method \"%s\"",
		       rows[i].name);
}

int main(void)
{
	arena = arena_new(16 << 20);
	routes_prepare();
	routes_prepare(); /* a second time is none */
	for (int i = 0; i < route_count; i++) {
		each_row_is_sound(&routes[i]);
		each_row_is_found(&routes[i]);
	}
	names_are_found();
	others();
	methods();
	arena_free(arena);
	return tap_done();
}
