/* server.h - the HTTP service from start to drain; and the plan of this folder.
 *
 * Each file stands on what is below it. None includes one above it, nor one beside it on
 * its own floor (tools/lint.sh, "includes", looks for circles).
 *
 *	server                                  start, signals, drain; a thread for each loop
 *	daemon  probes                          libmicrohttpd on a loop; on an address of its own
 *	stages                                  the life of a request
 *	body  caller  v1/…  health              its body, its sender; the route table's handlers
 *	outcome  page                           what handlers share
 *	flight                                  what a request has on its way
 *	guard                                   out of a handler whose arena is full
 *	reply                                   answers
 *	admit  trace  condition                 rules for what was asked
 *	peer  exposition                        connections; counters as text
 *	loop  request                           what a serving thread has; what a request is
 *	keyring  ticker  token_cache  metrics   what a loop keeps
 *	route  service                          the route table; what all loops share
 *	target  accept  byte_range  listen      path and query, media types, ranges; a socket
 */
#ifndef HALLMARK_API_SERVER_H
#define HALLMARK_API_SERVER_H

#include <stdbool.h>

#include "api/service.h"
#include "base/problem.h"

struct server;

/* Opens everything and binds the sockets; one thread per loop runs after server_start(). */
struct problem server_open(struct arena *a, const struct service_options *o,
			   struct server **out) MUST_CHECK;
void server_start(struct server *server);
bool server_ready(const struct server *server); /* every loop has its database and its keys */
/* Any time, any thread. Takes fd over; for a loop that is not there it is closed. */
void server_signer_socket(struct server *server, int loop, int fd);
void server_drain(struct server *server); /* returns when everything has been answered */
/* False when the drain was cut: what still runs uses all of it, and the process has to
 * end at once, without the functions of atexit(). */
bool server_close(struct server *server);

#endif
