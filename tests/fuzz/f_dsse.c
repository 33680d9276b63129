#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/dsse.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* The key is that of the seed 0, 1, … 31, as in the corpus: its envelope is accepted,
 * and of every change to it only those that leave type and payload alone. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct arena *a;
	static struct minisign_public k;
	unsigned char seed[32], secret[64];
	struct dsse d;

	if (!a) {
		if (sodium_init() < 0 || !(a = arena_new(16 << 20)))
			return 0;
		for (unsigned char i = 0; i < 32; i++)
			seed[i] = i;
		crypto_sign_seed_keypair(k.key, secret, seed);
	}
	struct problem p = dsse_verify(a, &k, (const char *)data, size, &d);
	if (p.code == PROBLEM_NONE)
		assert(strcmp(d.type, "t") == 0 && strcmp(d.payload, "{\"a\":1}") == 0);
	else
		assert(!d.payload && p.detail);
	arena_reset(a);
	return 0;
}
