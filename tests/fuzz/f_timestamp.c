#include <assert.h>
#include <string.h>

#include "base/timestamp.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* What is read is written in one way, which reads as the same moment. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char text[64], again[TIMESTAMP_TEXT];
	int64_t micros, back;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (timestamp_read(text, &micros)) {
		assert(timestamp_text(micros, again) == 27);
		assert(timestamp_read(again, &back) && back == micros);
	}
	return 0;
}
