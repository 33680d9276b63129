/* refusals.h - tables of bodies that a draft refuses, and with what. */
#ifndef HALLMARK_TESTS_REFUSALS_H
#define HALLMARK_TESTS_REFUSALS_H

#include "base/problem.h"
#include "tap.h"

struct refusal {
	const char *body, *pointer, *says;
};

/* Is there one error at this place that says this? */
static inline bool refusal_is(const struct problem *p, const struct refusal *r)
{
	for (const struct problem_error *e = p->errors; e; e = e->next) {
		if (e->pointer && strcmp(e->pointer, r->pointer) == 0 && strstr(e->detail, r->says))
			return true;
	}
	return false;
}

/* Calls read(body) for each row: a function that answers with a struct problem. */
#define refuses(table, read)                                                                       \
	for (size_t i_ = 0; i_ < sizeof(table) / sizeof((table)[0]); i_++) {                       \
		const struct problem p_ = read((table)[i_].body);                                  \
		if (!ok(p_.code == PROBLEM_INVALID && refusal_is(&p_, &(table)[i_]),               \
			"%s is refused at \"%s\" with: %s", (table)[i_].body, (table)[i_].pointer, \
			(table)[i_].says))                                                         \
			printf("# it said: %s\n", p_.detail ? p_.detail : "nothing");              \
	}

#endif
