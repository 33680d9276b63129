/* A statement that is signed by a trusted key, whatever it says: none of its paths may
 * lead out of the folder, and none may be there twice. */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/dsse.h"
#include "cli/place.h"
#include "cli/seal.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(const struct seal *s)
{
	assert(s->project && s->model && s->version && s->count > 0);
	for (size_t i = 0; i < s->count; i++) {
		assert(!path_fault(s->files[i].path));
		assert(!strstr(s->files[i].path, "//") && s->files[i].path[0] != '/');
		assert(i == 0 || strcmp(s->files[i - 1].path, s->files[i].path) < 0);
		assert(seal_find(s, s->files[i].path) == &s->files[i]);
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct arena *a;
	static struct minisign_secret secret;
	struct minisign_public key;
	struct seal s;
	size_t len;

	if (!a) {
		if (sodium_init() < 0 || !(a = arena_new(64 << 20)))
			return 0;
		minisign_secret_new(&secret);
	}
	minisign_public_of(&secret, &key);

	const struct keyring ring = {&key, 1, TRUST_GIVEN, "the fuzzer"};
	const char *envelope = NULL;
	struct problem p = dsse_sign(a, &secret, DSSE_IN_TOTO, data, size, &envelope, &len);

	assert(p.code == PROBLEM_NONE);
	p = seal_read(a, &ring, envelope, len, &s);
	if (p.code == PROBLEM_NONE)
		check(&s);
	else
		assert(p.detail);
	arena_reset(a);
	return 0;
}
