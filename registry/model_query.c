#include "registry/model_query.h"

/* A model has a metric when one of its published versions has it. Those that may have it are
 * the ones whose span reaches there (migrations/0013_model_metrics.sql); $1 is the project.
 * What is not named is any: the planner drops a question that it sees answered, and knows no
 * better of coalesce() than that hardly a row passes. */
#define RANK(end) "metric_rank_1(r.project, r.name, r." end ")"
#define METRIC(op, reaches, down)                                                                  \
	{                                                                                          \
		"metric",                                                                          \
			{"m.id IN (SELECT r.model_id FROM model_metric r WHERE " reaches           \
			 " AND ($? IS NULL OR r.dataset = $?3) "                                   \
			 "AND ($? IS NULL OR r.slice = $?4)) "                                     \
			 "AND (SELECT true FROM metric_current c JOIN version v ON v.id = "        \
			 "c.version_id AND v.state IN ('published', 'deprecated') "                \
			 "WHERE c.model_id = m.id AND c.name = $?1 AND c.value " op " $?2 "        \
			 "AND ($?3 IS NULL OR c.dataset = $?3) "                                   \
			 "AND ($?4 IS NULL OR c.slice = $?4) "                                     \
			 "ORDER BY c.value" down ", c.version_id" down " LIMIT 1)",                \
			 {OID_TEXT, OID_FLOAT8, OID_TEXT, OID_TEXT}},                              \
			.repeat = 4,                                                               \
	}
#define BELOW(op)                                                                                  \
	RANK("low")                                                                                \
	" " op " metric_rank_1($1, $?, $?) AND " RANK("low") " > $1 || '/' || $?1 || E'\\x01'"
#define ABOVE(op)                                                                                  \
	RANK("high")                                                                               \
	" " op " metric_rank_1($1, $?, $?) AND " RANK("high") " < $1 || '/' || $?1 || E'\\x02'"

enum {
	Q,
	TAG,
	TAG_VALUE,
	METRIC_FIRST,
	METRIC_LAST = METRIC_FIRST + 4,
	CREATED_AFTER,
	CREATED_BEFORE,
	UPDATED_AFTER,
	UPDATED_BEFORE,
};

static const struct list_filter filters[] = {
	[Q] = {"q", {"m.search @@ to_tsquery('simple', $?)", {OID_TEXT}}, 0},
	[TAG] = {"tag", {"m.tags ? $? AND m.tags <> '{}'", {OID_TEXT}}, .repeat = 8},
	[TAG_VALUE] = {"tag", {"m.tags @> $? AND m.tags <> '{}'", {OID_JSONB}}, .repeat = 8},
	[METRIC_FIRST] = METRIC("<", BELOW("<"), ""),
	METRIC("<=", BELOW("<="), ""),
	METRIC("=", ABOVE(">=") " AND r.low <= $?2", ""),
	METRIC(">=", ABOVE(">="), " DESC"),
	[METRIC_LAST] = METRIC(">", ABOVE(">"), " DESC"),
	[CREATED_AFTER] = {"created_after", {"m.created_at >= $?", {OID_TIMESTAMPTZ}}, 0},
	[CREATED_BEFORE] = {"created_before", {"m.created_at < $?", {OID_TIMESTAMPTZ}}, 0},
	[UPDATED_AFTER] = {"updated_after", {"m.updated_at >= $?", {OID_TIMESTAMPTZ}}, 0},
	[UPDATED_BEFORE] = {"updated_before", {"m.updated_at < $?", {OID_TIMESTAMPTZ}}, 0},
};

static const struct query_rule rules[] = {
	{"q", QUERY_WORDS, Q, NULL},
	{"tag", QUERY_TAG, TAG, NULL},
	{"metric", QUERY_METRIC, METRIC_FIRST, NULL},
	{"created_after", QUERY_TIME, CREATED_AFTER, NULL},
	{"created_before", QUERY_TIME, CREATED_BEFORE, NULL},
	{"updated_after", QUERY_TIME, UPDATED_AFTER, NULL},
	{"updated_before", QUERY_TIME, UPDATED_BEFORE, NULL},
};

static const char *const sorts[] = {"name", "created_at", "updated_at", NULL};

#define BY_TIME(name_, down, order, than)                                                          \
	{                                                                                          \
		.name = #name_, .descending = (down),                                              \
		.columns = ", m." #name_ " AS key1, m.id AS key2",                                 \
		.order_by = "m." #name_ order ", m.id" order,                                      \
		.after = {"(m." #name_ ", m.id) " than " ($?, $?)", {OID_TIMESTAMPTZ, OID_UUID}},  \
	}

static const struct list_order orders[] = {
	{.name = "name",
	 .columns = ", m.name AS key1",
	 .order_by = "m.name",
	 .after = {"m.name > $?", {OID_TEXT}}},
	{.name = "name",
	 .descending = true,
	 .columns = ", m.name AS key1",
	 .order_by = "m.name DESC",
	 .after = {"m.name < $?", {OID_TEXT}}},
	BY_TIME(created_at, false, "", ">"),
	BY_TIME(created_at, true, " DESC", "<"),
	BY_TIME(updated_at, false, "", ">"),
	BY_TIME(updated_at, true, " DESC", "<"),
};

static const struct list_spec spec = {
	.name = "models_list",
	.columns = "SELECT m.id, m.project, m.name, m.description, m.tags, m.created_at, "
		   "m.created_by, "
		   "m.updated_at, m.row_version, (SELECT v.semver FROM version v WHERE v.model_id "
		   "= m.id "
		   "AND NOT v.prerelease AND v.state IN ('published', 'deprecated') "
		   "ORDER BY v.precedence DESC LIMIT 1) AS latest",
	.from = "FROM model m",
	.where = {"m.project = $? AND m.deleted_at IS NULL", {OID_TEXT}},
	LIST_FILTERS(filters),
	LIST_ORDERS(orders),
};

const struct query_list model_query = {
	.spec = &spec,
	.rules = rules,
	.nrules = sizeof(rules) / sizeof(rules[0]),
	.sorts = sorts,
	.sort = "name",
};
