/* hallmark alias set: a movable name points to a version. */
#include <string.h>

#include "base/text.h"
#include "cli/alias.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/server.h"

const char *alias_target(struct arena *a, const struct model_ref *m, const char *alias)
{
	const char *name = *alias == '@' ? alias + 1 : alias;

	return arena_printf(a, "%s/%s", model_target(a, m, "/aliases"),
			    percent_text(a, name, strlen(name), ""));
}

/* The alias may exist or not: whichever it is, that is what the condition says. */
static struct problem put(struct cli *cli, const char *target, const char *version, json_t **alias)
{
	json_t *before = NULL, *body = NULL;
	const char *etag = NULL;
	const char *headers[2] = {"If-None-Match: *", NULL};
	struct problem p = server_get_tagged(cli, target, &before, &etag);

	if (p.code != PROBLEM_NONE && p.code != PROBLEM_NOT_FOUND)
		return p;
	if (p.code == PROBLEM_NONE)
		headers[0] = arena_printf(cli->arena, "If-Match: %s", etag ? etag : "*");
	body = cli_own(cli->arena, json_pack("{s:s}", "version", version));
	if (!body)
		return problem(cli->arena, CLI_USAGE, "the version is not UTF-8");
	return server_send(cli, "PUT", target, headers, body, alias);
}

static struct problem run(struct cli *cli, const void *options)
{
	struct model_ref m;
	json_t *alias = NULL;

	(void)options;
	TRY(model_ref_read(cli->arena, cli->operands[0], &m));
	if (!m.reference)
		return problem(cli->arena, CLI_USAGE,
			       "to which version? Write hallmark alias set %s@1.0.0 %s",
			       cli->operands[0], cli->operands[1]);
	TRY(put(cli, alias_target(cli->arena, &m, cli->operands[1]), m.reference, &alias));
	if (cli->globals.json)
		cli_print_json(cli, alias);
	else
		cli_say(cli, "%s is now %s/%s@%s", cli->operands[1], m.project, m.model,
			json_text(alias, "version") ? json_text(alias, "version") : m.reference);
	return NO_PROBLEM;
}

const struct command command_alias_set = {
	.name = "alias set",
	.operands = "MODEL@REFERENCE ALIAS",
	.least = 2,
	.most = 2,
	.summary = "Point an alias to a version, or move it there",
	.examples =
		(const struct example[]){
			{"The version that wins",
			 "hallmark alias set default/minilm@1.2.0 champion"},
			{NULL, NULL},
		},
	.run = run,
};
