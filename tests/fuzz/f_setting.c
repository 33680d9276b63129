/* The settings file: any bytes are read or refused, and what was read survives being
 * written and read again; no mask of a connection string grows past its room. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/connection.h"
#include "base/setting.h"
#include "hallmarkd/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *written(struct arena *a, const struct settings *s)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	settings_write(s, f);
	fclose(f);
	char *kept = arena_dup(a, text, len);
	free(text);
	return kept;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 4096)
		return 0;
	struct arena *a = arena_new(16 << 20);
	struct config c, again;
	struct settings *s = config_new(a, &c);

	(void)connection_mask(a, arena_dup(a, (const char *)data, size));
	if (settings_read_text(s, "f", (const char *)data, size).code == PROBLEM_NONE) {
		const char *text = written(a, s);
		struct settings *t = config_new(a, &again);

		if (settings_read_text(t, "g", text, strlen(text)).code != PROBLEM_NONE)
			abort();
		if (strcmp(written(a, t), text) != 0)
			abort();
	}
	arena_free(a);
	return 0;
}
