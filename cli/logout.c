/* hallmark logout: the token is forgotten. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/credentials.h"

static struct problem logout(struct cli *cli, const void *options)
{
	const char *url = NULL, *from = NULL;
	bool was_there = false;

	(void)options;
	TRY(credentials_url(cli, &url, &from));
	TRY(credentials_forget(cli->arena, url, &was_there));
	cli_say(cli, was_there ? "the token for %s is forgotten" : "there was no token for %s",
		url);
	return NO_PROBLEM;
}

const struct command command_logout = {
	.name = "logout",
	.operands = "",
	.summary = "Forget the token that is kept for this server",
	.examples =
		(const struct example[]){
			{"On the server of the last login", "hallmark logout"},
			{NULL, NULL},
		},
	.run = logout,
};
