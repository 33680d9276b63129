/* hallmark version: which build this is. */
#include <curl/curl.h>
#include <sodium.h>

#include "cli/cli.h"
#include "cli/commands.h"

static struct problem run(struct cli *cli, const void *options)
{
	(void)options;
	if (cli->globals.json)
		cli_print_json(cli, cli_own(cli->arena,
					    json_pack("{s:s, s:s, s:s}", "hallmark",
						      HALLMARK_VERSION, "libcurl", curl_version(),
						      "libsodium", sodium_version_string())));
	else
		printf("hallmark " HALLMARK_VERSION "\n");
	return NO_PROBLEM;
}

const struct command command_version = {
	.name = "version",
	.operands = "",
	.summary = "Print the version of this program",
	.run = run,
};
