#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/digest.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* A value is refused with a word about it or read; what was read is written as a
 * value that gives the same. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct arena *a;
	unsigned char sha256[SHA256_BYTES], again[SHA256_BYTES];
	char text[DIGEST_HEADER_TEXT];
	bool given;

	if (!a && (sodium_init() < 0 || !(a = arena_new(16 << 20))))
		return 0;
	const char *value = arena_dup(a, (const char *)data, size);
	struct problem p = digest_header_read(a, "Repr-Digest", value, sha256, &given);
	if (p.code != PROBLEM_NONE) {
		assert(p.code == PROBLEM_INVALID && p.errors && p.errors->header);
	} else if (given) {
		digest_header_text(sha256, text);
		p = digest_header_read(a, "Repr-Digest", text, again, &given);
		assert(p.code == PROBLEM_NONE && given && memcmp(sha256, again, 32) == 0);
	}
	arena_reset(a);
	return 0;
}
