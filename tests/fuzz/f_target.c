/* Request targets: what is read has the segments that its slashes say, no dots, no NUL, and is
 * UTF-8; the route that is found, and the words of its names, are those that the patterns say as
 * regular expressions. */
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/route.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void check_word(const struct word *w)
{
	must(strlen(w->text) == w->len && utf8_valid(w->text, w->len));
}

static void check_path(const struct target *t)
{
	for (int i = 0; i < t->nsegments; i++) {
		const struct word *w = &t->segments[i];

		check_word(w);
		must(w->len > 0 && !strpbrk(w->text, "/\\"));
		must(strcmp(w->text, ".") != 0 && strcmp(w->text, "..") != 0);
	}
}

static void check_query(const struct target *t)
{
	for (int i = 0; i < t->nquery; i++) {
		check_word(&t->query[i].name);
		check_word(&t->query[i].value);
		must(target_query(t, t->query[i].name.text) != NULL);
	}
}

/* ---- routes, read in another way ---- */

/* "/a/{b}/{c...}" as "^/a/([^/]+)/(.+)$". */
static void expression(const char *pattern, char *out)
{
	*out++ = '^';
	for (const char *s = pattern; *s;) {
		if (*s == '{') {
			const char *end = strchr(s, '}');

			out += sprintf(out, "%s", end[-1] == '.' ? "(.+)" : "([^/]+)");
			s = end + 1;
			continue;
		}
		if (*s == '.')
			*out++ = '\\';
		*out++ = *s++;
	}
	memcpy(out, "$", 2);
}

static const regex_t *expressions(void)
{
	static regex_t *all;
	char text[512];

	if (all)
		return all;
	all = calloc((size_t)route_count, sizeof(*all));
	must(all != NULL);
	for (int i = 0; i < route_count; i++) {
		expression(routes[i].pattern, text);
		must(regcomp(&all[i], text, REG_EXTENDED) == 0);
	}
	return all;
}

static const char *path_of(struct arena *a, const struct target *t)
{
	size_t len = 1;

	for (int i = 0; i < t->nsegments; i++)
		len += t->segments[i].len + 1;
	char *path = arena_bytes(a, len + 1), *to = path;
	for (int i = 0; i < t->nsegments; i++) {
		*to++ = '/';
		memcpy(to, t->segments[i].text, t->segments[i].len);
		to += t->segments[i].len;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
	return path;
}

static void check_words(const struct match_result *r, const char *path, const regmatch_t *found)
{
	for (int i = 0; i < ROUTE_PARAMS; i++) {
		const regmatch_t *word = &found[i + 1];
		const struct word *w = &r->params[i];

		if (word->rm_so < 0) {
			must(w->text == NULL);
			continue;
		}
		must(w->len == (size_t)(word->rm_eo - word->rm_so));
		must(memcmp(w->text, path + word->rm_so, w->len) == 0);
		must(strlen(w->text) == w->len);
	}
}

static void check_match(struct arena *a, const struct target *t)
{
	const char *path = path_of(a, t);
	const regex_t *all = expressions();
	regmatch_t found[ROUTE_PARAMS + 1];

	for (enum method m = 0; m <= METHOD_OTHER; m++) {
		const struct match_result r = route_match(a, m, t);
		const enum method wanted = m == METHOD_HEAD ? METHOD_GET : m;
		const struct route *first = NULL;
		unsigned allowed = 0;

		for (int i = 0; i < route_count; i++) {
			if (regexec(&all[i], path, ROUTE_PARAMS + 1, found, 0) != 0)
				continue;
			allowed |= 1U << routes[i].method;
			if (!first && routes[i].method == wanted) {
				first = &routes[i];
				check_words(&r, path, found);
			}
		}
		must(r.route == first && (r.match == MATCH_FULL) == (first != NULL));
		must((r.match == MATCH_NONE) == (allowed == 0));
		must(r.match != MATCH_PATH || r.allowed == allowed);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(16 << 20);
	const char *raw = arena_dup(a, (const char *)data, size);
	struct target t;

	routes_prepare();
	if (target_read(a, raw, &t).code == PROBLEM_NONE) {
		check_path(&t);
		check_query(&t);
		check_match(a, &t);
	}
	arena_free(a);
	return 0;
}
