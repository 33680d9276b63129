#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/minisign.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void public_comes_back(struct arena *a, const char *text, size_t size)
{
	struct minisign_public k, again;

	if (minisign_public_read(a, text, size, &k).code != PROBLEM_NONE)
		return;
	const char *file = minisign_public_file(a, &k);
	assert(minisign_public_read(a, file, strlen(file), &again).code == PROBLEM_NONE);
	assert(memcmp(&k, &again, sizeof(k)) == 0);
}

static void secret_comes_back(struct arena *a, const char *text, size_t size)
{
	struct minisign_secret k, again;
	char file[MINISIGN_SECRET_FILE];

	if (minisign_secret_read(a, text, size, &k).code != PROBLEM_NONE)
		return;
	minisign_secret_file(&k, file);
	assert(minisign_secret_read(a, file, strlen(file), &again).code == PROBLEM_NONE);
	assert(memcmp(&k, &again, sizeof(k)) == 0);
}

/* No key is known here: whatever is read, nothing may hold. */
static void signature_is_read(struct arena *a, const char *text, size_t size)
{
	struct minisign_signature s;
	struct minisign_public k = {{0}, {0}};
	unsigned char digest[BLAKE2B_BYTES] = {0};

	if (minisign_signature_read(a, text, size, &s).code != PROBLEM_NONE)
		return;
	memcpy(k.id, s.id, sizeof(k.id));
	memset(k.key, 7, sizeof(k.key));
	assert(strlen(s.trusted) <= MINISIGN_COMMENT_MAX);
	assert(!minisign_holds(&s, &k, digest));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct arena *a;
	const char *text = (const char *)data;

	if (!a && (sodium_init() < 0 || !(a = arena_new(16 << 20))))
		return 0;
	public_comes_back(a, text, size);
	secret_comes_back(a, text, size);
	signature_is_read(a, text, size);
	arena_reset(a);
	return 0;
}
