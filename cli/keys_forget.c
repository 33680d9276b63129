/* hallmark keys forget: a signing key is trusted here no more. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/credentials.h"
#include "cli/exit.h"
#include "cli/keyring.h"
#include "cli/small_file.h"

static struct problem keep_others(struct cli *cli, const char *origin, const struct keyring *ring,
				  const struct minisign_public *gone)
{
	const char *path = credentials_path(cli->arena, origin, "keys");
	struct keyring rest = {0};

	for (size_t i = 0; i < ring->count; i++)
		if (&ring->keys[i] != gone)
			keyring_add(cli->arena, &rest, &ring->keys[i]);
	if (rest.count)
		return keyring_keep(cli->arena, origin, &rest);
	return unlink(path) == 0 ? NO_PROBLEM : file_problem(cli->arena, path, errno);
}

static struct problem run(struct cli *cli, const void *options)
{
	const char *id = cli->operands[0], *url = NULL, *from = NULL;
	unsigned char bytes[MINISIGN_ID_BYTES];
	struct keyring ring;

	(void)options;
	TRY(credentials_url(cli, &url, &from));
	TRY(keyring_kept(cli->arena, url, &ring));
	if (!minisign_id_read(id, strlen(id), bytes) || !keyring_key(&ring, bytes))
		return problem(cli->arena, PROBLEM_NOT_FOUND, "no key %s is trusted here for %s",
			       id, url);
	TRY(keep_others(cli, url, &ring, keyring_key(&ring, bytes)));
	cli_say(cli, "key %s is trusted no more for %s", id, url);
	return NO_PROBLEM;
}

const struct command command_keys_forget = {
	.name = "keys forget",
	.operands = "KEY",
	.least = 1,
	.most = 1,
	.summary = "Stop trusting a signing key on this machine",
	.examples =
		(const struct example[]){
			{"A key that was retired for cause",
			 "hallmark keys forget 4C476354A75A4756"},
			{NULL, NULL},
		},
	.run = run,
};
