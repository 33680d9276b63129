#include "list_where.h"

#include "registry/version_query.h"

const char *list_model_id(PGconn *pg, struct arena *a, const char *const *where)
{
	PGresult *res = PQexecParams(pg, "SELECT id FROM model WHERE project = $1 AND name = $2", 2,
				     NULL, where, NULL, NULL, 0);
	const char *id = arena_printf(a, "%s", PQgetvalue(res, 0, 0));

	PQclear(res);
	return id;
}

struct args list_where(PGconn *pg, struct arena *a, const struct query_list *list,
		       const char *const *where, int n)
{
	struct args args = args_new(a);

	if (list == &version_query)
		arg_text(&args, list_model_id(pg, a, where));
	for (int i = 0; list != &version_query && i < n; i++)
		arg_text(&args, where[i]);
	return args;
}
