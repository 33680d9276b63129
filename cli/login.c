/* hallmark login: a token is tried and kept. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/credentials.h"
#include "cli/exit.h"
#include "cli/server.h"

enum { TOKEN_MOST = 16 * 1024 };

/* From standard input: a token in the command line would be seen by everybody. */
static struct problem read_token(struct cli *cli, const char **token)
{
	char text[TOKEN_MOST + 1];
	size_t used = 0;
	ssize_t n;

	if (isatty(STDIN_FILENO))
		cli_say(cli, "paste the access token, then press Enter:");
	while ((n = read(STDIN_FILENO, text + used, TOKEN_MOST - used)) > 0) {
		used += (size_t)n;
		if (memchr(text, '\n', used) && isatty(STDIN_FILENO))
			break;
	}
	if (n < 0)
		return problem(cli->arena, CLI_FAILED, "standard input: %s", strerror(errno));
	text[used] = '\0';
	return token_clean(cli->arena, text, "Standard input", token);
}

static struct problem chosen_token(struct cli *cli, const char *origin, const char **token)
{
	const char *from = NULL;

	if (!cli->globals.token_file)
		return read_token(cli, token);
	return credentials_token(cli, origin, token, &from);
}

static struct problem login(struct cli *cli, const void *options)
{
	const char *url = NULL, *from = NULL, *token = NULL;
	json_t *page = NULL;

	(void)options;
	TRY(credentials_url(cli, &url, &from));
	TRY(chosen_token(cli, url, &token));
	TRY(server_connect(cli));
	http_free(cli->http);
	cli->server.token = token;
	cli->http = server_another(cli);
	if (!cli->http)
		return problem(cli->arena, CLI_FAILED, "there is no memory left");
	TRY(server_get(cli, "/api/v1/projects", &page)); /* is the token taken? */
	TRY(credentials_keep(cli->arena, url, token));
	cli_say(cli, "the token for %s is kept in %s", url,
		credentials_path(cli->arena, url, "token"));
	return NO_PROBLEM;
}

const struct command command_login = {
	.name = "login",
	.operands = "",
	.summary = "Check an access token and keep it for this server",
	.about = "The token is read from --token-file, else from standard input. It is kept in "
		 "~/.config/hallmark with mode 0600, and the server becomes the preset one.",
	.examples =
		(const struct example[]){
			{"With the token that the server made at its first start",
			 "hallmark login --token-file var/admin.token"},
			{"For another server, from a password store",
			 "pass hallmark | hallmark login --url https://registry.example"},
			{NULL, NULL},
		},
	.run = login,
};
