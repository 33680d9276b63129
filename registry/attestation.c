#include "registry/attestation.h"

#include <string.h>

#include "base/draft.h"
#include "base/in_toto.h"
#include "base/json_out.h"
#include "base/text.h"
#include "base/uuid.h"
#include "registry/name.h"
#include "registry/semver.h"

struct file {
	const char *path, *sha256, *media_type;
	int64_t size;
};

struct manifest {
	const char *project, *model, *model_id, *version, *version_id;
	int64_t ordinal;
	const json_t *params, *lineage;
	struct draft_list files;
};

static struct problem rule_version(struct arena *a, const char *where, const char *s, size_t len)
{
	struct semver v;

	TRY(semver_read(a, where, s, len, &v));
	if (!text_is(s, len, v.text))
		return problem_at(a, where, "a signed version is written without a v: %s", v.text);
	return NO_PROBLEM;
}

static struct problem rule_id(struct arena *a, const char *where, const char *s, size_t len)
{
	unsigned char id[UUID_BYTES];

	if (uuid_read(s, len, id))
		return NO_PROBLEM;
	return problem_at(a, where, "this must be a UUID");
}

static struct problem rule_sha256(struct arena *a, const char *where, const char *s, size_t len)
{
	unsigned char sha256[32];

	if (hex_read(sha256, sizeof(sha256), s, len))
		return NO_PROBLEM;
	return problem_at(a, where, "this must be 64 lower-case hexadecimal digits");
}

static const char *const lineage_members[] = {
	"kind", "relation", "uri", "digest", "commit", "version", "version_id", "manifest_sha256"};

static bool is_lineage_member(const char *key)
{
	for (size_t i = 0; i < sizeof(lineage_members) / sizeof(*lineage_members); i++)
		if (strcmp(key, lineage_members[i]) == 0)
			return true;
	return false;
}

/* What is signed must be what people know: text, under names that they know. */
static void look_at_edge(struct draft *d, const char *pointer, const json_t *edge)
{
	const char *key;
	const json_t *value;

	if (!json_is_string(json_object_get(edge, "kind")))
		draft_fault(d, pointer, "this must be an object with a kind");
	json_object_foreach((json_t *)edge, key,
			    value) if (!is_lineage_member(key) || !json_is_string(value))
		draft_fault(d, pointer_member(draft_arena(d), pointer, key),
			    "this is not a text that belongs to an edge");
}

static void look_at_lineage(struct draft *d, const char *pointer, const json_t *lineage)
{
	for (size_t i = 0; i < json_array_size(lineage); i++)
		look_at_edge(d, pointer_item(draft_arena(d), pointer, i),
			     json_array_get(lineage, i));
}

static const struct draft_field file_fields[] = {
	{"path", DRAFT_TEXT, .required = true, .offset = offsetof(struct file, path),
	 .rule = name_path},
	{"sha256", DRAFT_TEXT, .required = true, .offset = offsetof(struct file, sha256),
	 .rule = rule_sha256},
	{"size", DRAFT_INT, .required = true, .offset = offsetof(struct file, size), .min = 0,
	 .max = INT64_MAX},
	{"media_type", DRAFT_TEXT, .required = true, .offset = offsetof(struct file, media_type)},
};
static const struct draft_shape file_shape = DRAFT_SHAPE(struct file, file_fields);

#define AT(member) offsetof(struct manifest, member)
static const struct draft_field manifest_fields[] = {
	{"project", DRAFT_TEXT, .required = true, .offset = AT(project), .rule = name_project},
	{"model", DRAFT_TEXT, .required = true, .offset = AT(model), .rule = name_model},
	{"model_id", DRAFT_TEXT, .required = true, .offset = AT(model_id), .rule = rule_id},
	{"version", DRAFT_TEXT, .required = true, .offset = AT(version), .rule = rule_version},
	{"version_id", DRAFT_TEXT, .required = true, .offset = AT(version_id), .rule = rule_id},
	{"ordinal", DRAFT_INT, .required = true, .offset = AT(ordinal), .min = 1, .max = INT64_MAX},
	{"params", DRAFT_OBJECT, .required = true, .offset = AT(params)},
	{"lineage", DRAFT_ARRAY, .required = true, .offset = AT(lineage), .look = look_at_lineage},
	{"files", DRAFT_LIST, .required = true, .offset = AT(files), .min = 1,
	 .max = ATTESTATION_FILES_MAX, .shape = &file_shape},
};
#undef AT

static void check_order(struct draft *d, const char *pointer, void *out)
{
	const struct manifest *m = out;
	const struct file *files = m->files.items;

	for (size_t i = 1; i < m->files.n; i++) {
		if (strcmp(files[i - 1].path, files[i].path) < 0)
			continue;
		draft_fault(d,
			    pointer_item(draft_arena(d),
					 pointer_member(draft_arena(d), pointer, "files"), i),
			    "the files must be in the order of their paths, none twice");
		return;
	}
}

static const struct draft_shape manifest_shape =
	DRAFT_SHAPE_CHECKED(struct manifest, manifest_fields, check_order);

static void write_subjects(struct json_out *j, const struct draft_list *files)
{
	const struct file *file = files->items;

	jw_key(j, "subject"), jw_array(j);
	for (size_t i = 0; i < files->n; i++) {
		jw_object(j);
		jw_key(j, "name"), jw_text(j, file[i].path);
		jw_key(j, "digest"), jw_object(j);
		jw_key(j, "sha256"), jw_text(j, file[i].sha256);
		jw_end_object(j);
		jw_end_object(j);
	}
	jw_end_array(j);
}

static void write_predicate(struct json_out *j, const struct manifest *m, const char *key_id,
			    int64_t created_at)
{
	jw_key(j, "predicate"), jw_object(j);
	jw_key(j, "project"), jw_text(j, m->project);
	jw_key(j, "model"), jw_text(j, m->model);
	jw_key(j, "model_id"), jw_text(j, m->model_id);
	jw_key(j, "version"), jw_text(j, m->version);
	jw_key(j, "version_id"), jw_text(j, m->version_id);
	jw_key(j, "ordinal"), jw_int(j, m->ordinal);
	jw_key(j, "params"), jw_tree(j, m->params);
	jw_key(j, "lineage"), jw_tree(j, m->lineage);
	jw_key(j, "key_id"), jw_text(j, key_id);
	jw_key(j, "created_at"), jw_time(j, created_at);
	jw_end_object(j);
}

struct problem attestation_statement(struct arena *a, const char *manifest, size_t len,
				     const char *key_id, int64_t created_at, const char **text,
				     size_t *text_len)
{
	struct json_out j = json_out_new(a);
	struct manifest m;

	TRY(draft_body(a, manifest, len, &manifest_shape, &m));
	jw_object(&j);
	jw_key(&j, "_type"), jw_text(&j, IN_TOTO_STATEMENT);
	write_subjects(&j, &m.files);
	jw_key(&j, "predicateType"), jw_text(&j, IN_TOTO_PREDICATE);
	write_predicate(&j, &m, key_id, created_at);
	jw_end_object(&j);
	*text = jw_done(&j);
	*text_len = j.len;
	return NO_PROBLEM;
}

struct problem attestation_comment(struct arena *a, const struct attestation_file *f,
				   const char **comment)
{
	char sha256[65];

	TRY(name_project(a, "project", f->project, strlen(f->project)));
	TRY(name_model(a, "model", f->model, strlen(f->model)));
	TRY(rule_version(a, "version", f->version, strlen(f->version)));
	TRY(name_path(a, "path", f->path, strlen(f->path)));
	hex_text(sha256, f->sha256, sizeof(f->sha256));
	*comment = arena_printf(a, "project:%s\tmodel:%s\tversion:%s\tpath:%s\tsha256:%s",
				f->project, f->model, f->version, f->path, sha256);
	return NO_PROBLEM;
}
