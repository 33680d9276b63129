/* version_ref.h - the {version} of a path: any reference, where a version is named. */
#ifndef HALLMARK_API_V1_VERSION_REF_H
#define HALLMARK_API_V1_VERSION_REF_H

#include "api/request.h"

/* Appends project, model and the three parameters of the reference in the path. */
struct problem version_ref_args(struct request *rq) MUST_CHECK;

/* For reads: what the result's columns "state" and "reason" (both may be missing) mean.
 * A discarded version, and a yanked one that an alias led to, are 410 (false: replied).
 * Yanked and deprecated versions get a Warning header. */
bool version_ref_served(struct request *rq, const PGresult *res);

/* The same when the state is at hand. */
bool version_ref_state(struct request *rq, const char *state, const char *reason);

/* The 410 alone, for references that do not stand in the path. */
bool version_ref_alive(struct request *rq, const char *ref, const char *state, const char *reason);

#endif
