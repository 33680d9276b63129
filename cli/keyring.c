#include "cli/keyring.h"

#include <fcntl.h>
#include <string.h>

#include "base/text.h"
#include "cli/credentials.h"
#include "cli/exit.h"
#include "cli/server.h"
#include "cli/small_file.h"

enum { KEY_FILE_MOST = 256 * 1024, KEYS_MOST = 1000 };

const char *const keyring_trust_words[] = {
	[TRUST_GIVEN] = "given",
	[TRUST_KEPT] = "kept",
	[TRUST_FIRST] = "first-use",
	[TRUST_FOLDER] = "folder",
};

const struct minisign_public *keyring_key(const struct keyring *ring,
					  const unsigned char id[MINISIGN_ID_BYTES])
{
	for (size_t i = 0; i < ring->count; i++)
		if (memcmp(ring->keys[i].id, id, MINISIGN_ID_BYTES) == 0)
			return &ring->keys[i];
	return NULL;
}

void keyring_add(struct arena *a, struct keyring *ring, const struct minisign_public *k)
{
	struct minisign_public *wider = arena_array(a, struct minisign_public, ring->count + 1);

	if (ring->count)
		memcpy(wider, ring->keys, ring->count * sizeof(*wider));
	wider[ring->count++] = *k;
	ring->keys = wider;
}

static struct problem parse_line(struct arena *a, const char *line, size_t len, const char *from,
				 struct keyring *ring)
{
	struct minisign_public k;
	struct problem p;

	if (len == 0 || text_starts(line, len, "untrusted comment:"))
		return NO_PROBLEM;
	p = minisign_public_read(a, line, len, &k);
	if (p.code != PROBLEM_NONE || ring->count == KEYS_MOST)
		return problem(a, CLI_USAGE, "%s is no minisign public key file: %s", from,
			       p.detail ? p.detail : "it holds too many keys");
	keyring_add(a, ring, &k);
	return NO_PROBLEM;
}

struct problem keyring_parse(struct arena *a, const char *text, size_t len, const char *from,
			     struct keyring *ring)
{
	const char *end = text + len;

	*ring = (struct keyring){.from = from};
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		size_t n = (size_t)(stop - text);

		if (n && text[n - 1] == '\r')
			n--;
		TRY(parse_line(a, text, n, from, ring));
		text = stop + 1;
	}
	if (ring->count == 0)
		return problem(a, CLI_USAGE, "%s holds no public key", from);
	return NO_PROBLEM;
}

struct problem keyring_file(struct arena *a, const char *path, struct keyring *ring)
{
	const char *text = NULL;
	size_t len = 0;

	TRY(small_file_read(a, AT_FDCWD, path, KEY_FILE_MOST, &text, &len));
	return keyring_parse(a, text, len, path, ring);
}

struct problem keyring_kept(struct arena *a, const char *origin, struct keyring *ring)
{
	const char *path = credentials_path(a, origin, "keys");
	struct problem p;

	*ring = (struct keyring){.trust = TRUST_KEPT};
	if (!path)
		return NO_PROBLEM;
	p = keyring_file(a, path, ring);
	ring->trust = TRUST_KEPT;
	return p.code == PROBLEM_NOT_FOUND ? NO_PROBLEM : p;
}

const char *keyring_text(struct arena *a, const struct keyring *ring,
			 const struct minisign_public *first)
{
	const char *text = first ? minisign_public_file(a, first) : "";

	for (size_t i = 0; i < ring->count; i++)
		if (!first || memcmp(ring->keys[i].id, first->id, MINISIGN_ID_BYTES) != 0)
			text = arena_printf(a, "%s%s", text,
					    minisign_public_file(a, &ring->keys[i]));
	return text;
}

struct problem keyring_keep(struct arena *a, const char *origin, const struct keyring *ring)
{
	const char *path = credentials_path(a, origin, "keys");
	const char *text = keyring_text(a, ring, NULL);

	if (!path)
		return problem(a, CLI_FAILED,
			       "there is no folder to keep trusted keys in: set HOME or "
			       "XDG_CONFIG_HOME, or give --key");
	TRY(small_file_folders(a, path));
	return small_file_write(a, AT_FDCWD, path, 0600, text, strlen(text));
}

struct problem keyring_server(struct cli *cli, struct keyring *ring)
{
	json_t *page = NULL;

	*ring = (struct keyring){.trust = TRUST_FIRST};
	TRY(server_get(cli, "/api/v1/keys", &page));
	ring->from = cli->server.origin;

	const json_t *items = json_object_get(page, "items");

	for (size_t i = 0; i < json_array_size(items); i++) {
		const char *text = json_text(json_array_get(items, i), "minisign");
		struct keyring one;

		if (!text)
			continue;
		TRY(keyring_parse(cli->arena, text, strlen(text), ring->from, &one));
		if (one.count)
			keyring_add(cli->arena, ring, &one.keys[0]);
	}
	if (ring->count == 0)
		return problem(cli->arena, CLI_UNSIGNED, "%s publishes no signing key", ring->from);
	return NO_PROBLEM;
}

struct problem keyring_for(struct cli *cli, const char *key_file, struct keyring *ring)
{
	TRY(server_connect(cli));
	if (key_file)
		return keyring_file(cli->arena, key_file, ring);
	TRY(keyring_kept(cli->arena, cli->server.origin, ring));
	return ring->count ? NO_PROBLEM : keyring_server(cli, ring);
}
