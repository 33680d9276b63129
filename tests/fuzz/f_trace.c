/* traceparent and X-Request-Id: what is taken may stand in a header and in a log line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char trace_id[33] = "", *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (trace_parent_read(text, trace_id))
		must(strlen(trace_id) == 32 && strspn(trace_id, "0123456789abcdef") == 32 &&
		     strspn(trace_id, "0") < 32);
	else
		must(*trace_id == '\0');
	if (trace_request_id_fits(text))
		must(*text && strlen(text) <= 64 && !strpbrk(text, " \"\\\r\n\t<>%"));
	free(text);
	return 0;
}
