#include "cli/sealed_folder.h"

#include <string.h>

#include "base/origin.h"
#include "cli/exit.h"
#include "cli/file_digest.h"
#include "cli/place.h"
#include "cli/server.h"
#include "cli/small_file.h"

enum { OWN_FILE_MOST = 256 << 20, SIGNATURE_MOST = 64 * 1024 };

static struct problem read_below(struct arena *a, int root, const char *path, size_t limit,
				 const char **text, size_t *len)
{
	int parent __attribute__((cleanup(fd_close))) = -1;
	const char *leaf = "";

	TRY(place_parent(a, root, path, false, &parent, &leaf));
	return small_file_read(a, parent, leaf, limit, text, len);
}

struct problem sealed_read(struct arena *a, int root, const char *path, const char **text,
			   size_t *len)
{
	return read_below(a, root, path, OWN_FILE_MOST, text, len);
}

struct problem sealed_write(struct arena *a, int root, const char *path, const void *bytes,
			    size_t len)
{
	int parent __attribute__((cleanup(fd_close))) = -1;
	const char *leaf = "";

	TRY(place_parent(a, root, path, true, &parent, &leaf));
	return small_file_write(a, parent, leaf, 0644, bytes, len);
}

static const char *signature_path(struct arena *a, const char *path)
{
	return arena_printf(a, SEALED_SIGNATURES "/%s.minisig", path);
}

struct problem sealed_signature(struct arena *a, int root, const char *path, const char **text,
				size_t *len)
{
	return read_below(a, root, signature_path(a, path), SIGNATURE_MOST, text, len);
}

struct problem sealed_keep_signature(struct arena *a, int root, const char *path, const char *text,
				     size_t len)
{
	return sealed_write(a, root, signature_path(a, path), text, len);
}

struct problem sealed_keys(struct arena *a, int root, struct keyring *ring)
{
	const char *text = NULL;
	size_t len = 0;

	TRY(sealed_read(a, root, SEALED_KEYS, &text, &len));
	TRY(keyring_parse(a, text, len, SEALED_KEYS, ring));
	ring->trust = TRUST_FOLDER;
	return NO_PROBLEM;
}

const char *sealed_origin(struct arena *a, int root)
{
	const char *text = NULL, *origin = NULL;
	size_t len = 0;
	struct problem p = sealed_read(a, root, SEALED_ORIGIN, &text, &len);
	const json_t *tree =
		p.code == PROBLEM_NONE ? cli_own(a, json_loadb(text, len, 0, NULL)) : NULL;
	const char *url = json_text(tree, "url");

	if (!url)
		return NULL;
	p = origin_read(a, url, &origin);
	return p.code == PROBLEM_NONE ? origin : NULL;
}

struct problem sealed_seal(struct arena *a, int root, const struct keyring *ring, struct seal *out)
{
	const char *text = NULL;
	size_t len = 0;
	struct problem p = sealed_read(a, root, SEALED_ATTESTATION, &text, &len);

	if (p.code == PROBLEM_NOT_FOUND)
		return problem(a, CLI_UNSIGNED,
			       "there is no " SEALED_ATTESTATION
			       ": the folder was not pulled from a "
			       "registry, or not to its end");
	TRY(p);
	return seal_read(a, ring, text, len, out);
}

static enum verdict compare_signature(struct arena *a, int root, const struct seal *s,
				      const struct keyring *ring, const struct sealed_file *f,
				      const struct digests *d)
{
	const char *text = NULL;
	size_t len = 0;
	struct problem p = sealed_signature(a, root, f->path, &text, &len);

	if (p.code == PROBLEM_NONE)
		p = seal_check_file(a, s, ring, f, d, text, len);
	return p.code == PROBLEM_NONE ? VERDICT_SAME : VERDICT_UNSIGNED;
}

struct problem sealed_compare(struct arena *a, int root, const struct seal *s,
			      const struct keyring *ring, const struct sealed_file *f,
			      const struct reading_told *told, enum verdict *verdict)
{
	int fd __attribute__((cleanup(fd_close))) = -1;
	struct digests d;
	int64_t size = 0;
	struct problem p = place_open(a, root, f->path, &fd);

	*verdict = p.code == PROBLEM_NOT_FOUND ? VERDICT_MISSING : VERDICT_CHANGED;
	if (p.code != PROBLEM_NONE)
		return NO_PROBLEM; /* a link, a folder, or not readable: not the signed file */
	TRY(file_digests(a, fd, f->path, &d, &size, told));
	if (memcmp(d.sha256, f->sha256, SHA256_BYTES) == 0)
		*verdict = compare_signature(a, root, s, ring, f, &d);
	return NO_PROBLEM;
}
