/* outcome.h - what a statement says happened, as a reply.
 *
 * Statements that can be refused return their outcome as the first column, one
 * word. The words that are refusals stand in one table with the problem each
 * becomes, whatever the resource; the others are the handler's.
 */
#ifndef HALLMARK_API_OUTCOME_H
#define HALLMARK_API_OUTCOME_H

#include <stdbool.h>

#include "api/request.h"

/* The word in the first row, INTERNAL when there is none. */
struct problem outcome_read(struct request *rq, const PGresult *res,
			    const char **outcome) MUST_CHECK;

/* True when it was a refusal and the reply is made, or on its way: a model that was
 * renamed is answered 308 with its path under the new name. */
bool outcome_refused(struct request *rq, const char *outcome);

/* The model of the path is not there: asks why, and replies 308 when it was renamed. */
void outcome_no_model(struct request *rq);

/* Both: reads the word into *outcome, false when there is nothing left to do. */
bool outcome_good(struct request *rq, const PGresult *res, const char **outcome);

/* It says that something new was made; of a write that was looked for, its event says so. */
bool outcome_is_created(const struct request *rq, const char *outcome);

/* The reply callback of every DELETE: 204; and its on_made. */
void outcome_deleted(struct request *rq, const PGresult *res);
void outcome_was_deleted(struct request *rq);

#endif
