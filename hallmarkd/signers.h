/* signers.h - the signer that the service speaks to, and the new one that takes its place.
 *
 * A new signer is born with one socket per loop of the service and one of ours, on which
 * it is asked for its keys. Only when it has answered is the service given its sockets;
 * the old one ends by itself when the service has dropped the sockets it had. So a signer
 * that does not start changes nothing.
 */
#ifndef HALLMARK_HALLMARKD_SIGNERS_H
#define HALLMARK_HALLMARKD_SIGNERS_H

#include "hallmarkd/control.h"
#include "hallmarkd/part.h"

struct signers {
	/* Set by the supervisor before anything is called. */
	struct poller *poller;
	struct part *seats[2];       /* two, because a new one lives before the old one is gone */
	const struct watch *control; /* to the service; its fd is -1 when there is none */
	int loops;                   /* of the service, which has a socket each */
	int settings_fd;

	struct part *speaking;  /* the one that the service speaks to; NULL: none */
	struct part *candidate; /* a new one that has not answered yet; NULL: none */
	struct watch probe;     /* our own socket to it */
	int sockets[CONTROL_FDS_MAX];
	bool again; /* a new one was asked for while one was under way */
};

void signers_renew(struct signers *s);
/* One of the seats has ended; another is started if one is wanted: while a service runs. */
void signers_ended(struct signers *s, struct part *p, bool wanted);
void signers_dropped(struct signers *s); /* the service has ended */

/* Did it end because another speaks in its place? */
bool signers_retired(const struct signers *s, const struct part *p);

#endif
