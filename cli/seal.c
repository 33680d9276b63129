#include "cli/seal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/dsse.h"
#include "base/in_toto.h"
#include "base/text.h"
#include "cli/exit.h"
#include "cli/place.h"
#include "cli/server.h"

/* ---- who signed ------------------------------------------------------------------- */

/* The id that the statement claims; not authenticated, good enough for a message. */
static const char *claimed_id(struct arena *a, const char *envelope, size_t len)
{
	const json_t *root = cli_own(a, json_loadb(envelope, len, 0, NULL));
	const char *payload = json_text(root, "payload");
	unsigned char *bytes;
	size_t n;

	if (!payload || !base64_read(a, BASE64_STANDARD, payload, strlen(payload), &bytes, &n))
		return "unknown";
	const json_t *statement = cli_own(a, json_loadb((const char *)bytes, n, 0, NULL));
	const char *id = json_text(json_object_get(statement, "predicate"), "key_id");
	return id ? id : "unknown";
}

static const char *ids(struct arena *a, const struct keyring *ring)
{
	const char *list = "";
	char id[MINISIGN_ID_TEXT];

	for (size_t i = 0; i < ring->count; i++) {
		minisign_id_text(ring->keys[i].id, id);
		list = arena_printf(a, "%s%s%s", list, i ? ", " : "", id);
	}
	return list;
}

static struct problem not_trusted(struct arena *a, const struct keyring *ring, const char *claimed)
{
	unsigned char id[MINISIGN_ID_BYTES];

	if (minisign_id_read(claimed, strlen(claimed), id) && keyring_key(ring, id))
		return problem(a, CLI_BAD_SIGNATURE,
			       "the attestation does not match its signature by key %s: it was "
			       "changed, or another key carries that id",
			       claimed);
	if (ring->trust == TRUST_KEPT)
		return problem(a, CLI_BAD_SIGNATURE,
			       "the registry's signing key has changed: this version is signed by "
			       "key %s, and this machine trusts %s for it (%s). If the change was "
			       "meant, have the registry's operator confirm the new id, then run: "
			       "hallmark keys trust %s",
			       claimed, ids(a, ring), ring->from, claimed);
	return problem(a, CLI_BAD_SIGNATURE,
		       "the version is signed by key %s, which is not trusted here: %s holds %s",
		       claimed, ring->from, ids(a, ring));
}

static struct problem open_envelope(struct arena *a, const struct keyring *ring,
				    const char *envelope, size_t len, struct dsse *payload,
				    struct minisign_public *key)
{
	for (size_t i = 0; i < ring->count; i++) {
		struct problem p = dsse_verify(a, &ring->keys[i], envelope, len, payload);

		*key = ring->keys[i];
		if (p.code == PROBLEM_NONE)
			return NO_PROBLEM;
		if (p.code != PROBLEM_DIGEST_MISMATCH) {
			p.code = CLI_BAD_SIGNATURE;
			return p;
		}
	}
	return not_trusted(a, ring, claimed_id(a, envelope, len));
}

/* ---- what was signed -------------------------------------------------------------- */

static struct problem odd_statement(struct arena *a, const char *what)
{
	return problem(a, CLI_BAD_SIGNATURE, "the attestation is signed, but %s", what);
}

static struct problem read_subject(struct arena *a, const json_t *row, struct sealed_file *f)
{
	const json_t *name = json_object_get(row, "name");
	const char *hex = json_text(json_object_get(row, "digest"), "sha256");

	if (!json_is_string(name) || !hex || !hex_read(f->sha256, SHA256_BYTES, hex, strlen(hex)))
		return odd_statement(a, "one of its subjects has no name or no SHA-256");
	f->path = json_string_value(name);

	const char *fault =
		strlen(f->path) != json_string_length(name) ? "holds a NUL" : path_fault(f->path);

	return fault ? odd_statement(a, arena_printf(a, "its path \"%s\" %s", f->path, fault))
		     : NO_PROBLEM;
}

static int by_path(const void *x, const void *y)
{
	const struct sealed_file *a = x, *b = y;

	return strcmp(a->path, b->path);
}

const struct sealed_file *seal_find(const struct seal *s, const char *path)
{
	struct sealed_file key = {.path = path};

	return s->count ? bsearch(&key, s->files, s->count, sizeof(key), by_path) : NULL;
}

/* No path twice, and none that is a folder of another. */
static struct problem check_paths(struct arena *a, const struct seal *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const char *path = s->files[i].path;

		if (i && strcmp(path, s->files[i - 1].path) == 0)
			return odd_statement(a, arena_printf(a, "it names \"%s\" twice", path));
		for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
			const char *above = arena_dup(a, path, (size_t)(slash - path));

			if (seal_find(s, above))
				return odd_statement(
					a, arena_printf(a, "\"%s\" is a file and a folder", above));
		}
	}
	return NO_PROBLEM;
}

static struct problem read_subjects(struct arena *a, const json_t *subjects, struct seal *out)
{
	out->count = json_array_size(subjects);
	if (out->count == 0)
		return odd_statement(a, "it lists no files");
	out->files = arena_array(a, struct sealed_file, out->count);
	for (size_t i = 0; i < out->count; i++)
		TRY(read_subject(a, json_array_get(subjects, i), &out->files[i]));
	qsort(out->files, out->count, sizeof(*out->files), by_path);
	return check_paths(a, out);
}

static struct problem read_statement(struct arena *a, const json_t *root, struct seal *out)
{
	const json_t *predicate = json_object_get(root, "predicate");
	const char *type = json_text(root, "_type");
	const char *kind = json_text(root, "predicateType");

	if (!type || strcmp(type, IN_TOTO_STATEMENT) != 0 || !kind ||
	    strcmp(kind, IN_TOTO_PREDICATE) != 0)
		return odd_statement(a, "it is no statement about a Hallmark version");
	out->project = json_text(predicate, "project");
	out->model = json_text(predicate, "model");
	out->version = json_text(predicate, "version");
	out->created_at = json_text(predicate, "created_at");
	out->ordinal = json_whole(predicate, "ordinal");
	if (!out->project || !out->model || !out->version)
		return odd_statement(a, "it does not say of which project, model and version");
	return read_subjects(a, json_object_get(root, "subject"), out);
}

struct problem seal_read(struct arena *a, const struct keyring *ring, const char *envelope,
			 size_t len, struct seal *out)
{
	struct dsse payload = {0};

	*out = (struct seal){0};
	TRY(open_envelope(a, ring, envelope, len, &payload, &out->key));
	if (!payload.type || strcmp(payload.type, DSSE_IN_TOTO) != 0)
		return odd_statement(a, "its payload is no in-toto statement");

	const json_t *root =
		cli_own(a, json_loadb(payload.payload, payload.len, JSON_REJECT_DUPLICATES, NULL));

	return root ? read_statement(a, root, out) : odd_statement(a, "its payload is no JSON");
}

/* ---- one file --------------------------------------------------------------------- */

/* "…\tpath:onnx/model.onnx\tsha256:…": does the comment hold this field with this value? */
static bool comment_says(const char *comment, const char *name, const char *value)
{
	size_t n = strlen(name), v = strlen(value);

	for (const char *s = comment;;) {
		size_t len = strcspn(s, "\t");

		if (len == n + 1 + v && memcmp(s, name, n) == 0 && s[n] == ':' &&
		    memcmp(s + n + 1, value, v) == 0)
			return true;
		if (!s[len])
			return false;
		s += len + 1;
	}
}

struct problem seal_check_file(struct arena *a, const struct seal *s, const struct keyring *ring,
			       const struct sealed_file *f, const struct digests *d,
			       const char *minisig, size_t len)
{
	struct minisign_signature sig;
	struct problem p = minisign_signature_read(a, minisig, len, &sig);
	char hex[SHA256_TEXT], id[MINISIGN_ID_TEXT];

	if (p.code != PROBLEM_NONE)
		return problem(a, CLI_BAD_SIGNATURE, "the signature of %s: %s", f->path, p.detail);

	const struct minisign_public *k = keyring_key(ring, sig.id);

	minisign_id_text(sig.id, id);
	if (!k)
		return problem(a, CLI_BAD_SIGNATURE,
			       "%s is signed by key %s, which is not trusted here", f->path, id);
	if (!minisign_holds(&sig, k, d->blake2b))
		return problem(a, CLI_BAD_SIGNATURE, "%s does not match its signature by key %s",
			       f->path, id);
	hex_text(hex, f->sha256, SHA256_BYTES);
	if (!comment_says(sig.trusted, "version", s->version) ||
	    !comment_says(sig.trusted, "path", f->path) ||
	    !comment_says(sig.trusted, "sha256", hex))
		return problem(a, CLI_BAD_SIGNATURE,
			       "the signature of %s was made for another file or version: %s",
			       f->path, sig.trusted);
	return NO_PROBLEM;
}
