/* Entity tags: what is read can be written again and reads the same, names what it holds, and
 * becomes arguments that fit. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/condition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static const char *written(struct arena *a, const struct condition *c)
{
	const char *s = c->any ? "*" : "";

	for (int i = 0; i < c->n; i++)
		s = arena_printf(a, "%s%s%s\"%s\"", s, i ? ", " : "", c->tags[i].weak ? "W/" : "",
				 c->tags[i].text);
	return s;
}

static void check(struct arena *a, const struct condition *c)
{
	struct condition again;
	struct args args = args_new(a);

	must(c->given && c->n <= CONDITION_MAX && c->any == (c->n == 0));
	for (int i = 0; i < c->n; i++) {
		must(strlen(c->tags[i].text) == c->tags[i].len);
		must(condition_names(c, c->tags[i].text));
		must(c->tags[i].weak || condition_is(c, c->tags[i].text));
	}
	must(condition_read(a, "If-Match", written(a, c), &again).code == PROBLEM_NONE);
	must(again.n == c->n && again.any == c->any);
	arg_match_versions(&args, c);
	arg_match_digests(&args, c);
	must(args.n == 2 && args.value[0] && args.value[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536)
		return 0;
	struct arena *a = arena_new(16 << 20);
	struct condition c;

	if (condition_read(a, "If-Match", arena_dup(a, (const char *)data, size), &c).code ==
	    PROBLEM_NONE)
		check(a, &c);
	arena_free(a);
	return 0;
}
