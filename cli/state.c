#include "cli/state.h"

#include <string.h>

#include "cli/exit.h"
#include "cli/screen.h"

struct problem state_change(struct cli *cli, const struct model_ref *m, const char *version,
			    const char *verb, const char *reason, json_t **document)
{
	const char *tail = arena_printf(cli->arena, "/%s", verb);
	json_t *body = reason ? cli_own(cli->arena, json_pack("{s:s}", "reason", reason)) : NULL;

	if (reason && !body)
		return problem(cli->arena, CLI_USAGE, "the reason is not UTF-8");
	return server_send(cli, "POST", version_target(cli->arena, m, version, tail), NULL, body,
			   document);
}

/* What a range means now may not be what it meant when it was typed: the change goes to
 * the one version that the registry names. */
static struct problem exact_version(struct cli *cli, const struct model_ref *m,
				    const char **version)
{
	const char *warning = NULL;
	json_t *document = NULL;

	TRY(server_find_version(cli, m, &document, &warning));
	return server_version_name(cli, document, version);
}

struct problem state_command(struct cli *cli, const char *verb, const char *reason)
{
	struct model_ref m;
	const char *version = NULL;
	json_t *document = NULL;

	TRY(model_ref_read(cli->arena, cli->operands[0], &m));
	if (!m.reference)
		return problem(cli->arena, CLI_USAGE,
			       "which version? Write hallmark %s %s@1.0.0, say", verb,
			       cli->operands[0]);
	TRY(exact_version(cli, &m, &version));
	TRY(state_change(cli, &m, version, verb, reason, &document));
	if (cli->globals.json) {
		cli_print_json(cli, document);
		return NO_PROBLEM;
	}

	const char *state = json_text(document, "state");
	const char *key = reason ? NULL : json_text(document, "key_id");

	if (!cli->globals.quiet)
		printf("%s %s/%s@%s%s%s\n", screen_paint(cli, PAINT_GOOD, state ? state : "done"),
		       m.project, m.model, version, key ? ", signed by key " : "", key ? key : "");
	return NO_PROBLEM;
}
