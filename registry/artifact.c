#include "registry/artifact.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

static const struct column columns[] = {
	COLUMN(struct artifact, path, OID_TEXT),
	COLUMN(struct artifact, sha256, OID_BYTEA),
	COLUMN(struct artifact, size, OID_INT8),
	COLUMN(struct artifact, blake2b, OID_BYTEA),
	COLUMN(struct artifact, media_type, OID_TEXT),
	COLUMN(struct artifact, minisig, OID_TEXT),
	COLUMN(struct artifact, key_id, OID_TEXT),
	COLUMN(struct artifact, storage_key, OID_TEXT),
	COLUMN(struct artifact, blob_state, OID_TEXT),
};

static const struct column making_columns[] = {
	COLUMN(struct artifact, created_at, OID_TIMESTAMPTZ),
	COLUMN(struct artifact, created_by, OID_TEXT),
};

struct problem artifact_read(struct arena *a, const PGresult *res, int row, struct artifact *out)
{
	TRY(row_find(a, res, row, COLUMNS(columns), out));
	return row_column(res, "created_by") < 0
		       ? NO_PROBLEM
		       : row_find(a, res, row, COLUMNS(making_columns), out);
}

void artifact_write(struct json_out *j, const struct artifact *f)
{
	jw_object(j);
	jw_key(j, "path"), jw_text(j, f->path);
	jw_key(j, "size"), jw_int(j, f->size);
	jw_key(j, "sha256"), jw_hex(j, f->sha256.data, f->sha256.len);
	jw_key(j, "blake2b"), jw_hex(j, f->blake2b.data, f->blake2b.len);
	jw_key(j, "media_type"), jw_text(j, f->media_type);
	jw_key(j, "key_id"), jw_text(j, f->key_id);
	jw_key(j, "created_at"), jw_time(j, f->created_at);
	jw_key(j, "created_by"), jw_text(j, f->created_by);
	jw_end_object(j);
}

/* One TAB-separated field of the trusted comment, exactly. */
static bool comment_says(struct arena *a, const char *comment, const char *name, const char *value)
{
	const char *field = arena_printf(a, "%s:%s", name, value);
	size_t len = strlen(field);

	for (const char *p = comment; p; p = strchr(p, '\t')) {
		p += *p == '\t';
		if (strncmp(p, field, len) == 0 && (p[len] == '\t' || p[len] == '\0'))
			return true;
	}
	return false;
}

struct problem artifact_verify(struct arena *a, const struct artifact *f,
			       const struct minisign_public *key)
{
	char sha256[SHA256_TEXT];
	const char *trusted;

	if (f->sha256.len != SHA256_BYTES || f->blake2b.len != BLAKE2B_BYTES)
		return problem(a, PROBLEM_DIGEST_MISMATCH, "%s: the digests are cut", f->path);
	TRY(minisign_verify(a, key, f->blake2b.data, f->minisig, strlen(f->minisig), &trusted));
	hex_text(sha256, f->sha256.data, f->sha256.len);
	if (!comment_says(a, trusted, "path", f->path) ||
	    !comment_says(a, trusted, "sha256", sha256))
		return problem(a, PROBLEM_DIGEST_MISMATCH,
			       "%s: the signature was made for another file", f->path);
	return NO_PROBLEM;
}

static const struct {
	const char *ending, *type;
} media_types[] = {
	{".json", "application/json"},
	{".md", "text/markdown; charset=utf-8"},
	{".txt", "text/plain; charset=utf-8"},
	{".yaml", "application/yaml"},
	{".yml", "application/yaml"},
	{".csv", "text/csv; charset=utf-8"},
	{".png", "image/png"},
	{".zip", "application/zip"},
	{".gz", "application/gzip"},
	{".tar", "application/x-tar"},
};

const char *artifact_media_type(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(media_types) / sizeof(media_types[0]); i++)
		if (strcasecmp(dot, media_types[i].ending) == 0)
			return media_types[i].type;
	return "application/octet-stream";
}
