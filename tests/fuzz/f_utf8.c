#include <assert.h>
#include <string.h>

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Composing keeps UTF-8 valid, and what is composed stays as it is. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct arena *a;
	const char *s = (const char *)data;
	size_t len, again;

	if (!a && !(a = arena_new(64 << 20)))
		return 0;
	if (utf8_valid(s, size)) {
		const char *nfc = utf8_nfc(a, s, size, &len);

		assert(nfc && utf8_valid(nfc, len));
		assert(utf8_is_nfc(s, size) == (len == size && memcmp(nfc, s, len) == 0));
		const char *twice = utf8_nfc(a, nfc, len, &again);
		assert(again == len && memcmp(twice, nfc, len) == 0);
	}
	utf8_forbidden(s, size);
	arena_reset(a);
	return 0;
}
