/* config.h - every setting of hallmarkd, read once and constant from then on.
 *
 * The rows stand in config.c: a new setting is a member here and a row there,
 * and has its file key, variable, flag, help and `hallmarkd config` line.
 */
#ifndef HALLMARK_HALLMARKD_CONFIG_H
#define HALLMARK_HALLMARKD_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/problem.h"
#include "base/setting.h"

struct config {
	const char *config;       /* the file; NULL: none */
	const char *database_url; /* NULL: the embedded PostgreSQL */
	const char *storage_path;
	int storage_driver;    /* enum store_driver */
	const char *transfers; /* for bytes on their way to and from an object store */
	const char *s3_access_key, *s3_secret_key;
	const char *listen;        /* host:port, [v6]:port */
	const char *probes;        /* host:port for probes and metrics alone; NULL: none */
	const char *allowed_hosts; /* NULL: any Host header */
	const char *state;         /* absolute; so are the paths below */
	const char *keys;          /* the folder that only the signer reads */
	const char *secret_file;
	const char *user;         /* what root becomes */
	const char *postgres_bin; /* NULL: searched for */
	bool embedded;            /* the database is the supervisor's own PostgreSQL */

	int loops;
	int write_lanes, slow_lanes; /* of all loops together */
	int storage_threads;
	int connections;        /* open HTTP connections in all */
	int64_t max_upload;     /* bytes of an artifact */
	int64_t max_body;       /* bytes of any other body */
	int64_t request_memory; /* bytes of a request's arena */
	int64_t publish_reread; /* bytes of artifacts that publishing reads again */
	int64_t drain_delay;    /* microseconds, as all times */
	int64_t drain_limit;
	int log_level; /* enum log_level */
};

extern const struct setting_table config_table;

/* What the settings say, with presets that hang on others worked out. `settings` may
 * be read further until config_settle(). */
struct settings *config_new(struct arena *a, struct config *out);
/* Reads the environment and the file that it or a flag names; flags were read before. */
struct problem config_settle(struct arena *a, struct settings *s, struct config *c) MUST_CHECK;

/* The same in a child process: reads what settings_write() wrote, and nothing else. */
struct problem config_inherit(struct arena *a, struct settings *s, int fd) MUST_CHECK;

#endif
