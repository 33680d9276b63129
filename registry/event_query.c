#include "registry/event_query.h"

enum { KIND, KINDS, MODEL, SUBJECT, ACTOR, AFTER, BEFORE };

static const struct list_filter filters[] = {
	[KIND] = {"kind", {"e.kind = $?", {OID_TEXT}}, 0},
	[KINDS] = {"kind", {"e.kind = ANY ($?)", {OID_TEXT_ARRAY}}, 0},
	/* The model that is named so today: "project/model". */
	[MODEL] = {"model", {"o.model_id = model_named_1($?)", {OID_TEXT}}, 0},
	[SUBJECT] = {"subject", {"e.subject = $?", {OID_TEXT}}, 0},
	[ACTOR] = {"actor", {"e.actor = $?", {OID_TEXT}}, 0},
	[AFTER] = {"after", {"e.at >= $?", {OID_TIMESTAMPTZ}}, 0},
	[BEFORE] = {"before", {"e.at < $?", {OID_TIMESTAMPTZ}}, 0},
};

static const struct query_rule rules[] = {
	{"kind", QUERY_WORD, KIND, NULL},       {"model", QUERY_MODEL, MODEL, NULL},
	{"subject", QUERY_TEXT, SUBJECT, NULL}, {"actor", QUERY_TEXT, ACTOR, NULL},
	{"after", QUERY_TIME, AFTER, NULL},     {"before", QUERY_TIME, BEFORE, NULL},
};

static const char *const sorts[] = {"position", NULL};

static const struct list_order orders[] = {
	{.name = "position",
	 .columns = ", o.position AS key1",
	 .order_by = "o.position",
	 .after = {"o.position > $?", {OID_INT8}}},
	{.name = "position",
	 .descending = true,
	 .columns = ", o.position AS key1",
	 .order_by = "o.position DESC",
	 .after = {"o.position < $?", {OID_INT8}}},
};

static const struct list_spec spec = {
	.name = "events_list",
	.columns = "SELECT o.position, e.at, e.kind, e.actor, e.project, e.subject, e.request_id, "
		   "e.body",
	.from = "FROM event_order o JOIN event e ON e.id = o.event_id",
	.where = {"($? IS NULL OR e.project = $?)", {OID_TEXT, OID_TEXT}},
	LIST_FILTERS(filters),
	LIST_ORDERS(orders),
};

const struct query_list event_query = {
	.spec = &spec,
	.rules = rules,
	.nrules = sizeof(rules) / sizeof(rules[0]),
	.sorts = sorts,
	.sort = "-position",
};
