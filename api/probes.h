/* probes.h - /livez, /readyz and /metrics on an address and a thread of their own.
 *
 * A kubelet's probe must be answered while the loops are busy, and Prometheus should
 * need no token: this address is for inside the cluster. It knows those paths (and
 * the aliases /health and /ready) and nothing else, and reads no body.
 */
#ifndef HALLMARK_API_PROBES_H
#define HALLMARK_API_PROBES_H

#include "base/problem.h"

struct service;
struct probes;

struct problem probes_open(struct arena *a, struct service *s, const char *address,
			   struct probes **out) MUST_CHECK;
void probes_close(struct probes *p); /* may be NULL */

#endif
