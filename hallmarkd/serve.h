/* serve.h - the service's process: reads its settings, runs api/service.h, obeys signals.
 *
 * Started by the supervisor with the control socket. The service says that it is
 * ready over it, and is handed the signer's sockets, one for each loop. SIGTERM
 * drains; the end of the control socket does too, for then the supervisor is gone.
 */
#ifndef HALLMARK_HALLMARKD_SERVE_H
#define HALLMARK_HALLMARKD_SERVE_H

#include "hallmarkd/config.h"

int serve_main(struct arena *a, const struct config *c, int control_fd); /* exit status */

#endif
