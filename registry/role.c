#include "registry/role.h"

#include <stdio.h>
#include <string.h>

#define MAY(access) (1U << ACCESS_##access)

static const struct {
	const char *role;
	unsigned grants;
} known[] = {
	{"reader", MAY(READ)},
	{"publisher", MAY(READ) | MAY(PUBLISH)},
	{"promoter", MAY(READ) | MAY(PROMOTE)},
	{"approver", MAY(READ) | MAY(APPROVE)},
	{"admin", MAY(READ) | MAY(PUBLISH) | MAY(PROMOTE) | MAY(APPROVE) | MAY(ADMIN)},
};

bool roles_add(struct roles *r, const char *project, const char *role)
{
	if (r->n == ROLES_MAX || strlen(project) >= sizeof(r->bindings[0].project))
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct role_binding *b = &r->bindings[r->n];

		if (strcmp(known[i].role, role) != 0)
			continue;
		snprintf(b->project, sizeof(b->project), "%s", project);
		b->grants = known[i].grants;
		r->n++;
		return true;
	}
	return false;
}

static bool covers(const struct role_binding *b, const char *project)
{
	return strcmp(b->project, "*") == 0 || (project && strcmp(b->project, project) == 0);
}

bool roles_grant(const struct roles *r, const char *project, enum access access)
{
	unsigned wanted = access == ACCESS_SYSTEM ? MAY(ADMIN) : 1U << access;

	if (access <= ACCESS_TOKEN)
		return true;
	if (access == ACCESS_SYSTEM)
		project = NULL; /* only a binding for every project covers it */
	for (int i = 0; i < r->n; i++)
		if (covers(&r->bindings[i], project) && (r->bindings[i].grants & wanted))
			return true;
	return false;
}
