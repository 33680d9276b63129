/* Access tokens: any bytes are read or refused; what is read is exactly what was given. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct token t;

	if (!token_read((const char *)data, size, &t))
		return 0;
	if (size != TOKEN_LEN || memcmp(t.text, data, size) != 0 || strlen(t.id) != TOKEN_ID)
		abort();
	return 0;
}
