/* cli.h - what one run of `hallmark` carries along.
 *
 * Data goes to standard output, everything said to people to standard error.
 * One arena holds the whole run. A struct cli belongs to the main thread; the
 * threads of cli/crew.h get arenas and clients of their own.
 */
#ifndef HALLMARK_CLI_CLI_H
#define HALLMARK_CLI_CLI_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/http.h"
#include "base/problem.h"
#include "cli/command.h"

/* Filled from global_options. */
struct globals {
	const char *url, *token_file, *ca_file;
	bool json, quiet, verbose, help, no_color, no_progress;
};

struct cli {
	struct arena *arena;
	struct globals globals;
	const char **operands; /* ends with NULL */
	int count;
	bool colour;   /* on standard output */
	bool progress; /* standard error is a terminal and nobody minds */

	struct http_options server; /* set by server_connect() */
	struct http *http;
};

extern atomic_int cli_stop; /* set by SIGINT and SIGTERM, looked at by every thread */

/* One line to standard error, unless --quiet; no full stop is added. */
void cli_say(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same with "warning: " before it, even with --quiet. */
void cli_warn(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints tree as the command's JSON on standard output. */
void cli_print_json(const struct cli *cli, const json_t *tree);

/* Ties the tree to the run's arena and hands it back. */
json_t *cli_own(struct arena *a, json_t *tree);

#endif
