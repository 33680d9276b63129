#include "sql/once.h"

#include <string.h>

#include "base/digest.h"
#include "sql/conninfo.h"
#include "sql/row.h"

static void finish(void *conn)
{
	PQfinish(conn);
}

static void clear(void *res)
{
	PQclear(res);
}

/* libpq ends its messages with a newline. */
static const char *line_of(struct arena *a, const char *message)
{
	size_t len = strlen(message);

	while (len && (message[len - 1] == '\n' || message[len - 1] == ' '))
		len--;
	return arena_dup(a, message, len);
}

struct problem once_connect(struct arena *a, const char *conninfo, PGconn **out)
{
	/* later keywords win, expand_dbname makes that one a whole connection string */
	static const char *const keywords[] = {"target_session_attrs", "dbname",
					       "connect_timeout",      "fallback_application_name",
					       "client_encoding",      NULL};
	const char *const values[] = {
		conninfo_preset_attributes(conninfo), conninfo, "10", "hallmarkd", "UTF8", NULL};
	PGconn *conn = digest_prepare() ? PQconnectdbParams(keywords, values, 1) : NULL;

	if (!conn)
		return problem(a, PROBLEM_INTERNAL, "out of memory");
	arena_defer(a, finish, conn);
	*out = conn;
	if (PQstatus(conn) != CONNECTION_OK)
		return problem(a, PROBLEM_UNAVAILABLE, "the database cannot be reached: %s",
			       line_of(a, PQerrorMessage(conn)));
	return NO_PROBLEM;
}

static struct problem checked(struct arena *a, PGconn *conn, const char *what, PGresult *res,
			      PGresult **out)
{
	if (res)
		arena_defer(a, clear, res);
	ExecStatusType status = PQresultStatus(res);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		return problem(
			a, PQstatus(conn) == CONNECTION_OK ? PROBLEM_INTERNAL : PROBLEM_UNAVAILABLE,
			"%s: %s", what, line_of(a, PQerrorMessage(conn)));
	*out = res;
	return NO_PROBLEM;
}

struct problem once_run(struct arena *a, PGconn *conn, enum statement_id id,
			const struct args *args, PGresult **out)
{
	const struct statement *s = &statements[id];
	static const struct args none;

	if (!args)
		args = &none;
	PGresult *res = PQexecParams(conn, s->sql, s->nparams, s->types, args->value, args->length,
				     args->format, 1);
	return checked(a, conn, s->name, res, out);
}

struct problem once_text(struct arena *a, PGconn *conn, const char *sql, PGresult **out)
{
	return checked(a, conn, "the database refuses", PQexec(conn, sql), out);
}

const char *once_outcome(const PGresult *res)
{
	int column = row_column(res, "outcome");

	return column >= 0 && PQntuples(res) == 1 ? PQgetvalue(res, 0, column) : "";
}
