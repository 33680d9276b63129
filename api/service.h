/* service.h - what the loops of a process share.
 *
 * Set before they start and constant from then on, the flags aside.
 */
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

struct service {
	struct service_options options;
	struct store *store;
	struct jobs *jobs;
	int nloops;
	struct loop *loops[LOOPS_MAX];
	/* Of each loop: why it is not ready; NULL: database, keys and signer are there. */
	_Atomic(const char *) unready[LOOPS_MAX];
	_Atomic uint64_t newest; /* which database server is right: sql/lane.h */
	_Atomic bool draining;   /* /ready says 503 */
	_Atomic bool closing;    /* listeners are closed, what runs is finished */
	unsigned char replica[16];
	int64_t started_at;
};

/* NULL: every loop has its database and its keys, and none is asked to go. Else why not, in
 * constant text that everybody may read. */
const char *service_unready(const struct service *s);

#endif
