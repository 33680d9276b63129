/* hallmark keys trust: a signing key of the registry is trusted on this machine. */
#include <string.h>

#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/keyring.h"
#include "cli/server.h"

static struct problem pick(struct cli *cli, const char *text, struct minisign_public *k)
{
	unsigned char id[MINISIGN_ID_BYTES];
	struct keyring theirs;

	if (!minisign_id_read(text, strlen(text), id))
		return problem(cli->arena, CLI_USAGE,
			       "\"%s\" is no key id: it has 16 upper-case hexadecimal digits; "
			       "\"hallmark keys list\" shows them",
			       text);
	TRY(keyring_server(cli, &theirs));

	const struct minisign_public *found = keyring_key(&theirs, id);

	if (!found)
		return problem(cli->arena, PROBLEM_NOT_FOUND, "%s has no signing key %s",
			       cli->server.origin, text);
	*k = *found;
	return NO_PROBLEM;
}

static struct problem run(struct cli *cli, const void *options)
{
	struct minisign_public k;
	struct keyring ring;

	(void)options;
	TRY(server_connect(cli));
	TRY(pick(cli, cli->operands[0], &k));
	TRY(keyring_kept(cli->arena, cli->server.origin, &ring));

	const struct minisign_public *before = keyring_key(&ring, k.id);

	if (before && memcmp(before, &k, sizeof(k)) != 0)
		return problem(
			cli->arena, CLI_BAD_SIGNATURE,
			"another key with the id %s is trusted here already. If you are sure, "
			"run first: hallmark keys forget %s",
			cli->operands[0], cli->operands[0]);
	if (!before) {
		keyring_add(cli->arena, &ring, &k);
		TRY(keyring_keep(cli->arena, cli->server.origin, &ring));
	}
	cli_say(cli, "key %s is trusted here for %s", cli->operands[0], cli->server.origin);
	return NO_PROBLEM;
}

const struct command command_keys_trust = {
	.name = "keys trust",
	.operands = "KEY",
	.least = 1,
	.most = 1,
	.summary = "Trust a signing key of the registry from now on",
	.about = "Compare the id with what the registry's operator says before. The first pull "
		 "from a "
		 "registry trusts its keys of that moment; later ones are added with this command.",
	.examples =
		(const struct example[]){
			{"After the registry's key was rotated",
			 "hallmark keys trust 4C476354A75A4756"},
			{NULL, NULL},
		},
	.run = run,
};
