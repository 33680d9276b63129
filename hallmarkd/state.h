/* state.h - hallmarkd's own folder, and the lock that lets one supervisor have it.
 *
 *	STATE/hallmarkd.lock  held by the supervisor; its process id
 *	STATE/admin.token     the first access token
 *	STATE/secret          what replicas share (registry/secret.h)
 *	STATE/keys/           signing keys
 *	STATE/postgres/       the embedded database
 *	STATE/artifacts/      the artifacts' bytes
 *	STATE/transfers/      bytes on their way to and from an object store
 */
#ifndef HALLMARK_HALLMARKD_STATE_H
#define HALLMARK_HALLMARKD_STATE_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/problem.h"
#include "hallmarkd/privilege.h"

/* Makes the folder when there is none and gives it to `who`; as root, before the
 * drop. A folder that holds things and no lock file is refused, so that a slip of the
 * pen does not hand over /var. */
struct problem state_make(struct arena *a, const char *path, const struct identity *who) MUST_CHECK;

/* Takes the lock for as long as the process lives; CONFLICT names who has it. */
struct problem state_lock(struct arena *a, const char *path) MUST_CHECK;

/* The supervisor that has the folder, 0 when there is none. */
pid_t state_holder(struct arena *a, const char *path);

#endif
