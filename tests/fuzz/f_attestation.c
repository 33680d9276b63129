#include <assert.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "base/json_memory.h"
#include "registry/attestation.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* A manifest is refused with a word about it, or becomes a statement that is JSON and
 * has the manifest's files as its subjects, in their order. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct arena *a;
	const char *manifest = (const char *)data, *text;
	size_t len;

	if (!a && (sodium_init() < 0 || !(a = arena_new(256 << 20))))
		return 0;
	json_use_arena(a);
	struct problem p =
		attestation_statement(a, manifest, size, "EFF2B5416911DCC3", 0, &text, &len);
	if (p.code == PROBLEM_NONE) {
		const json_t *in = json_loadb(manifest, size, 0, NULL);
		const json_t *out = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
		const json_t *files = json_object_get(in, "files");
		const json_t *subjects = json_object_get(out, "subject");

		assert(json_array_size(files) == json_array_size(subjects));
		for (size_t i = 0; i < json_array_size(files); i++)
			assert(json_equal(json_object_get(json_array_get(files, i), "path"),
					  json_object_get(json_array_get(subjects, i), "name")));
	} else {
		assert(p.detail && p.code == PROBLEM_INVALID);
	}
	json_use_arena(NULL);
	arena_reset(a);
	return 0;
}
