#include "sql/sqlstate.h"

#include <string.h>

#define BUSY(text)                                                                                 \
	{                                                                                          \
		.code = PROBLEM_BUSY, .detail = (text)                                             \
	}
#define UNAVAILABLE(text)                                                                          \
	{                                                                                          \
		.code = PROBLEM_UNAVAILABLE, .detail = (text)                                      \
	}

#define RIVALS  BUSY("too many changes of the same rows met; try again in a second")
#define LOCKED  BUSY("Another change of the same resource takes long; try again in a second.")
#define SLOW    BUSY("the database took too long to answer; try again, or ask for less")
#define STANDBY UNAVAILABLE("the database takes no changes right now; try again in a second")
#define SHORT   UNAVAILABLE("the database is short of resources; try again in a few seconds")
#define RENEWED UNAVAILABLE("the database has just been changed; try again in a second")
#define FULL                                                                                       \
	{                                                                                          \
		.code = PROBLEM_NO_SPACE, .detail = "the database's disk is full"                  \
	}
#define REFUSED                                                                                    \
	{                                                                                          \
		.code = PROBLEM_INTERNAL, .detail = "the database refused a statement"             \
	}

/* The first that matches counts, and the last always does. */
static const struct verdict verdicts[] = {
	{"40001", REMEDY_RETRY, false, RIVALS},  /* serialization_failure */
	{"40P01", REMEDY_RETRY, false, RIVALS},  /* deadlock_detected */
	{"55P03", REMEDY_NONE, false, LOCKED},   /* lock_not_available: lock_timeout */
	{"57014", REMEDY_NONE, false, SLOW},     /* query_canceled: statement_timeout */
	{"25006", REMEDY_RENEW, true, STANDBY},  /* read_only_sql_transaction */
	{"26000", REMEDY_RENEW, false, RENEWED}, /* the session lost a prepared statement */
	{"42P05", REMEDY_RENEW, false, RENEWED}, /* it has one that we do not know of */
	{"0A000", REMEDY_RENEW, false, RENEWED}, /* "cached plan must not change result type" */
	{"53100", REMEDY_NONE, false, FULL},     /* disk_full */
	{"53", REMEDY_NONE, false, SHORT},       /* insufficient_resources */
	{"", REMEDY_NONE, false, REFUSED},
};

const struct verdict *sqlstate_verdict(const char *state, bool writes)
{
	const struct verdict *v = verdicts;

	while ((v->writes && !writes) ||
	       strncmp(state ? state : "", v->state, strlen(v->state)) != 0)
		v++;
	return v;
}
