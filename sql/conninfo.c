#include "sql/conninfo.h"

#include <stdlib.h>
#include <string.h>

struct pair {
	const char *keyword, *value;
};

/* Taken unless the operator says otherwise. tcp_user_timeout also ends the wait for
 * a host that answers nothing, so that the next one of several is tried. */
static const struct pair presets[] = {
	{"fallback_application_name", "hallmark"},
	{"target_session_attrs", "read-write"},
	{"keepalives_idle", "15"},
	{"keepalives_interval", "5"},
	{"keepalives_count", "3"},
	{"tcp_user_timeout", "5000"},
};

/* For read and shared lanes they are shorter once the statements are prepared (sql/lane.c).
 * What these lanes run goes by keys. A plan made and kept while a table was young would
 * read it from end to end as it grows, or look-ups by key gather rows for a bitmap;
 * without these choices there are no such plans. */
#define CHANGES "-c jit=off -c enable_seqscan=off -c statement_timeout=5s -c lock_timeout=2s"
static const char *const limits[LANE_KINDS] = {
	[LANE_READ] =
		"-c jit=off -c enable_seqscan=off -c enable_bitmapscan=off -c statement_timeout=5s",
	[LANE_SLOW] = "-c jit=off -c statement_timeout=5s -c plan_cache_mode=force_custom_plan",
	[LANE_WRITE] = CHANGES,
	[LANE_SHARED] = CHANGES,
};

static void free_options(void *options)
{
	PQconninfoFree(options);
}

static struct problem parse(struct arena *a, const char *text, PQconninfoOption **out)
{
	char *why = NULL;

	*out = PQconninfoParse(text, &why);
	if (*out) {
		arena_defer(a, free_options, *out);
		return NO_PROBLEM;
	}
	struct problem p = problem(a, PROBLEM_INVALID, "the connection string cannot be read: %s",
				   why ? why : "out of memory");
	PQfreemem(why);
	return p;
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val;
	return NULL;
}

static int count_hosts(const PQconninfoOption *options)
{
	const char *hosts = value_of(options, "host");
	int n = 1;

	if (!hosts)
		hosts = value_of(options, "hostaddr");
	for (; hosts && (hosts = strchr(hosts, ',')); hosts++)
		n++;
	return n;
}

/* libpq reads PGOPTIONS only where no options are given, and here they always are. */
static const char *operator_options(const PQconninfoOption *options)
{
	const char *given = value_of(options, "options");

	given = given ? given : getenv("PGOPTIONS");
	return given ? given : "";
}

struct problem conninfo_read(struct arena *a, const char *text, enum lane_kind kind,
			     struct conninfo *out)
{
	enum { PRESETS = sizeof(presets) / sizeof(presets[0]), OWN = 2 };
	PQconninfoOption *options;
	size_t n = 0, room = PRESETS + OWN + 1;

	TRY(parse(a, text, &options));
	for (const PQconninfoOption *o = options; o->keyword; o++)
		room++;
	const char **keywords = arena_array(a, const char *, room);
	const char **values = arena_array(a, const char *, room);

	for (size_t i = 0; i < PRESETS; i++) /* of two equal keywords libpq takes the later */
		keywords[n] = presets[i].keyword, values[n++] = presets[i].value;
	for (const PQconninfoOption *o = options; o->keyword; o++)
		if (o->val)
			keywords[n] = o->keyword, values[n++] = o->val;
	keywords[n] = "options";
	values[n++] = arena_printf(a, "%s %s", operator_options(options), limits[kind]);
	keywords[n] = "client_encoding";
	values[n] = "UTF8";
	*out = (struct conninfo){keywords, values, count_hosts(options)};
	return NO_PROBLEM;
}
