/* role.h - what a principal may do in a project.
 *
 * A binding gives a principal one role in one project, or in all ("*"). What a
 * route needs is an access; grants are a table, so no role is compared by rank.
 */
#ifndef HALLMARK_REGISTRY_ROLE_H
#define HALLMARK_REGISTRY_ROLE_H

#include <stdbool.h>
#include <stddef.h>

enum access {
	ACCESS_OPEN,    /* no token wanted: health, keys, the API's description */
	ACCESS_TOKEN,   /* any valid token */
	ACCESS_READ,    /* in the route's project */
	ACCESS_PUBLISH, /* models, versions, artifacts, aliases */
	ACCESS_PROMOTE,
	ACCESS_APPROVE,
	ACCESS_ADMIN,  /* of the route's project */
	ACCESS_SYSTEM, /* admin of all projects */
};

enum { ROLES_MAX = 32 };

/* A principal's bindings, as the token look-up returns them. */
struct role_binding {
	char project[64]; /* "*": every project */
	unsigned grants;  /* bit per enum access */
};
struct roles {
	int n;
	struct role_binding bindings[ROLES_MAX];
};

/* Adds "role" in project; false for an unknown role or too many bindings. */
bool roles_add(struct roles *r, const char *project, const char *role);

/* project may be NULL for routes outside every project. */
bool roles_grant(const struct roles *r, const char *project, enum access access);

#endif
