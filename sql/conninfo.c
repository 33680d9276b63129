#include "sql/conninfo.h"

#include <stdlib.h>
#include <string.h>

struct pair {
	const char *keyword, *value;
};

/* Taken unless the operator says otherwise. tcp_user_timeout also ends the wait for
 * an address that answers nothing, so that the next one of a name's is tried. */
static const struct pair presets[] = {
	{"fallback_application_name", "hallmark"},
	{"keepalives_idle", "15"},
	{"keepalives_interval", "5"},
	{"keepalives_count", "3"},
	{"tcp_user_timeout", "5000"},
};

/* For read and shared lanes they are shorter once the statements are prepared (sql/lane.c).
 * What these lanes run goes by keys. A plan made and kept while a table was young would
 * read it from end to end as it grows, or look-ups by key gather rows for a bitmap;
 * without these choices there are no such plans. */
#define LISTS                                                                                      \
	"-c jit=off -c enable_seqscan=off -c statement_timeout=5s "                                \
	"-c plan_cache_mode=force_custom_plan"
#define CHANGES "-c jit=off -c enable_seqscan=off -c statement_timeout=5s -c lock_timeout=2s"
static const char *const limits[LANE_KINDS] = {
	[LANE_READ] =
		"-c jit=off -c enable_seqscan=off -c enable_bitmapscan=off -c statement_timeout=5s",
	[LANE_SLOW] = LISTS,
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

static int count(const char *list)
{
	int n = 1;

	while (list && (list = strchr(list, ',')))
		n++, list++;
	return n;
}

/* hostaddr has precedence over host, as it has in libpq. */
static const char *hosts_of(const PQconninfoOption *options)
{
	const char *addresses = value_of(options, "hostaddr");

	return addresses ? addresses : value_of(options, "host");
}

static const char *item(struct arena *a, const char *list, int n)
{
	for (; n > 0; n--)
		list = strchr(list, ',') + 1;
	return arena_dup(a, list, strcspn(list, ","));
}

/* The value that holds for one of the hosts. */
static const char *value_for(struct arena *a, const char *keyword, const char *value, int host)
{
	static const char *const lists[] = {"host", "hostaddr", "port"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (strcmp(keyword, lists[i]) == 0 && strchr(value, ','))
			return item(a, value, host);
	return value;
}

static struct problem check_lists(struct arena *a, const PQconninfoOption *options, int hosts)
{
	static const char *const lists[] = {"host", "hostaddr", "port"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const int n = count(value_of(options, lists[i]));

		if (n > 1 && n != hosts)
			return problem(a, PROBLEM_INVALID,
				       "the connection string names %d hosts, and %d in %s", hosts,
				       n, lists[i]);
	}
	return NO_PROBLEM;
}

/* Whether a server is what is wanted the lane sees for itself, where it knows the hosts. */
static void want_primary(const PQconninfoOption *options, enum lane_kind kind, struct conninfo *out)
{
	const char *wanted = value_of(options, "target_session_attrs");

	out->primary = !wanted || strcmp(wanted, "read-write") == 0;
	out->changes = out->primary && (kind == LANE_WRITE || kind == LANE_SHARED);
}

static const char *left_to_libpq(const PQconninfoOption *options, const struct conninfo *info)
{
	const char *wanted = value_of(options, "target_session_attrs");

	if (!info->primary)
		return wanted;
	if (hosts_of(options))
		return "any";
	return info->changes ? "read-write" : "primary";
}

/* libpq reads PGOPTIONS only where no options are given, and here they always are. */
static const char *operator_options(const PQconninfoOption *options)
{
	const char *given = value_of(options, "options");

	given = given ? given : getenv("PGOPTIONS");
	return given ? given : "";
}

static const char *const *const *for_each_host(struct arena *a, const char *const *keywords,
					       const char *const *values, size_t n, int hosts)
{
	const char *const **all = arena_array(a, const char *const *, (size_t)hosts);

	for (int host = 0; host < hosts; host++) {
		const char **own = arena_array(a, const char *, n + 1);

		for (size_t i = 0; i < n; i++)
			own[i] = value_for(a, keywords[i], values[i], host);
		all[host] = own;
	}
	return all;
}

struct problem conninfo_read(struct arena *a, const char *text, enum lane_kind kind,
			     struct conninfo *out)
{
	enum { PRESETS = sizeof(presets) / sizeof(presets[0]), OWN = 3 };
	PQconninfoOption *options;
	size_t n = 0, room = PRESETS + OWN + 1;

	TRY(parse(a, text, &options));
	*out = (struct conninfo){.hosts = count(hosts_of(options))};
	TRY(check_lists(a, options, out->hosts));
	want_primary(options, kind, out);
	for (const PQconninfoOption *o = options; o->keyword; o++)
		room++;
	const char **keywords = arena_array(a, const char *, room);
	const char **values = arena_array(a, const char *, room);

	for (size_t i = 0; i < PRESETS; i++) /* of two equal keywords libpq takes the later */
		keywords[n] = presets[i].keyword, values[n++] = presets[i].value;
	for (const PQconninfoOption *o = options; o->keyword; o++)
		if (o->val)
			keywords[n] = o->keyword, values[n++] = o->val;
	keywords[n] = "target_session_attrs";
	values[n++] = left_to_libpq(options, out);
	keywords[n] = "options";
	values[n++] = arena_printf(a, "%s %s", operator_options(options), limits[kind]);
	keywords[n] = "client_encoding";
	values[n++] = "UTF8";
	out->keywords = keywords;
	out->values = for_each_host(a, keywords, values, n, out->hosts);
	return NO_PROBLEM;
}

const char *conninfo_preset_attributes(const char *text)
{
	PQconninfoOption *options = PQconninfoParse(text, NULL);
	const bool several = options && count(hosts_of(options)) > 1;

	PQconninfoFree(options);
	return several ? "primary" : "any";
}
