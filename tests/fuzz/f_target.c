/* Request targets: what is read has the segments that its slashes say, no dots, no NUL, and is
 * UTF-8; the route that is found gives as many words as its pattern has names. */
#include <stdint.h>
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

static void check_match(struct arena *a, const struct target *t)
{
	for (enum method m = 0; m <= METHOD_OTHER; m++) {
		struct match_result r = route_match(a, m, t);

		must((r.match == MATCH_FULL) == (r.route != NULL));
		must((r.match == MATCH_NONE) == (r.allowed == 0));
		for (int i = 0; r.route && i < ROUTE_PARAMS && r.params[i].text; i++)
			must(strlen(r.params[i].text) == r.params[i].len);
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
