/* Byte ranges: a part lies within the bytes that are there. The first eight bytes of the
 * input are the size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/byte_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t whole, first = -1, length = -1;

	if (size < sizeof(whole))
		return 0;
	memcpy(&whole, data, sizeof(whole));
	whole &= INT64_MAX;
	size -= sizeof(whole);
	char *value = malloc(size + 1);
	if (!value)
		return 0;
	memcpy(value, data + sizeof(whole), size);
	value[size] = '\0';
	const enum byte_range kind = byte_range_read(value, whole, &first, &length);
	if (kind == RANGE_PART && (first < 0 || length < 1 || first > whole - length))
		abort();
	if (kind != RANGE_PART && (first != -1 || length != -1))
		abort();
	free(value);
	return 0;
}
