/* hallmark tag: tags of a model or a version are set and taken away. */
#include <string.h>

#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/metadata.h"
#include "cli/server.h"

/* "name=value" sets, "name-" takes away: the members of a merge patch (RFC 7396). */
static struct problem changes(struct cli *cli, json_t *tags)
{
	for (int i = 1; i < cli->count; i++) {
		const char *word = cli->operands[i];
		size_t len = strlen(word);

		if (strchr(word, '=') || len < 2 || word[len - 1] != '-') {
			TRY(metadata_tag(cli->arena, word, tags));
			continue;
		}
		json_object_set_new(tags, arena_dup(cli->arena, word, len - 1), json_null());
	}
	return NO_PROBLEM;
}

/* The condition is of this very moment, so that two who tag at once both win. */
static struct problem patch(struct cli *cli, const char *target, const json_t *body, json_t **out)
{
	enum { TRIES = 5 };

	for (int n = 1;; n++) {
		const char *etag = NULL;
		const char *headers[2] = {NULL};

		TRY(server_get_tagged(cli, target, out, &etag));
		headers[0] = arena_printf(cli->arena, "If-Match: %s", etag ? etag : "*");

		struct problem p = server_send(cli, "PATCH", target, headers, body, out);

		if (p.code != PROBLEM_PRECONDITION_FAILED || n == TRIES)
			return p;
	}
}

static struct problem run(struct cli *cli, const void *options)
{
	struct model_ref m;
	json_t *tags = json_object(), *document = NULL;
	const json_t *body = cli_own(cli->arena, json_pack("{s:o}", "tags", tags));

	(void)options;
	TRY(model_ref_read(cli->arena, cli->operands[0], &m));
	TRY(changes(cli, tags));
	TRY(patch(cli,
		  m.reference ? version_target(cli->arena, &m, m.reference, "")
			      : model_target(cli->arena, &m, ""),
		  body, &document));
	if (cli->globals.json)
		cli_print_json(cli, document);
	else
		cli_say(cli, "%s is tagged", cli->operands[0]);
	return NO_PROBLEM;
}

const struct command command_tag = {
	.name = "tag",
	.operands = "MODEL[@REFERENCE] NAME=VALUE|NAME-…",
	.least = 2,
	.most = 1000,
	.summary = "Set tags of a model or a version, or take them away",
	.examples =
		(const struct example[]){
			{"Two tags of a model",
			 "hallmark tag default/minilm task=embedding team=nlp"},
			{"One away from a version", "hallmark tag default/minilm@1.0.0 candidate-"},
			{NULL, NULL},
		},
	.run = run,
};
