#include "api/service.h"

const char *service_unready(const struct service *s)
{
	if (atomic_load(&s->draining))
		return "the service is stopping";
	for (int i = 0; i < s->nloops; i++) {
		const char *why = atomic_load(&s->unready[i]);

		if (why)
			return why;
	}
	return NULL;
}
