#include "registry/lineage.h"

#include <string.h>

#include "registry/notation.h"

const char *const lineage_kinds[] = {
	[LINEAGE_DATASET] = "dataset", [LINEAGE_CODE] = "code",     [LINEAGE_RUN] = "run",
	[LINEAGE_IMAGE] = "image",     [LINEAGE_PARENT] = "parent", NULL,
};
const char *const lineage_relations[] = {"fine_tune", "quantise", "merge",
					 "adapter",   "distil",   NULL};

enum wanted { NEVER, MAYBE, ALWAYS };

/* Which members a kind of edge has. */
static const struct kind_rule {
	enum wanted uri, digest, commit, relation, version;
	name_rule *uri_rule;
} kind_rules[] = {
	[LINEAGE_DATASET] = {.uri = ALWAYS, .digest = MAYBE, .uri_rule = notation_uri},
	[LINEAGE_CODE] = {.uri = MAYBE, .commit = ALWAYS, .uri_rule = notation_uri},
	[LINEAGE_RUN] = {.uri = ALWAYS, .uri_rule = notation_uri},
	[LINEAGE_IMAGE] = {.uri = ALWAYS, .digest = MAYBE, .uri_rule = notation_image},
	[LINEAGE_PARENT] = {.relation = ALWAYS, .version = ALWAYS},
};

static const struct draft_field fields[] = {
	{DRAFT_MEMBER(struct lineage_draft, kind, DRAFT_WORD), .required = true,
	 .words = lineage_kinds},
	{DRAFT_MEMBER(struct lineage_draft, relation, DRAFT_WORD), .words = lineage_relations},
	{DRAFT_MEMBER(struct lineage_draft, uri, DRAFT_TEXT)},
	{DRAFT_MEMBER(struct lineage_draft, digest, DRAFT_TEXT), .rule = notation_digest},
	{DRAFT_MEMBER(struct lineage_draft, commit, DRAFT_TEXT), .rule = notation_commit},
	{DRAFT_MEMBER(struct lineage_draft, version, DRAFT_TEXT)},
};

static void check_member(struct draft *d, const char *pointer, const char *kind, const char *name,
			 enum wanted wanted, bool there)
{
	if (wanted == ALWAYS && !there)
		draft_fault(d, pointer, "lineage of kind %s needs \"%s\"", kind, name);
	if (wanted == NEVER && there)
		draft_fault(d, pointer_member(draft_arena(d), pointer, name),
			    "lineage of kind %s has no \"%s\"", kind, name);
}

static void check_edge(struct draft *d, const char *pointer, void *out)
{
	struct lineage_draft *e = out;
	struct arena *a = draft_arena(d);
	const struct kind_rule *rule = &kind_rules[e->kind];
	const char *kind = lineage_kinds[e->kind];

	check_member(d, pointer, kind, "uri", rule->uri, e->uri);
	check_member(d, pointer, kind, "digest", rule->digest, e->digest);
	check_member(d, pointer, kind, "commit", rule->commit, e->commit);
	check_member(d, pointer, kind, "relation", rule->relation, e->relation >= 0);
	check_member(d, pointer, kind, "version", rule->version, e->version);
	if (rule->uri && e->uri)
		draft_add(d, rule->uri_rule(a, pointer_member(a, pointer, "uri"), e->uri,
					    strlen(e->uri)));
	if (rule->version && e->version)
		draft_add(d, version_name_read(a, pointer_member(a, pointer, "version"), e->version,
					       strlen(e->version), &e->parent));
}

const struct draft_shape lineage_shape =
	DRAFT_SHAPE_CHECKED(struct lineage_draft, fields, check_edge);

static void write_if(struct json_out *j, const char *key, const char *value)
{
	if (value)
		jw_key(j, key), jw_text(j, value);
}

static void write_edge(struct json_out *j, const struct lineage_draft *e)
{
	jw_object(j);
	jw_key(j, "kind"), jw_text(j, lineage_kinds[e->kind]);
	write_if(j, "relation", e->relation < 0 ? NULL : lineage_relations[e->relation]);
	write_if(j, "uri", e->uri);
	write_if(j, "digest", e->digest);
	write_if(j, "commit", e->commit);
	if (e->version) {
		jw_key(j, "parent");
		reference_write(j, e->parent.project, e->parent.model, &e->parent.reference);
	}
	jw_end_object(j);
}

const char *lineage_text(struct arena *a, const struct draft_list *edges)
{
	const struct lineage_draft *e = edges->items;
	struct json_out j = json_out_new(a);

	if (edges->n == 0)
		return NULL;
	jw_array(&j);
	for (size_t i = 0; i < edges->n; i++)
		write_edge(&j, &e[i]);
	jw_end_array(&j);
	return jw_done(&j);
}
