/* credentials.h - which server, and the token for it.
 *
 * The server: --url, HALLMARK_URL, the one of the last login, else
 * http://127.0.0.1:8080. The token: --token-file, HALLMARK_TOKEN_FILE,
 * HALLMARK_TOKEN, else what `hallmark login` kept for that server. In the
 * folder of the configuration ($XDG_CONFIG_HOME/hallmark or ~/.config/hallmark):
 *
 *	url                          the server of the last login
 *	servers/http_HOST_PORT/token the access token, mode 0600
 *	servers/http_HOST_PORT/keys  the trusted signing keys (cli/keyring.h)
 */
#ifndef HALLMARK_CLI_CREDENTIALS_H
#define HALLMARK_CLI_CREDENTIALS_H

#include "cli/cli.h"

/* Where a value came from is said in words: "--url", "HALLMARK_TOKEN", a path. */
MUST_CHECK struct problem credentials_url(const struct cli *cli, const char **url,
					  const char **from);
/* token is NULL when there is none. */
MUST_CHECK struct problem credentials_token(const struct cli *cli, const char *origin,
					    const char **token, const char **from);

/* The path of a file about a server; NULL when there is no home folder. */
const char *credentials_path(struct arena *a, const char *origin, const char *name);

MUST_CHECK struct problem credentials_keep(struct arena *a, const char *origin, const char *token);
/* False when there was none. */
MUST_CHECK struct problem credentials_forget(struct arena *a, const char *origin, bool *was_there);

/* A token's text without the white space around it; CLI_USAGE when it is none. */
MUST_CHECK struct problem token_clean(struct arena *a, const char *text, const char *from,
				      const char **token);

#endif
