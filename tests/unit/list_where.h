/* list_where.h - the arguments of where, as the service gives them to a list. */
#ifndef HALLMARK_TESTS_LIST_WHERE_H
#define HALLMARK_TESTS_LIST_WHERE_H

#include <libpq-fe.h>

#include "base/arena.h"
#include "registry/query.h"
#include "sql/args.h"

/* where is project and name of the model for versions, which are asked for by its id; for other
 * lists it is what they take. */
struct args list_where(PGconn *pg, struct arena *a, const struct query_list *list,
		       const char *const *where, int n);

/* Of the model with this project and name. */
const char *list_model_id(PGconn *pg, struct arena *a, const char *const *where);

#endif
