/* Accept: the choice is one of the types; what is added behind a comma decides alone where it
 * says more; and nothing is read beyond the value. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const types[] = {"application/json", "application/x+json", "text/plain", NULL};

static void must(bool good)
{
	if (!good)
		abort();
}

static const char *choice(const char *first, const char *second)
{
	struct accept a;

	accept_begin(&a, types);
	accept_line(&a, first);
	accept_line(&a, second);
	const char *chosen = accept_choice(&a);
	for (int i = 0; i < 3; i++) {
		must(a.of[i].quality >= 0 && a.of[i].quality <= 1000);
		must(!a.of[i].quality || a.of[i].fit);
		if (chosen == types[i])
			return chosen;
	}
	must(!chosen && a.said);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536)
		return 0;
	char *value = malloc(size + 1); /* so that a byte too far is seen */
	if (!value)
		return 0;
	memcpy(value, data, size);
	value[size] = '\0';
	const char *alone = choice(value, "");
	must(choice("", value) == alone);
	must(choice(value, value) == alone);
	must(choice(value, "text/plain, application/json, application/x+json") == types[0]);
	free(value);
	return 0;
}
