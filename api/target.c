#include "api/target.h"

#include <string.h>

#include "base/utf8.h"

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Nearly every word does; what is raw has been found to be ASCII before. */
static bool stands_as_it_is(const char *s, size_t len, bool query)
{
	return !memchr(s, '%', len) && !(query && memchr(s, '+', len));
}

/* A query may hold any character but NUL, and '+' stands for a space there; a
 * path segment holds no slash and no backslash either. */
static struct problem decode(struct arena *a, const char *s, size_t len, bool query,
			     struct word *out)
{
	if (stands_as_it_is(s, len, query)) {
		*out = (struct word){arena_dup(a, s, len), len};
		return NO_PROBLEM;
	}
	char *text = arena_bytes(a, len + 1), *p = text;
	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)s[i];

		if (c == '%') {
			int hi = len - i > 2 ? nibble(s[i + 1]) : -1;
			int lo = len - i > 2 ? nibble(s[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return problem(
					a, PROBLEM_INVALID,
					"the request target has a '%%' without two hex digits");
			c = hi << 4 | lo;
			i += 2;
			if (c == 0 || (!query && (c == '/' || c == '\\')))
				return problem(
					a, PROBLEM_INVALID,
					"the request target holds %%%02X, which no name here has",
					(unsigned)c);
		} else if (query && c == '+') {
			c = ' ';
		}
		*p++ = (char)c;
	}
	*p = '\0';
	*out = (struct word){text, (size_t)(p - text)};
	if (!utf8_valid(out->text, out->len))
		return problem(a, PROBLEM_INVALID, "the request target is not UTF-8");
	return NO_PROBLEM;
}

static bool dots(const struct word *w)
{
	return strcmp(w->text, ".") == 0 || strcmp(w->text, "..") == 0;
}

static size_t count(const char *s, size_t len, char c)
{
	size_t n = 0;

	for (const char *p = s; (p = memchr(p, c, len - (size_t)(p - s))); p++)
		n++;
	return n;
}

static struct problem path_read(struct arena *a, struct target *t)
{
	const char *p = t->raw + 1, *end = t->raw + t->path_len;
	size_t n = count(p, (size_t)(end - p), '/') + 1;

	if (n > TARGET_SEGMENTS)
		return problem(a, PROBLEM_INVALID, "the path has more than %d segments",
			       TARGET_SEGMENTS);
	t->segments = arena_array(a, struct word, n);
	if (p == end) /* "/" alone has none */
		return NO_PROBLEM;
	for (;;) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		struct word *w = &t->segments[t->nsegments++];

		TRY(decode(a, p, (size_t)((slash ? slash : end) - p), false, w));
		if (w->len == 0)
			return problem(a, PROBLEM_INVALID, "the path has an empty segment");
		if (dots(w))
			return problem(a, PROBLEM_INVALID, "the path has a dot segment");
		if (!slash)
			return NO_PROBLEM;
		p = slash + 1;
	}
}

static struct problem query_read(struct arena *a, const char *s, struct target *t)
{
	size_t n = count(s, strlen(s), '&') + 1;

	if (n > TARGET_QUERY)
		return problem(a, PROBLEM_INVALID, "there are more than %d query parameters",
			       TARGET_QUERY);
	t->query = arena_array(a, struct query_parameter, n);
	while (*s) {
		size_t len = strcspn(s, "&"), name = strcspn(s, "=&");
		struct query_parameter *q = &t->query[t->nquery];

		if (len > 0) {
			TRY(decode(a, s, name, true, &q->name));
			TRY(decode(a, name < len ? s + name + 1 : s + name,
				   name < len ? len - name - 1 : 0, true, &q->value));
			t->nquery++;
		}
		s += len + (s[len] == '&');
	}
	return NO_PROBLEM;
}

struct problem target_read(struct arena *a, const char *raw, struct target *out)
{
	size_t len = strlen(raw);

	*out = (struct target){.raw = raw, .path_len = strcspn(raw, "?")};
	if (len > TARGET_MAX)
		return problem(a, PROBLEM_URI_TOO_LONG,
			       "the request target is longer than %d bytes", TARGET_MAX);
	if (raw[0] != '/')
		return problem(a, PROBLEM_INVALID, "the request target must be a path");
	for (const char *p = raw; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '\\' || *p == '#')
			return problem(a, PROBLEM_INVALID,
				       "the request target holds a character that must be "
				       "percent-encoded");
	TRY(path_read(a, out));
	return raw[out->path_len] ? query_read(a, raw + out->path_len + 1, out) : NO_PROBLEM;
}

const char *target_query(const struct target *t, const char *name)
{
	for (int i = 0; i < t->nquery; i++)
		if (strcmp(t->query[i].name.text, name) == 0)
			return t->query[i].value.text;
	return NULL;
}
