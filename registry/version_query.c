#include "registry/version_query.h"

/* The current value of a metric, on any dataset and slice unless they are named. The planner
 * knows which branch it is before it plans; $1 is the model. */
#define FEW(op) "metric_few_1($1, $?1, '" op "', $?2, $?3, $?4)"
#define METRIC(op)                                                                                 \
	{                                                                                          \
		"metric",                                                                          \
			{"CASE WHEN metric_few_1($1, $?, '" op "', $?, $?, $?) IS NULL "           \
			 "THEN EXISTS (SELECT FROM metric_current c WHERE c.version_id = v.id "    \
			 "AND c.name = $?1 AND c.value " op " $?2 "                                \
			 "AND ($?3 IS NULL OR c.dataset = $?3) "                                   \
			 "AND ($?4 IS NULL OR c.slice = $?4) OFFSET 0) "                           \
			 "ELSE v.id = ANY (" FEW(op) ") END",                                      \
			 {OID_TEXT, OID_FLOAT8, OID_TEXT, OID_TEXT}},                              \
			.repeat = 4,                                                               \
	}

enum {
	Q,
	TAG,
	TAG_VALUE,
	STATE,
	STATES,
	METRIC_FIRST,
	METRIC_LAST = METRIC_FIRST + 4,
	CREATED_AFTER,
	CREATED_BEFORE,
	PUBLISHED_AFTER,
	PUBLISHED_BEFORE,
	RANGE,
};

static const struct list_filter filters[] = {
	[Q] = {"q", {"strpos(lower(v.description), lower($?)) > 0", {OID_TEXT}}, 0},
	[TAG] = {"tag", {"v.tags ? $? AND v.tags <> '{}'", {OID_TEXT}}, .repeat = 8},
	[TAG_VALUE] = {"tag", {"v.tags @> $? AND v.tags <> '{}'", {OID_JSONB}}, .repeat = 8},
	[STATE] = {"state", {"v.state = $?", {OID_TEXT}}, 0},
	[STATES] = {"state", {"v.state = ANY ($?)", {OID_TEXT_ARRAY}}, 0},
	[METRIC_FIRST] = METRIC("<"),
	METRIC("<="),
	METRIC("="),
	METRIC(">="),
	[METRIC_LAST] = METRIC(">"),
	[CREATED_AFTER] = {"created_after",
			   {"v.created_at >= $? AND v.ordinal >= version_ordinal_at_1($1, $?1)",
			    {OID_TIMESTAMPTZ}},
			   0},
	[CREATED_BEFORE] = {"created_before",
			    {"v.created_at < $? AND v.ordinal < version_ordinal_at_1($1, $?1)",
			     {OID_TIMESTAMPTZ}},
			    0},
	[PUBLISHED_AFTER] = {"published_after", {"v.published_at >= $?", {OID_TIMESTAMPTZ}}, 0},
	[PUBLISHED_BEFORE] = {"published_before", {"v.published_at < $?", {OID_TIMESTAMPTZ}}, 0},
	[RANGE] = {"range",
		   {"v.state IN ('published', 'deprecated') "
		    "AND CASE WHEN version_few_1($1, $?, $?, $?, $?, $?, $?) IS NULL THEN "
		    "NOT v.prerelease AND v.precedence >= $?1 AND v.precedence < $?2 "
		    "OR v.prerelease AND v.precedence >= $?3 AND v.precedence < $?4 "
		    "OR v.prerelease AND v.precedence >= $?5 AND v.precedence < $?6 "
		    "ELSE v.id = ANY (version_few_1($1, $?1, $?2, $?3, $?4, $?5, $?6)) END "
		    "AND v.precedence >= least($?1, $?3, $?5) "
		    "AND v.precedence < greatest($?2, $?4, $?6)",
		    {OID_BYTEA, OID_BYTEA, OID_BYTEA, OID_BYTEA, OID_BYTEA, OID_BYTEA}},
		   0},
};

static const char *const states[] = {"draft", "published", "deprecated", "yanked", NULL};

static const struct query_rule rules[] = {
	{"q", QUERY_TEXT, Q, NULL},
	{"tag", QUERY_TAG, TAG, NULL},
	{"state", QUERY_WORD, STATE, states},
	{"metric", QUERY_METRIC, METRIC_FIRST, NULL},
	{"created_after", QUERY_TIME, CREATED_AFTER, NULL},
	{"created_before", QUERY_TIME, CREATED_BEFORE, NULL},
	{"published_after", QUERY_TIME, PUBLISHED_AFTER, NULL},
	{"published_before", QUERY_TIME, PUBLISHED_BEFORE, NULL},
	{"range", QUERY_RANGE, RANGE, NULL},
};

static const char *const sorts[] = {"version", "created_at", "published_at", NULL};

/* Time made grows with the ordinal, so the ordinal stands for it. */
#define ORDER(name_, down_, key_, only_, by_, after_, ...)                                         \
	{                                                                                          \
		.name = (name_), .descending = (down_), .columns = (key_), .only = (only_),        \
		.order_by = (by_), .after = {(after_), {__VA_ARGS__}},                             \
	}

#define METRIC_JOIN                                                                                \
	{                                                                                          \
		"JOIN metric_current s ON s.version_id = v.id AND s.model_id = v.model_id "        \
		"AND s.name = $? AND s.dataset = $? AND s.slice = $?",                             \
		{                                                                                  \
			OID_TEXT, OID_TEXT, OID_TEXT                                               \
		}                                                                                  \
	}

static const struct list_order orders[] = {
	ORDER("version", false, ", v.precedence AS key1", NULL, "v.precedence", "v.precedence > $?",
	      OID_BYTEA),
	ORDER("version", true, ", v.precedence AS key1", NULL, "v.precedence DESC",
	      "v.precedence < $?", OID_BYTEA),
	ORDER("created_at", false, ", v.ordinal AS key1", NULL, "v.ordinal", "v.ordinal > $?",
	      OID_INT8),
	ORDER("created_at", true, ", v.ordinal AS key1", NULL, "v.ordinal DESC", "v.ordinal < $?",
	      OID_INT8),
	ORDER("published_at", false, ", v.published_at AS key1, v.id AS key2",
	      "v.published_at IS NOT NULL", "v.published_at, v.id",
	      "(v.published_at, v.id) > ($?, $?)", OID_TIMESTAMPTZ, OID_UUID),
	ORDER("published_at", true, ", v.published_at AS key1, v.id AS key2",
	      "v.published_at IS NOT NULL", "v.published_at DESC, v.id DESC",
	      "(v.published_at, v.id) < ($?, $?)", OID_TIMESTAMPTZ, OID_UUID),
	{.name = "metric",
	 .columns = ", s.value AS key1, v.id AS key2",
	 .join = METRIC_JOIN,
	 .order_by = "s.value, s.version_id",
	 .after = {"(s.value, s.version_id) > ($?, $?)", {OID_FLOAT8, OID_UUID}}},
	{.name = "metric",
	 .descending = true,
	 .columns = ", s.value AS key1, v.id AS key2",
	 .join = METRIC_JOIN,
	 .order_by = "s.value DESC, s.version_id DESC",
	 .after = {"(s.value, s.version_id) < ($?, $?)", {OID_FLOAT8, OID_UUID}}},
};

static const struct list_spec spec = {
	.name = "versions_list",
	.columns = "SELECT v.id, v.model_id, v.semver AS version, v.ordinal, v.state, v.params, "
		   "v.tags, "
		   "v.description, v.reason, v.created_at, v.created_by, v.published_at, "
		   "v.published_by, "
		   "v.key_id, v.files, v.bytes, v.row_version",
	.from = "FROM version v",
	.where = {"v.model_id = $? AND v.state <> 'discarded'", {OID_UUID}},
	LIST_FILTERS(filters),
	LIST_ORDERS(orders),
};

const struct query_list version_query = {
	.spec = &spec,
	.rules = rules,
	.nrules = sizeof(rules) / sizeof(rules[0]),
	.sorts = sorts,
	.by_metric = true,
	.sort = "-version",
};
