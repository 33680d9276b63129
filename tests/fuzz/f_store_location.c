/* Storage locations: what is accepted is an absolute, tidy path, and reading it again
 * changes nothing; what is refused says what would be right. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_tidy(const char *folder)
{
	return folder[0] == '/' && folder[1] && folder[strlen(folder) - 1] != '/' &&
	       !strstr(folder, "//") && !strstr(folder, "/../") && !strstr(folder, "/./") &&
	       strlen(folder) < 4096;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(1 << 20);
	const char *folder = NULL, *again = NULL;
	struct problem p = store_folder(a, arena_dup(a, (const char *)data, size), &folder);

	if (p.code != PROBLEM_NONE) {
		if (p.code != PROBLEM_INVALID || !strstr(p.detail, "file:///"))
			abort();
	} else if (!is_tidy(folder) || store_folder(a, folder, &again).code != PROBLEM_NONE ||
		   strcmp(folder, again) != 0) {
		abort();
	}
	arena_free(a);
	return 0;
}
