/* privilege.h - whom the processes run as. Root is given up for good, never for a while. */
#ifndef HALLMARK_HALLMARKD_PRIVILEGE_H
#define HALLMARK_HALLMARKD_PRIVILEGE_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/problem.h"
#include "hallmarkd/config.h"

struct identity {
	uid_t uid;
	gid_t gid;
	const char *name; /* NULL: the system knows no name for the uid */
	const char *home;
};

/* Whom to run as. Root becomes the owner of the state folder when that is somebody
 * else, else the user of the settings; anybody else stays who they are. */
struct problem identity_find(struct arena *a, const struct config *c,
			     struct identity *out) MUST_CHECK;

/* Becomes `who` with no way back; nothing when that is who we are. */
struct problem identity_become(struct arena *a, const struct identity *who) MUST_CHECK;

#endif
