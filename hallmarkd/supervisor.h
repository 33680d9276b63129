/* supervisor.h - the process that starts the others, restarts what dies, and stops them in order.
 *
 *	supervisor ─┬─ postgres   the embedded default only
 *	            ├─ prepare    brings the database up to date once, then ends
 *	            ├─ service    HTTP
 *	            └─ signer     the keys
 *
 * One thread, one poller. It makes a socket pair per loop between service and signer
 * and sends the service its ends over the control socket (control.h); the signer is
 * born with its own. A new signer, after the old one's death or on SIGHUP, comes with
 * new sockets. SIGTERM and SIGINT stop the service, which drains, then the signer, then
 * PostgreSQL; a second one cuts the draining short. What dies is started again with a
 * growing delay; but what fails before it was ever ready ends the whole, with status 1.
 */
#ifndef HALLMARK_HALLMARKD_SUPERVISOR_H
#define HALLMARK_HALLMARKD_SUPERVISOR_H

#include "base/arena.h"
#include "base/problem.h"
#include "base/setting.h"
#include "hallmarkd/config.h"

/* The descriptors that children are born with. */
enum { CHILD_SETTINGS = 3, SERVICE_CONTROL = 4, SIGNER_SOCKETS = 4 };

/* A child that ends with this wishes to be tried again later. */
enum { EXIT_TRY_AGAIN = 75 };

/* Returns when all is stopped: the exit status. */
int supervise(struct arena *a, struct settings *settings, const struct config *c);

#endif
