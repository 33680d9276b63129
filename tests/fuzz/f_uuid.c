#include <assert.h>
#include <string.h>

#include "base/uuid.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	unsigned char uuid[UUID_BYTES], again[UUID_BYTES];
	char text[UUID_TEXT];

	if (uuid_read((const char *)data, size, uuid)) {
		uuid_text(uuid, text);
		assert(uuid_read(text, UUID_TEXT - 1, again) && memcmp(uuid, again, 16) == 0);
	}
	return 0;
}
