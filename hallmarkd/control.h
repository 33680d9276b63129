/* control.h - the socket between the supervisor and the service.
 *
 * The supervisor sends descriptors, one socket to the signer per loop, in one
 * message: when the service starts, and again whenever a new signer has taken
 * the place of the old one. The service sends one message when it is ready to
 * answer requests. The socket is AF_UNIX, SOCK_SEQPACKET, close-on-exec. When
 * it reads end of file the supervisor is gone and the service should go too.
 *
 * In the service: watch the descriptor, and at EPOLLIN
 *
 *	int fds[CONTROL_FDS_MAX], n = control_receive(control_fd, fds, CONTROL_FDS_MAX);
 */
#ifndef HALLMARK_HALLMARKD_CONTROL_H
#define HALLMARK_HALLMARKD_CONTROL_H

#include <stdbool.h>

enum { CONTROL_FDS_MAX = 64 };

bool control_pair(int pair[2]); /* false with errno set */

/* False with errno set. The descriptors stay the caller's. */
bool control_send(int control_fd, const int *fds, int n);

/* Takes one message. The number of descriptors, which are then the caller's
 * (non-blocking, close-on-exec); 0 when the other end is gone; -1 with errno set,
 * EAGAIN when there is none yet, EBADMSG when it carried none or more than max. */
int control_receive(int control_fd, int *fds, int max);

/* The service: "I answer requests from now on." False with errno set. */
bool control_ready(int control_fd);
/* The supervisor: 1 when the service has said so, 0 when it is gone, -1 with errno set. */
int control_hear(int control_fd);

#endif
