#include "api/service.h"

bool service_ready(const struct service *s)
{
	for (int i = 0; i < s->nloops; i++)
		if (!atomic_load(&s->ready[i]))
			return false;
	return !atomic_load(&s->draining);
}
