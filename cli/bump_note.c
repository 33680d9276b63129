#include "cli/bump_note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"
#include "cli/small_file.h"

enum { NOTE_MOST = 4096 };

const char *bump_note_path(const struct cli *cli, const struct model_ref *m, const char *bump,
			   const char *folder)
{
	struct arena *a = cli->arena;
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *real = realpath(folder, NULL);
	char hex[SHA256_TEXT];
	unsigned char sha256[SHA256_BYTES];

	if (!state || *state != '/')
		state = home ? arena_printf(a, "%s/.local/state", home) : NULL;

	const char *what = arena_printf(a, "%s\n%s\n%s\n%s\n%s", cli->server.origin, m->project,
					m->model, bump, real ? real : folder);

	free(real);
	sha256_of(what, strlen(what), sha256);
	hex_text(hex, sha256, SHA256_BYTES);
	return state ? arena_printf(a, "%s/hallmark/pushes/%s", state, hex) : NULL;
}

const char *bump_note_read(const struct cli *cli, const char *path)
{
	const char *version = NULL;
	size_t len = 0;

	if (!path || small_file_read(cli->arena, AT_FDCWD, path, NOTE_MOST, &version, &len).code !=
			     PROBLEM_NONE)
		return NULL;
	return version;
}

struct problem bump_note_write(const struct cli *cli, const char *path, const char *version)
{
	if (!path)
		return NO_PROBLEM;
	TRY(small_file_folders(cli->arena, path));
	return small_file_write(cli->arena, AT_FDCWD, path, 0600, version, strlen(version));
}

void bump_note_remove(struct cli *cli, const char *path)
{
	if (path && unlink(path) != 0 && errno != ENOENT)
		cli_warn(cli, "%s cannot be removed: %s", path, strerror(errno));
}
