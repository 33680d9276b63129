/* Settings from the environment and from flags: each line of the input is one variable and one
 * word of a command line. What was taken is written as a file that reads the same, and every
 * refusal says why. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/setting.h"
#include "hallmarkd/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS = 16 };

static const char *written(struct arena *a, const struct settings *s)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	settings_write(s, f);
	fclose(f);
	const char *kept = arena_dup(a, text, len);
	free(text);
	return kept;
}

static void check(struct arena *a, struct settings *s, struct problem p)
{
	struct config c;

	if (p.code != PROBLEM_NONE) {
		if (!p.detail || !*p.detail)
			abort();
		return;
	}
	const char *text = written(a, s);
	struct settings *again = config_new(a, &c);
	if (settings_read_text(again, "f", text, strlen(text)).code != PROBLEM_NONE ||
	    strcmp(written(a, again), text) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *words[WORDS + 1] = {"hallmarkd"}, *rest[WORDS + 1];
	struct config c, d;
	int n = 1;

	if (size > 4096)
		return 0;
	struct arena *a = arena_new(16 << 20);
	char *text = arena_dup(a, (const char *)data, size);
	while (text && n < WORDS)
		words[n++] = strsep(&text, "\n");
	words[n] = NULL;

	struct settings *s = config_new(a, &c), *f = config_new(a, &d);
	check(a, s, settings_read_environment(s, words + 1));
	check(a, f, settings_read_flags(&f, 1, n - 1, words + 1, rest));
	arena_free(a);
	return 0;
}
