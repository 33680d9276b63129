/* Request targets: what is read from the raw bytes, and what is refused there. */
#include "tap.h"

#include <stdlib.h>

#include "api/target.h"

static struct arena *arena;

/* "a|b?x=1&y=" as segments and parameters, decoded. */
static const char *shown(const struct target *t)
{
	const char *s = "";

	for (int i = 0; i < t->nsegments; i++)
		s = arena_printf(arena, "%s%s%s", s, i ? "|" : "", t->segments[i].text);
	for (int i = 0; i < t->nquery; i++)
		s = arena_printf(arena, "%s%s%s=%s", s, i ? "&" : "?", t->query[i].name.text,
				 t->query[i].value.text);
	return s;
}

static void good(void)
{
	static const struct {
		const char *raw, *want;
	} rows[] = {
		{"/", ""},
		{"/a", "a"},
		{"/a/b/c", "a|b|c"},
		{"/a%20b/%C3%9F", "a b|ß"},
		{"/a+b", "a+b"},
		{"/%5E1/~1.0/%40x", "^1|~1.0|@x"},
		{"/%41%2e%42", "A.B"},
		{"/...", "..."},
		{"/.a/a.", ".a|a."},
		{"/%25", "%"},
		{"/%2525", "%25"},
		{"/%7f", "\x7f"},
		{"/a?", "a"},
		{"/a?b", "a?b="},
		{"/a?b=", "a?b="},
		{"/a?b=c&d=e", "a?b=c&d=e"},
		{"/a?b=c=d", "a?b=c=d"},
		{"/a?b+c=d+e", "a?b c=d e"},
		{"/a?b%3Dc=%26", "a?b=c=&"},
		{"/a?&&b=c&&", "a?b=c"},
		{"/a?b=/../%2F%5c", "a?b=/../"
				    "/\\"},
		{"/a?b?c", "a?b?c="},
		{"/?=v", "?=v"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target t;
		struct problem p = target_read(arena, rows[i].raw, &t);

		ok(p.code == PROBLEM_NONE, "%s is read", rows[i].raw);
		is_str(shown(&t), rows[i].want, "… as %s", rows[i].want);
		ok(t.raw == rows[i].raw && t.path_len == strcspn(t.raw, "?"), "… its path kept");
	}
}

static void bad(void)
{
	static const struct {
		const char *raw, *says;
	} rows[] = {
		{"", "must be a path"},
		{"*", "must be a path"},
		{"a", "must be a path"},
		{"http://x/a", "must be a path"},
		{"//", "empty segment"},
		{"/a/", "empty segment"},
		{"/a//b", "empty segment"},
		{"/.", "dot segment"},
		{"/..", "dot segment"},
		{"/a/../b", "dot segment"},
		{"/%2e", "dot segment"},
		{"/%2E.", "dot segment"},
		{"/a%00", "%00"},
		{"/%2f", "%2F"},
		{"/a%2Fb", "%2F"},
		{"/%5C", "%5C"},
		{"/a?b=%00", "%00"},
		{"/%", "two hex digits"},
		{"/%4", "two hex digits"},
		{"/%4g", "two hex digits"},
		{"/%%41", "two hex digits"},
		{"/a?%", "two hex digits"},
		{"/a?b=%4", "two hex digits"},
		{"/%ff", "UTF-8"},
		{"/%c0%af", "UTF-8"},
		{"/%ed%a0%80", "UTF-8"},
		{"/%c3", "UTF-8"},
		{"/a?%ff=1", "UTF-8"},
		{"/a?b=%ff", "UTF-8"},
		{"/a b", "percent-encoded"},
		{"/a\\b", "percent-encoded"},
		{"/a#b", "percent-encoded"},
		{"/\xc3\x9f", "percent-encoded"},
		{"/a\x7f", "percent-encoded"},
		{"/a\x01", "percent-encoded"},
		{"/a?b=\t", "percent-encoded"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target t;
		struct problem p = target_read(arena, rows[i].raw, &t);

		if (!ok(p.code == PROBLEM_INVALID && strstr(p.detail, rows[i].says),
			"\"%s\" is refused with: %s", rows[i].raw, rows[i].says))
			printf("# it said: %s\n", p.detail ? p.detail : "nothing");
	}
}

static char *repeated(const char *start, const char *piece, size_t n)
{
	size_t at = strlen(start), len = strlen(piece);
	char *s = arena_bytes(arena, at + n * len + 1);

	memcpy(s, start, at);
	for (size_t i = 0; i < n; i++)
		memcpy(s + at + i * len, piece, len);
	s[at + n * len] = '\0';
	return s;
}

static void limits(void)
{
	struct target t;
	struct problem p;

	p = target_read(arena, repeated("/", "a", TARGET_MAX - 1), &t);
	is_int(p.code, PROBLEM_NONE, "a target of the greatest length is read");
	is_int(t.segments[0].len, TARGET_MAX - 1, "… whole");
	p = target_read(arena, repeated("/", "a", TARGET_MAX), &t);
	is_int(p.code, PROBLEM_URI_TOO_LONG, "a longer one is too long");
	p = target_read(arena, repeated("", "/a", TARGET_SEGMENTS), &t);
	is_int(p.code, PROBLEM_NONE, "as many segments as there may be");
	is_int(t.nsegments, TARGET_SEGMENTS, "… are all there");
	p = target_read(arena, repeated("", "/a", TARGET_SEGMENTS + 1), &t);
	is_int(p.code, PROBLEM_INVALID, "one more is refused");
	p = target_read(arena, repeated("/a?b=1", "&b=1", TARGET_QUERY - 1), &t);
	is_int(p.code, PROBLEM_NONE, "as many parameters as there may be");
	is_int(t.nquery, TARGET_QUERY, "… are all there");
	p = target_read(arena, repeated("/a?b=1", "&b=1", TARGET_QUERY), &t);
	is_int(p.code, PROBLEM_INVALID, "one more is refused");
}

static void looked_up(void)
{
	struct target t;
	struct problem p = target_read(arena, "/a?b=1&c=2&b=3&d", &t);

	is_int(p.code, PROBLEM_NONE, "a query is read");
	is_str(target_query(&t, "b"), "1", "the first of several is found");
	is_str(target_query(&t, "c"), "2", "one of its own is found");
	is_str(target_query(&t, "d"), "", "one without a value is empty");
	ok(!target_query(&t, "e") && !target_query(&t, ""), "one that is not there is not found");
}

int main(void)
{
	arena = arena_new(16 << 20);
	good();
	bad();
	limits();
	looked_up();
	arena_free(arena);
	return tap_done();
}
