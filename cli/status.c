/* hallmark status: which server, with which token, and is it taken? */
#include <string.h>

#include "cli/commands.h"
#include "cli/credentials.h"
#include "cli/keyring.h"
#include "cli/screen.h"
#include "cli/server.h"

static const char *answers(struct cli *cli)
{
	json_t *page = NULL;
	struct problem p = server_get(cli, "/api/v1/projects", &page);

	return p.code == PROBLEM_NONE ? "yes" : p.detail;
}

static struct problem status(struct cli *cli, const void *options)
{
	const char *url = NULL, *url_from = NULL, *token = NULL, *token_from = NULL;
	struct keyring ring;

	(void)options;
	TRY(credentials_url(cli, &url, &url_from));
	TRY(credentials_token(cli, url, &token, &token_from));
	TRY(keyring_kept(cli->arena, url, &ring));

	const char *taken = answers(cli);

	if (cli->globals.json) {
		cli_print_json(cli, cli_own(cli->arena,
					    json_pack("{s:s, s:s, s:s?, s:b, s:s, s:i}", "url", url,
						      "url_from", url_from, "token_from",
						      token ? token_from : NULL, "usable",
						      strcmp(taken, "yes") == 0, "answer", taken,
						      "trusted_keys", (int)ring.count)));
		return NO_PROBLEM;
	}
	screen_field(cli, "server", arena_printf(cli->arena, "%s (%s)", url, url_from));
	screen_field(cli, "token",
		     token ? arena_printf(cli->arena, "from %s", token_from) : "none");
	screen_field(cli, "usable", taken);
	screen_field(cli, "trusted keys",
		     ring.count ? arena_printf(cli->arena, "%zu, in %s", ring.count, ring.from)
				: "none yet: the first pull keeps them");
	return NO_PROBLEM;
}

const struct command command_status = {
	.name = "status",
	.operands = "",
	.summary = "Show the server, where its token is from, and whether it is taken",
	.examples =
		(const struct example[]){
			{"Why am I not let in?", "hallmark status"},
			{NULL, NULL},
		},
	.run = status,
};
