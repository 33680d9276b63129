/* relay.h - stands between a program and PostgreSQL's socket, and fails as told.
 *
 * A thread of its own carries bytes both ways, so that what a test sees is the
 * real server over a connection that breaks, falls silent or is refused.
 */
#ifndef HALLMARK_TESTS_RELAY_H
#define HALLMARK_TESTS_RELAY_H

struct relay;

enum relay_mode {
	RELAY_CARRY,  /* as if it were not there */
	RELAY_SILENT, /* takes connections and bytes, passes nothing on */
	RELAY_CUT     /* ends the connections there are, and each new one */
};

/* Listens as PostgreSQL would in folder, and connects to the socket at server. */
struct relay *relay_new(const char *folder, const char *server);
void relay_set(struct relay *r, enum relay_mode mode); /* done when it returns */
void relay_free(struct relay *r);

#endif
