#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void base64_has_one_text(struct arena *a, enum base64 kind, const char *text, size_t len)
{
	unsigned char *bytes;
	size_t n, again_len;

	if (!base64_read(a, kind, text, len, &bytes, &n))
		return;
	const char *again = base64_text(a, kind, bytes, n, &again_len);
	assert(again_len == len && memcmp(again, text, len) == 0);
}

static void percent_comes_back(struct arena *a, const char *text, size_t len)
{
	size_t n, m;
	char *plain, *back;

	if (!percent_read(a, text, len, &plain, &n))
		return;
	assert(n <= len && plain[n] == '\0');
	const char *again = percent_text(a, plain, n, "");
	assert(percent_read(a, again, strlen(again), &back, &m));
	assert(m == n && memcmp(back, plain, n) == 0);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct arena *a;
	const char *text = (const char *)data;
	unsigned char bytes[32];

	if (!a && (sodium_init() < 0 || !(a = arena_new(16 << 20))))
		return 0;
	base64_has_one_text(a, BASE64_STANDARD, text, size);
	base64_has_one_text(a, BASE64_URL, text, size);
	base64_has_one_text(a, BASE64_URL_UNPADDED, text, size);
	percent_comes_back(a, text, size);
	if (hex_read(bytes, sizeof(bytes), text, size)) {
		char hex[65];

		hex_text(hex, bytes, sizeof(bytes));
		assert(size == 64 && memcmp(hex, text, 64) == 0);
	}
	arena_reset(a);
	return 0;
}
