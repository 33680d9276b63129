/* service.h - the HTTP service: its loops, what they share, start and drain. */
#ifndef HALLMARK_API_SERVICE_H
#define HALLMARK_API_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/jobs.h"
#include "base/problem.h"
#include "storage/store.h"

enum { LOOPS_MAX = 64 };

struct service_options {
	const char *listen;   /* "127.0.0.1:8080", "[::]:8080" */
	const char *hosts;    /* that Host may name, "a,b"; NULL: any */
	const char *probes;   /* host:port for /livez, /readyz and /metrics alone; NULL: none */
	const char *conninfo; /* PostgreSQL; never logged */
	struct store_options storage;   /* where artifacts live */
	const unsigned char *token_key; /* 32 bytes each, from the secret file */
	const unsigned char *page_key;
	int loops, jobs;
	int slow_lanes, write_lanes; /* of the whole process; loops share them out */
	int64_t max_upload, max_body, request_memory; /* bytes */
	int64_t publish_reread; /* bytes of artifacts read again before a publish */
	int64_t header_timeout_us, idle_timeout_us, drain_delay_us, drain_timeout_us;
	int connections; /* per loop */
};

struct loop;
struct probes;

struct service {
	struct service_options options;
	struct store *store;
	struct jobs *jobs;
	struct probes *probes;
	int nloops;
	struct loop *loops[LOOPS_MAX];
	_Atomic bool draining; /* /ready says 503 */
	_Atomic bool closing;  /* listeners are closed, what runs is finished */
	unsigned char replica[16];
	int64_t started_at;
};

/* Opens everything and binds the sockets, one thread per loop then runs. */
struct problem service_open(struct arena *a, const struct service_options *o,
			    struct service **out) MUST_CHECK;
void service_start(struct service *s);
bool service_ready(const struct service *s); /* every loop has its database and its keys */
void service_signer_socket(struct service *s, int loop, int fd); /* any time, any thread */
void service_drain(struct service *s); /* returns when everything has been answered */
/* False when the drain was cut: what still runs uses all of it, and the process has to
 * end at once, without the functions of atexit(). */
bool service_close(struct service *s);

#endif
